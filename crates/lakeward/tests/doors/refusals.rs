//! Every operation refuses those who prove nothing and those who hold nothing.

use http::Method;
use lakeward::profile::Profile;
use lakeward_identity::explain::HEADER;
use serde_json::Value;

use super::{
    exceptions::{is_open, is_public},
    names::Names,
    requests::{Door, Tongue, every_door},
    support::{user, wire::Answer},
    town::{INVITED, Town},
};

/// The ways to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    Unsigned,
    UnknownKey,
    Secret,
    Date,
    Expired,
    Body,
    Holder,
}

impl Wrong {
    pub const ALL: [Self; 7] = [
        Self::Unsigned,
        Self::UnknownKey,
        Self::Secret,
        Self::Date,
        Self::Expired,
        Self::Body,
        Self::Holder,
    ];

    /// Whether the request proves who asks.
    fn proves(self) -> bool {
        matches!(self, Self::Holder | Self::Expired)
    }
}

/// Status and code, by protocol ("Common errors" of each service; "Error responses" of S3).
fn refusal(tongue: Tongue, wrong: Wrong) -> (u16, &'static str) {
    let [query, json, s3] = match wrong {
        Wrong::Unsigned => [
            (403, "MissingAuthenticationToken"),
            (400, "MissingAuthenticationTokenException"),
            (403, "AccessDenied"),
        ],
        Wrong::UnknownKey => [
            (403, "InvalidClientTokenId"),
            (400, "UnrecognizedClientException"),
            (403, "InvalidAccessKeyId"),
        ],
        Wrong::Secret => [
            (403, "SignatureDoesNotMatch"),
            (400, "InvalidSignatureException"),
            (403, "SignatureDoesNotMatch"),
        ],
        Wrong::Date => [
            (403, "SignatureDoesNotMatch"),
            (400, "InvalidSignatureException"),
            (403, "RequestTimeTooSkewed"),
        ],
        Wrong::Expired => [
            (403, "ExpiredToken"),
            (400, "ExpiredTokenException"),
            (400, "ExpiredToken"),
        ],
        Wrong::Body => [
            (403, "SignatureDoesNotMatch"),
            (400, "InvalidSignatureException"),
            (400, "XAmzContentSHA256Mismatch"),
        ],
        Wrong::Holder => [
            (403, "AccessDenied"),
            (400, "AccessDeniedException"),
            (403, "AccessDenied"),
        ],
    };
    match tongue {
        Tongue::Query => query,
        Tongue::Json => json,
        Tongue::S3 => s3,
    }
}

/// The answer is the protocol's own refusal, and the record tells of it.
fn assert_refused(town: &Town, door: &Door, wrong: Wrong, answer: &Answer) {
    let at = format!("{}, {wrong:?}: {}", door.name(), answer.text());
    let (status, code) = refusal(door.tongue, wrong);
    let seen = match door.exchange.method {
        Method::HEAD => code.to_owned(),
        _ => answer.code(),
    };
    assert_eq!((answer.status, &*seen), (status, code), "{at}");
    let record = town.record(answer);
    let source = format!("{}.amazonaws.com", door.service);
    assert_eq!(record["eventSource"], source, "{at}");
    // The query services' own code of a denial is the shorter one, on the wire as well.
    let recorded = record["errorCode"].as_str().unwrap_or_default();
    assert!(
        [code, &format!("{code}Exception")].contains(&recorded),
        "{at}: recorded {recorded}"
    );
    let named = record["eventName"].as_str().unwrap_or_default();
    // S3 learns which operation it is after the signature.
    let unread = door.tongue == Tongue::S3 && !wrong.proves();
    assert!(
        named == door.operation || (unread && named == "Unknown"),
        "{at}: recorded {named}"
    );
    assert_names_the_caller(town, wrong, &record, &at);
}

fn assert_names_the_caller(town: &Town, wrong: Wrong, record: &Value, at: &str) {
    let who = &record["userIdentity"];
    match wrong {
        Wrong::Holder => {
            assert_eq!(who["arn"], town.nobody_arn(), "{at}");
            let decisions = &record["additionalEventData"]["decisions"];
            let mut decisions = decisions.as_array().unwrap().iter();
            assert!(
                decisions.any(|decision| decision["allowed"] == false),
                "{at}"
            );
        }
        Wrong::Secret | Wrong::Date => {
            assert_eq!(who["accessKeyId"], town.root().access_key_id(), "{at}");
            assert!(
                who["arn"].is_null(),
                "an unproven name is no identity: {at}"
            );
        }
        // S3's signature is over the body's digest and proves the caller, whatever the body is.
        Wrong::Body if record["eventSource"] == "s3.amazonaws.com" => {}
        Wrong::Unsigned | Wrong::UnknownKey | Wrong::Expired | Wrong::Body => {
            assert!(
                who["arn"].is_null(),
                "an unproven name is no identity: {at}"
            );
        }
    }
}

#[tokio::test]
async fn every_operation_refuses_those_who_prove_nothing() {
    let town = Town::build().await;
    let before = town.everything().await;
    for door in town.doors().iter().filter(|door| !is_public(door)) {
        for wrong in Wrong::ALL {
            // Without such an upload there is nothing to read a part for.
            let bodiless = door.exchange.body.is_empty() || door.operation == "UploadPart";
            if wrong == Wrong::Holder || (wrong == Wrong::Body && bodiless) {
                continue;
            }
            let answer = town.ask(door, wrong).await;
            assert_refused(&town, door, wrong, &answer);
        }
    }
    assert_eq!(town.everything().await, before);
}

#[tokio::test]
async fn every_operation_refuses_those_who_hold_nothing() {
    let town = Town::build().await;
    let before = town.everything().await;
    let missing = every_door(&town.world.daemon, &Names::missing());
    let mut unlike = Vec::new();
    for (there, missing) in town.doors().iter().zip(&missing) {
        if is_open(there) || is_public(there) {
            continue;
        }
        let answers = [
            town.ask(there, Wrong::Holder).await,
            town.ask(missing, Wrong::Holder).await,
        ];
        for (door, answer) in [there, missing].into_iter().zip(&answers) {
            match &*door.operation {
                "DeleteObjects" => assert_every_key_refused(&town, answer),
                _ => assert_refused(&town, door, Wrong::Holder, answer),
            }
        }
        let [one, other] = seen(&town, &answers);
        if one != other {
            unlike.push(format!("{}: {one:?} and {other:?}", there.name()));
        }
    }
    assert!(
        unlike.is_empty(),
        "what is missing shows:\n{}",
        unlike.join("\n")
    );
    assert_eq!(town.everything().await, before);
}

#[tokio::test]
async fn the_type_of_a_hidden_policy_does_not_show() {
    let town = Town::build().await;
    let there = town.names.get("resource_control");
    let missing = Names::missing();
    let [there, missing] = [there, missing.get("control")].map(|id| {
        let mut names = town.names.clone();
        names.set("control", id);
        every_door(&town.world.daemon, &names).into_iter()
    });
    let mut count = 0;
    for (there, missing) in there.zip(missing) {
        if there.exchange.body == missing.exchange.body {
            continue;
        }
        let answers = [
            town.ask(&there, Wrong::Holder).await,
            town.ask(&missing, Wrong::Holder).await,
        ];
        let [one, other] = seen(&town, &answers).map(|(status, sealed, text)| {
            let text = text.replace("<resource_control>", "<control>");
            (status, sealed, text)
        });
        assert_eq!(one, other, "{}", there.name());
        count += 1;
    }
    assert_eq!(count, 6, "operations on a policy of the organization");
}

#[tokio::test]
async fn an_invitation_is_hidden_in_the_invited_account_too() {
    let town = Town::build().await;
    let key = town.world.daemon.identity().ensure_account(INVITED).await;
    let keys = Profile::of_key(&key.unwrap()).key();
    let invited = town.world.instance.client(keys).unwrap();
    let nobody = user(&invited, "nobody", None).await;
    let missing = every_door(&town.world.daemon, &Names::missing());
    let pairs = town.doors().into_iter().zip(missing);
    let mut count = 0;
    for (there, missing) in pairs.filter(|(there, _)| there.operation.ends_with("Handshake")) {
        let sender = &town.world.sender;
        let answers = [
            sender.signed(&there.exchange, &nobody).await,
            sender.signed(&missing.exchange, &nobody).await,
        ];
        let [one, other] = seen(&town, &answers);
        assert_eq!(one, other, "{}", there.name());
        assert_eq!(answers[0].code(), "AccessDeniedException");
        count += 1;
    }
    assert_eq!(count, 4);
}

/// `DeleteObjects` answers for each key.
fn assert_every_key_refused(town: &Town, answer: &Answer) {
    let text = answer.text();
    let denied = (answer.status, answer.one("Code"));
    assert_eq!(denied, (200, "AccessDenied".to_owned()), "{text}");
    assert!(answer.all("Deleted").is_empty(), "{text}");
    assert_eq!(town.record(answer)["eventName"], "DeleteObjects");
}

/// Answers about what is there and what is missing, without their names: alike to the one who may
/// not see either.
fn seen(town: &Town, answers: &[Answer; 2]) -> [(u16, usize, String); 2] {
    let missing = Names::missing();
    answers.each_ref().map(|answer| {
        let text = answer.text().replace(&answer.request_id(), "");
        let text = missing.blank(&town.names.blank(&text));
        // The explanation is sealed; its length must not tell.
        (answer.status, answer.header(HEADER).len(), text)
    })
}
