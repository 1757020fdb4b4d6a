//! Why something is denied: sealed in the denial, asked for, and looked up.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod stage;

use lakeward_client::Credentials;
use lakeward_identity::explain::HEADER;
use serde_json::{Value, json};
use stage::{ACCOUNT, Reply, Stage, role_arn, user_arn};

fn all_of(action: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": "*"})
}

async fn explain(stage: &Stage, who: &Credentials, question: Value) -> Reply {
    stage
        .json(who, "lakeward", "Lakeward.ExplainAccess", question)
        .await
}

async fn denials(stage: &Stage, who: &Credentials, question: Value) -> Reply {
    stage
        .json(who, "lakeward", "Lakeward.ListDenials", question)
        .await
}

fn door<'v>(answer: &'v Value, name: &str) -> &'v Value {
    let doors = answer["Doors"].as_array().unwrap();
    let found = doors.iter().find(|door| door["Door"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {answer}"))
}

fn sealed(reply: &Reply) -> String {
    reply.headers[HEADER].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_denial_carries_its_explanation_for_those_who_may_open_it() {
    let stage = Stage::new().await;
    let ana = stage
        .user(
            "ana",
            json!({
                "Sid": "Lake", "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*",
                "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
            }),
        )
        .await;
    let denied = stage.query(&ana, "iam", &[("Action", "ListUsers")]).await;
    assert_eq!(denied.status, 403);
    let message = sealed(&denied);
    let decode = [
        ("Action", "DecodeAuthorizationMessage"),
        ("EncodedMessage", &*message),
    ];
    assert_eq!(stage.query(&ana, "sts", &decode).await.status, 403);
    let decoded = stage.query(&stage.root, "sts", &decode).await.ok();
    let decoded: Value = serde_json::from_str(&decoded.text("DecodedMessage")).unwrap();
    assert_eq!(decoded["allowed"], false);
    assert_eq!(decoded["explicitDeny"], false);
    assert_eq!(decoded["context"]["principal"]["arn"], user_arn("ana"));
    assert_eq!(decoded["context"]["action"], "iam:ListUsers");
    let conditions = decoded["context"]["conditions"]["items"]
        .as_array()
        .unwrap();
    let address = conditions
        .iter()
        .find(|one| one["key"] == "aws:sourceip")
        .unwrap();
    assert_eq!(address["values"]["items"][0]["value"], "127.0.0.1");
    let reasons = decoded["lakeward"]["denial"]["reason"]["reasons"].to_string();
    assert!(
        reasons.contains("Lake") && reasons.contains("conditionUnmet"),
        "{reasons}"
    );
}

#[tokio::test]
async fn an_explicit_deny_names_its_statement() {
    let stage = Stage::new().await;
    let deny =
        json!({"Sid": "Never", "Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"});
    let ana = stage.user("ana", json!([all_of("*"), deny])).await;
    let denied = stage.query(&ana, "iam", &[("Action", "ListUsers")]).await;
    let message = sealed(&denied);
    let decode = [
        ("Action", "DecodeAuthorizationMessage"),
        ("EncodedMessage", &*message),
    ];
    let decoded = stage.query(&stage.root, "sts", &decode).await.ok();
    let decoded: Value = serde_json::from_str(&decoded.text("DecodedMessage")).unwrap();
    assert_eq!(decoded["explicitDeny"], true);
    assert_eq!(
        decoded["matchedStatements"]["items"][0]["statementId"],
        "Never"
    );
}

#[tokio::test]
async fn a_message_is_good_in_its_account_only_and_can_not_be_altered() {
    let stage = Stage::new().await;
    let ana = stage.user("ana", all_of("iam:GetUser")).await;
    let message = sealed(&stage.query(&ana, "iam", &[("Action", "ListUsers")]).await);
    let other = stage.identity.ensure_account("444455556666").await.unwrap();
    let other = Credentials::permanent(&other.id, other.secret.expose());
    let mut altered = message.clone();
    altered.replace_range(50..51, if &altered[50..51] == "A" { "B" } else { "A" });
    for (who, message) in [
        (&other, &*message),
        (&stage.root, &*altered),
        (&stage.root, "x"),
    ] {
        let decode = [
            ("Action", "DecodeAuthorizationMessage"),
            ("EncodedMessage", message),
        ];
        let refused = stage.query(who, "sts", &decode).await;
        assert_eq!(refused.text("Code"), "InvalidAuthorizationMessageException");
    }
}

#[tokio::test]
async fn hidden_and_missing_look_alike_to_the_byte() {
    let stage = Stage::new().await;
    stage.role("there", all_of("*")).await;
    let ana = stage.user("ana", all_of("iam:GetUser")).await;
    let there = stage.assume(&ana, "there", &[]).await;
    let missing = stage.assume(&ana, "mssng", &[]).await;
    assert_eq!(there.status, missing.status);
    assert_eq!(sealed(&there).len(), sealed(&missing).len());
    let names =
        |reply: &Reply| -> Vec<String> { reply.headers.keys().map(ToString::to_string).collect() };
    assert_eq!(names(&there), names(&missing));
}

#[tokio::test]
async fn an_allowed_call_carries_nothing() {
    let stage = Stage::new().await;
    let reply = stage.root("ListUsers", &[]).await;
    assert!(reply.headers.get(HEADER).is_none());
}

#[tokio::test]
async fn a_question_is_answered_door_by_door() {
    let stage = Stage::new().await;
    stage.user("ana", json!({
        "Sid": "Lake", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*",
    })).await;
    let question = json!({
        "Principal": user_arn("ana"), "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/k",
    });
    let answer = explain(&stage, &stage.root, question).await.ok().json();
    assert_eq!(answer["Allowed"], true, "{answer}");
    let identity = door(&answer, "identityPolicy");
    assert_eq!(identity["Verdict"], "Allows");
    assert_eq!(identity["Reasons"][0]["sid"], "Lake");
    assert_eq!(identity["Reasons"][0]["policy"], "p");
    assert_eq!(
        answer["NotAsked"],
        json!(["bucket policy", "Lake Formation"])
    );

    let question = json!({
        "Principal": user_arn("ana"), "Action": "s3:PutObject", "Resource": "arn:aws:s3:::lake/k",
    });
    let answer = explain(&stage, &stage.root, question).await.ok().json();
    assert_eq!(answer["Allowed"], false);
    assert_eq!(answer["Decision"], "implicitDeny");
    assert!(
        answer["Message"]
            .as_str()
            .unwrap()
            .contains("no identity-based policy allows")
    );
    assert_eq!(door(&answer, "identityPolicy")["Verdict"], "NothingAllows");
    let statement = &answer["Remedies"][0]["statement"];
    assert_eq!(statement["Action"], "s3:PutObject");
    assert_eq!(statement["Resource"], "arn:aws:s3:::lake/k");
}

#[tokio::test]
async fn the_smallest_grant_does_allow_it() {
    let stage = Stage::new().await;
    let ana = stage.user("ana", all_of("iam:GetUser")).await;
    let denied = stage.query(&ana, "iam", &[("Action", "ListUsers")]).await;
    assert_eq!(denied.status, 403);
    let asked = json!({"Principal": user_arn("ana"), "MaxResults": 1});
    let answer = denials(&stage, &stage.root, asked).await.ok().json();
    let statement = answer["Denials"][0]["Decisions"][0]["remedies"][0]["statement"].clone();
    let document = stage::policy(statement);
    let put = [
        ("UserName", "ana"),
        ("PolicyName", "more"),
        ("PolicyDocument", &*document),
    ];
    stage.root("PutUserPolicy", &put).await;
    stage
        .query(&ana, "iam", &[("Action", "ListUsers")])
        .await
        .ok();
}

#[tokio::test]
async fn conditions_of_the_question_count() {
    let stage = Stage::new().await;
    stage
        .user(
            "ana",
            json!({
                "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
                "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
            }),
        )
        .await;
    let ask = |context: Value| {
        json!({
            "Principal": user_arn("ana"), "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::lake/k", "Context": context,
        })
    };
    for (context, allowed) in [
        (json!({}), false),
        (json!({"aws:SourceIp": ["10.1.2.3"]}), true),
        (json!({"aws:sourceip": ["11.1.2.3"]}), false),
    ] {
        let answer = explain(&stage, &stage.root, ask(context)).await.ok().json();
        assert_eq!(answer["Allowed"], allowed, "{answer}");
    }
}

#[tokio::test]
async fn trust_policies_boundaries_and_sessions_are_doors() {
    let stage = Stage::new().await;
    stage.role("reader", all_of("s3:*")).await;
    stage.user("ana", all_of("iam:*")).await;
    let question = json!({
        "Principal": user_arn("ana"), "Action": "sts:AssumeRole", "Resource": role_arn("reader"),
    });
    let answer = explain(&stage, &stage.root, question).await.ok().json();
    assert_eq!(answer["Allowed"], false);
    let trust = door(&answer, "trustPolicy");
    assert_eq!(trust["Verdict"], "Allows", "{answer}");
    assert_eq!(trust["Reasons"][0]["sid"], "Account");
    assert_eq!(door(&answer, "identityPolicy")["Verdict"], "NothingAllows");

    let limit = stage::policy(all_of("iam:GetUser"));
    let limit = stage
        .root(
            "CreatePolicy",
            &[("PolicyName", "limit"), ("PolicyDocument", &limit)],
        )
        .await
        .text("Arn");
    let bound = [("UserName", "ana"), ("PermissionsBoundary", &*limit)];
    stage.root("PutUserPermissionsBoundary", &bound).await;
    let question = json!({"Principal": user_arn("ana"), "Action": "iam:ListUsers"});
    let answer = explain(&stage, &stage.root, question).await.ok().json();
    assert_eq!(answer["Allowed"], false);
    assert_eq!(door(&answer, "identityPolicy")["Verdict"], "Allows");
    assert_eq!(
        door(&answer, "permissionsBoundary")["Verdict"],
        "NothingAllows"
    );

    let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/reader/anyone");
    let question = json!({
        "Principal": session, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/k",
    });
    let answer = explain(&stage, &stage.root, question).await.ok().json();
    assert_eq!(answer["Allowed"], true, "{answer}");
    assert_eq!(answer["Principal"], session);
}

#[tokio::test]
async fn an_explanation_is_for_those_who_may_see_it() {
    let stage = Stage::new().await;
    stage.user("ana", all_of("iam:GetUser")).await;
    let ben = stage
        .user(
            "ben",
            json!({
                "Effect": "Allow", "Action": "lakeward:*", "Resource": user_arn("ana"),
            }),
        )
        .await;
    let ask = |name: &str| json!({"Principal": user_arn(name), "Action": "iam:ListUsers"});
    explain(&stage, &ben, ask("ana")).await.ok();
    denials(&stage, &ben, json!({"Principal": user_arn("ana")}))
        .await
        .ok();
    // Neither itself, nor one who isn't there, nor everyone.
    for name in ["ben", "nobody"] {
        let refused = explain(&stage, &ben, ask(name)).await;
        assert_eq!(refused.json()["__type"], "AccessDeniedException");
        let refused = denials(&stage, &ben, json!({"Principal": user_arn(name)})).await;
        assert_eq!(refused.json()["__type"], "AccessDeniedException");
    }
    let refused = denials(&stage, &ben, json!({})).await;
    assert_eq!(refused.json()["__type"], "AccessDeniedException");
    let missing = explain(&stage, &stage.root, ask("nobody")).await;
    assert_eq!(missing.json()["__type"], "ResourceNotFoundException");
}

#[tokio::test]
async fn the_last_denials_are_listed_newest_first() {
    let stage = Stage::new().await;
    stage.role("reader", all_of("iam:GetRole")).await;
    let ana = stage.user("ana", all_of("sts:AssumeRole")).await;
    let session = stage.assume(&ana, "reader", &[]).await.ok().credentials();
    for action in ["ListUsers", "ListRoles", "ListGroups"] {
        stage.query(&session, "iam", &[("Action", action)]).await;
        stage.query(&ana, "iam", &[("Action", action)]).await;
    }
    let asked = json!({"Principal": role_arn("reader"), "MaxResults": 2});
    let answer = denials(&stage, &stage.root, asked).await.ok().json();
    let seen: Vec<&str> = answer["Denials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|denial| denial["EventName"].as_str().unwrap())
        .collect();
    assert_eq!(seen, ["ListGroups", "ListRoles"]);
    assert_eq!(answer["Truncated"], true);
    let decision = &answer["Denials"][0]["Decisions"][0];
    assert_eq!(decision["action"], "iam:ListGroups");
    assert_eq!(decision["reason"]["door"], "identityPolicy");
    let everyone = denials(&stage, &stage.root, json!({"MaxResults": 50}))
        .await
        .ok()
        .json();
    assert_eq!(everyone["Denials"].as_array().unwrap().len(), 6);
    assert_eq!(everyone["Truncated"], false);
}

#[tokio::test]
async fn malformed_questions_are_refused() {
    let stage = Stage::new().await;
    let ana = user_arn("ana");
    for question in [
        json!({"Principal": "ana", "Action": "s3:GetObject"}),
        json!({"Principal": ana, "Action": "GetObject"}),
        json!({"Principal": ana, "Action": "s3:*"}),
        json!({"Principal": ana, "Action": "s3:GetObject", "Resource": "lake"}),
        json!({"Principal": ana, "Action": "s3:GetObject", "Context": {"k": vec!["v"; 101]}}),
    ] {
        let refused = explain(&stage, &stage.root, question.clone()).await;
        assert_eq!(
            refused.json()["__type"],
            "ValidationException",
            "{question}"
        );
    }
    let refused = denials(&stage, &stage.root, json!({"MaxResults": 51})).await;
    assert_eq!(refused.json()["__type"], "ValidationException");
}
