//! A denial says what AWS says, and carries its explanation for those who may open it.

use lakeward_identity::explain::HEADER;
use lakeward_wire::Protocol;
use serde_json::{Value, json};

use super::{
    refusals::Wrong,
    requests::{Door, exchange},
    support::{ACCOUNT, iam, user, wire::Answer},
    town::Town,
};

const STS: Protocol = Protocol::Query {
    version: "2011-06-15",
    namespace: "",
};

/// `sts:DecodeAuthorizationMessage`, asked by a key.
async fn decode(town: &Town, keys: &lakeward_client::Credentials, message: &str) -> Answer {
    let input = json!({"EncodedMessage": message});
    let ask = exchange("sts", STS, "DecodeAuthorizationMessage", &input);
    town.world.sender.signed(&ask, keys).await
}

fn decoded(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let message = answer.one("DecodedMessage");
    let message = message
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    serde_json::from_str(&message).unwrap_or_else(|error| panic!("{error}: {message}"))
}

fn door(town: &Town, name: &str) -> Door {
    let found = town.doors().into_iter().find(|door| door.name() == name);
    found.unwrap_or_else(|| panic!("no door {name}"))
}

#[tokio::test]
async fn a_denial_carries_its_explanation_for_those_who_may_open_it() {
    let town = Town::build().await;
    let everything = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
    ]});
    let admin = user(&town.world.root, "administrator", Some(everything)).await;
    let named = format!("user {}", town.names.get("user"));
    let someone = format!(
        "arn:aws:iam::{ACCOUNT}:user/team/{}",
        town.names.get("user")
    );
    let object = town.names.fill("arn:aws:s3:::{bucket}/{key}");
    let catalog = format!("arn:aws:glue:us-east-1:{ACCOUNT}:catalog");
    // What the wire calls it, and what the explanation does.
    for (action, shown, resource) in [
        ("iam:GetUser", &*named, &*someone),
        ("glue:GetDatabases", &*catalog, &*catalog),
        ("s3:GetObject", &*object, &*object),
        ("organizations:ListRoots", "*", "*"),
    ] {
        let name = action;
        let answer = town.ask(&door(&town, name), Wrong::Holder).await;
        let who = town.nobody_arn();
        let said = format!(
            "User: {who} is not authorized to perform: {action} on resource: {shown} because no identity-based policy allows the {action} action"
        );
        let text = answer.text();
        assert!(text.contains(&said), "{name}: {text}");
        let message = answer.header(HEADER);
        assert!(!message.is_empty(), "{name}: {:?}", answer.headers);

        let refused = decode(&town, &town.nobody, &message).await;
        let (status, code) = (refused.status, refused.code());
        assert_eq!(
            (status, &*code),
            (403, "AccessDenied"),
            "{}",
            refused.text()
        );

        let message = decoded(&decode(&town, &admin, &message).await);
        assert_eq!(message["allowed"], false, "{message}");
        assert_eq!(message["explicitDeny"], false, "{message}");
        let context = &message["context"];
        assert_eq!(context["principal"]["arn"], *who, "{message}");
        assert_eq!(context["action"], action, "{message}");
        assert_eq!(context["resource"], resource, "{message}");
    }
}

#[tokio::test]
async fn an_explicit_denial_is_called_one() {
    let town = Town::build().await;
    let deny = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Never", "Effect": "Deny", "Action": "iam:*", "Resource": "*"},
    ]})
    .to_string();
    let put = [
        ("Action", "PutUserPolicy"),
        ("UserName", "nobody"),
        ("PolicyName", "own"),
        ("PolicyDocument", &*deny),
    ];
    iam(&town.world.root, &put).await;
    let answer = town.ask(&door(&town, "iam:GetUser"), Wrong::Holder).await;
    let text = answer.text();
    assert!(
        text.contains("with an explicit deny in an identity-based policy"),
        "{text}"
    );
    let message = decode(&town, town.root(), &answer.header(HEADER)).await;
    let message = decoded(&message);
    assert_eq!(message["explicitDeny"], true, "{message}");
    let matched = &message["matchedStatements"]["items"][0];
    assert_eq!(matched["statementId"], "Never", "{message}");
}

#[tokio::test]
async fn an_altered_explanation_is_not_opened() {
    let town = Town::build().await;
    let answer = town.ask(&door(&town, "iam:GetUser"), Wrong::Holder).await;
    let message = answer.header(HEADER);
    let (first, rest) = message.split_at(1);
    let altered = format!("{}{rest}", if first == "A" { "B" } else { "A" });
    for message in [&*altered, "nothing", &message[..message.len() / 2]] {
        let answer = decode(&town, town.root(), message).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (400, "InvalidAuthorizationMessageException"),
            "{}",
            answer.text()
        );
    }
}
