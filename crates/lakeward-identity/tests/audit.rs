//! What calls leave behind, and who may read it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod stage;

use std::{collections::BTreeSet, os::unix::fs::symlink};

use lakeward_client::Credentials;
use lakeward_identity::audit::{Filter, Follower, Keep, Order, Reader};
use serde_json::{Value, json};
use stage::{ACCOUNT, Stage, role_arn, user_arn};

const EVERYTHING: &str = "*";

fn all_of(action: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": EVERYTHING})
}

fn names(stage: &Stage, filter: Filter, order: Order) -> Vec<String> {
    let reader = Reader::open(&stage.trail, filter, order).unwrap();
    reader
        .map(|record| record.unwrap().event_name().unwrap().to_owned())
        .collect()
}

async fn lookup(stage: &Stage, who: &Credentials, input: Value) -> stage::Reply {
    let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
    stage.json(who, "cloudtrail", target, input).await
}

#[tokio::test]
async fn a_refused_caller_cannot_write_a_record_that_nobody_reads() {
    let stage = Stage::new().await;
    let ana = stage.user("ana", all_of("iam:GetUser")).await;
    let long = "x".repeat(3 << 20);
    let input = [
        ("Action", "UntagUser"),
        ("UserName", "ana"),
        ("TagKeys.member.1", &*long),
    ];
    stage.query(&ana, "iam", &input).await;
    let record = stage.last_record();
    assert_eq!(record["errorCode"], "AccessDenied");
    assert!(record.to_string().len() < 64 << 10);
    let decision = &record["additionalEventData"]["decisions"][0];
    assert_eq!(decision["shortened"], true);
    assert_eq!(decision["reason"]["effect"], "implicitDeny");
    let wanted = Filter {
        event_name: Some("UntagUser".into()),
        ..Filter::default()
    };
    assert_eq!(names(&stage, wanted, Order::NewestFirst), ["UntagUser"]);
}

#[tokio::test]
async fn a_record_says_who_what_and_what_became_of_it() {
    let stage = Stage::new().await;
    let ana = stage.user("ana", all_of("iam:GetUser")).await;
    stage.query(&ana, "iam", &[("Action", "ListUsers")]).await;
    let record = stage.last_record();
    for (pointer, expected) in [
        ("/eventVersion", json!("1.11")),
        ("/userIdentity/type", json!("IAMUser")),
        ("/userIdentity/userName", json!("ana")),
        ("/userIdentity/arn", json!(user_arn("ana"))),
        ("/userIdentity/accessKeyId", json!(ana.access_key_id())),
        ("/eventSource", json!("iam.amazonaws.com")),
        ("/eventName", json!("ListUsers")),
        ("/awsRegion", json!("us-east-1")),
        ("/sourceIPAddress", json!("127.0.0.1")),
        ("/userAgent", json!("stage/1.0")),
        ("/errorCode", json!("AccessDenied")),
        ("/readOnly", json!(true)),
        ("/managementEvent", json!(true)),
        ("/eventCategory", json!("Management")),
        ("/recipientAccountId", json!(ACCOUNT)),
        ("/additionalEventData/decisions/0/allowed", json!(false)),
        (
            "/additionalEventData/decisions/0/action",
            json!("iam:ListUsers"),
        ),
    ] {
        assert_eq!(
            record.pointer(pointer),
            Some(&expected),
            "{pointer} of {record}"
        );
    }
    let decision = &record["additionalEventData"]["decisions"][0];
    assert_eq!(decision["context"]["aws:username"], json!(["ana"]));
    assert_eq!(
        decision["remedies"][0]["statement"]["Action"],
        "iam:ListUsers"
    );
}

#[tokio::test]
async fn a_session_is_recorded_with_its_issuer_and_source_identity() {
    let stage = Stage::new().await;
    stage.role("reader", all_of("iam:ListUsers")).await;
    let ana = stage.user("ana", all_of("sts:*")).await;
    let session = stage
        .assume(&ana, "reader", &[("SourceIdentity", "ana@example.com")])
        .await
        .ok()
        .credentials();
    let assumed = stage.last_record();
    assert_eq!(assumed["resources"][0]["type"], "AWS::IAM::Role");
    assert_eq!(
        assumed["responseElements"]["credentials"]["accessKeyId"],
        session.access_key_id()
    );
    stage
        .query(&session, "iam", &[("Action", "ListUsers")])
        .await
        .ok();
    let record = stage.last_record();
    let context = &record["userIdentity"]["sessionContext"];
    assert_eq!(record["userIdentity"]["type"], "AssumedRole");
    assert_eq!(context["sessionIssuer"]["arn"], role_arn("reader"));
    assert_eq!(context["sessionIssuer"]["userName"], "reader");
    assert_eq!(context["sourceIdentity"], "ana@example.com");
}

#[tokio::test]
async fn secrets_are_never_written() {
    let stage = Stage::new().await;
    stage.role("reader", all_of("*")).await;
    let ana = stage.user("ana", all_of("*")).await;
    let session = stage.assume(&ana, "reader", &[]).await.ok().credentials();
    stage
        .assume(
            &ana,
            "reader",
            &[
                ("TokenCode", "918273"),
                ("SerialNumber", "arn:aws:iam::111122223333:mfa/ana"),
            ],
        )
        .await;
    stage
        .query(
            &session,
            "iam",
            &[
                ("Action", "ListUsers"),
                ("SecretAccessKey", "s3kr1t-in-a-form"),
            ],
        )
        .await;
    let nested = json!({"LookupAttributes": [{"Deep": {"ClientSecret": "s3kr1t-in-json"}}]});
    lookup(&stage, &ana, nested).await;
    let trail = std::fs::read_to_string(stage.trail.join("audit.jsonl")).unwrap();
    let secrets = [
        ana.secret_access_key(),
        session.secret_access_key(),
        session.session_token().unwrap(),
        stage.root.secret_access_key(),
        "918273",
        "s3kr1t",
    ];
    for secret in secrets {
        assert!(!trail.contains(secret), "{secret}");
    }
    assert!(trail.contains("PolicyDocument") || trail.contains("policyDocument"));
}

#[tokio::test]
async fn nested_parameters_are_kept_whole() {
    let stage = Stage::new().await;
    let tagged = [
        ("UserName", "ana"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "red"),
    ];
    stage.root("CreateUser", &tagged).await;
    let parameters = stage.last_record()["requestParameters"].clone();
    assert_eq!(parameters["userName"], "ana");
    let text = parameters.to_string();
    assert!(text.contains("team") && text.contains("red"), "{text}");
}

#[tokio::test]
async fn nothing_is_answered_or_done_without_a_trail() {
    // Every record fills its file, so that each call opens the next one.
    let keep = Keep {
        file_bytes: 1,
        ..Keep::default()
    };
    let stage = Stage::keeping(keep).await;
    let active = stage.trail.join("audit.jsonl");
    let create = |name: &'static str| [("Action", "CreateUser"), ("UserName", name)];
    // The kernel's own full disk, found when the folder's next file is opened.
    let room = stage.trail.with_extension("room");
    std::fs::rename(&stage.trail, &room).unwrap();
    let unrecorded = stage.query(&stage.root, "iam", &create("one")).await;
    // That record was written to the open file; its folder was missed only afterwards.
    assert_eq!(unrecorded.status, 200);
    std::fs::create_dir(&stage.trail).unwrap();
    symlink("/dev/full", &active).unwrap();
    let refused = stage.query(&stage.root, "iam", &create("two")).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    let refused = stage.query(&stage.root, "iam", &create("three")).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.text("Code"), "ServiceUnavailable");
    assert!(refused.body.contains("audit trail"), "{}", refused.body);

    std::fs::remove_file(&active).unwrap();
    std::fs::remove_dir(&stage.trail).unwrap();
    std::fs::rename(&room, &stage.trail).unwrap();
    let users = stage.root("ListUsers", &[]).await.body;
    // The second was done before anybody could know; the third not.
    assert!(users.contains("two") && !users.contains("three"), "{users}");
    let reader = Reader::open(&stage.trail, Filter::default(), Order::OldestFirst).unwrap();
    let names: Vec<Value> = reader
        .map(|record| record.unwrap().value()["requestParameters"]["userName"].clone())
        .collect();
    assert_eq!(
        names,
        [json!("one"), json!("two"), json!("three"), Value::Null]
    );
}

#[tokio::test]
async fn a_full_disk_refuses_calls_until_there_is_room() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    symlink("/dev/full", folder.path().join("audit.jsonl")).unwrap();
    let audit = lakeward_identity::AuditTrail::open(folder.path()).unwrap();
    let caller = stage.caller(&stage.root);
    let call = stage.call(&caller);
    let event = lakeward_identity::Event {
        service: "iam",
        operation: "CreateUser",
        parameters: Value::Null,
        region: "us-east-1",
        request_id: call.request_id(),
        error: None,
    };
    let refused = audit.call(&call, event).unwrap_err();
    assert_eq!(
        (refused.status.as_u16(), &*refused.code),
        (503, "ServiceUnavailable")
    );
    assert!(
        refused.message.contains("No space left"),
        "{}",
        refused.message
    );
    assert!(audit.ready().is_err());
    std::fs::remove_file(folder.path().join("audit.jsonl")).unwrap();
    audit.ready().unwrap();
    let reader = Reader::open(folder.path(), Filter::default(), Order::OldestFirst).unwrap();
    let ids: Vec<String> = reader
        .map(|record| record.unwrap().request_id().unwrap().to_owned())
        .collect();
    assert_eq!(ids, [call.request_id()]);
}

#[tokio::test]
async fn a_reader_finds_its_way_through_files_filters_and_damage() {
    let keep = Keep {
        file_bytes: 4000,
        ..Keep::default()
    };
    let stage = Stage::keeping(keep).await;
    let ana = stage.user("ana", all_of("iam:Get*")).await;
    for number in 0..20 {
        let name = format!("u{number}");
        stage.root("CreateUser", &[("UserName", &name)]).await;
        stage.query(&ana, "iam", &[("Action", "ListUsers")]).await;
    }
    let files = std::fs::read_dir(&stage.trail).unwrap().count();
    assert!(files > 3, "{files}");
    let all = names(&stage, Filter::default(), Order::OldestFirst);
    assert_eq!(all.len(), 43);
    let mut newest = names(&stage, Filter::default(), Order::NewestFirst);
    newest.reverse();
    assert_eq!(all, newest);

    let by = |filter: Filter| names(&stage, filter, Order::NewestFirst).len();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        by(Filter {
            denied: true,
            ..Filter::default()
        }),
        20
    );
    assert_eq!(
        by(Filter {
            user: some("ana"),
            ..Filter::default()
        }),
        20
    );
    assert_eq!(
        by(Filter {
            user: some("root"),
            ..Filter::default()
        }),
        23
    );
    assert_eq!(
        by(Filter {
            principal: Some(user_arn("ana")),
            ..Filter::default()
        }),
        20
    );
    assert_eq!(
        by(Filter {
            event_name: some("createuser"),
            ..Filter::default()
        }),
        21
    );
    assert_eq!(
        by(Filter {
            service: some("iam"),
            ..Filter::default()
        }),
        43
    );
    assert_eq!(
        by(Filter {
            service: some("s3"),
            ..Filter::default()
        }),
        0
    );
    assert_eq!(
        by(Filter {
            resource: some("u7"),
            ..Filter::default()
        }),
        1
    );
    assert_eq!(
        by(Filter {
            read_only: Some(true),
            ..Filter::default()
        }),
        20
    );
    let key = Some(ana.access_key_id().to_owned());
    assert_eq!(
        by(Filter {
            access_key_id: key,
            ..Filter::default()
        }),
        20
    );
    let future = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    assert_eq!(
        by(Filter {
            since: Some(future),
            ..Filter::default()
        }),
        0
    );
    assert_eq!(
        by(Filter {
            until: Some(future),
            ..Filter::default()
        }),
        43
    );

    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(stage.trail.join("audit.jsonl"))
        .unwrap();
    file.write_all(b"{\"eventName\": \"cut o").unwrap();
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let mut reader = Reader::open(&stage.trail, Filter::default(), order).unwrap();
        assert_eq!(reader.by_ref().map(Result::unwrap).count(), 43);
        assert_eq!(reader.unreadable(), 1);
    }
}

#[tokio::test]
async fn a_follower_misses_nothing_when_files_are_put_aside() {
    let keep = Keep {
        file_bytes: 3000,
        ..Keep::default()
    };
    let stage = Stage::keeping(keep).await;
    stage.root("ListUsers", &[]).await;
    let mut follower = Follower::open(&stage.trail).unwrap();
    assert!(follower.poll().unwrap().is_none());
    let mut seen = Vec::new();
    for number in 0..30 {
        let name = format!("u{number}");
        stage.root("CreateUser", &[("UserName", &name)]).await;
        if number % 7 == 0 {
            while let Some(record) = follower.poll().unwrap() {
                seen.push(record.value()["requestParameters"]["userName"].clone());
            }
        }
    }
    while let Some(record) = follower.poll().unwrap() {
        seen.push(record.value()["requestParameters"]["userName"].clone());
    }
    let expected: Vec<Value> = (0..30).map(|number| json!(format!("u{number}"))).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_follower_waits_for_a_line_to_be_whole() {
    use std::io::Write as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let mut file = std::fs::File::create(&path).unwrap();
    let mut follower = Follower::open(dir.path()).unwrap();
    file.write_all(b"{\"eventName\":").unwrap();
    assert!(follower.poll().unwrap().is_none());
    file.write_all(b"\"A\"}\n{\"eventName\":\"B\"}\n").unwrap();
    assert_eq!(follower.poll().unwrap().unwrap().event_name(), Some("A"));
    assert_eq!(follower.poll().unwrap().unwrap().event_name(), Some("B"));
    assert!(follower.poll().unwrap().is_none());
}

#[tokio::test]
async fn events_are_looked_up_page_by_page() {
    let keep = Keep {
        file_bytes: 4000,
        ..Keep::default()
    };
    let stage = Stage::keeping(keep).await;
    for number in 0..12 {
        let name = format!("u{number}");
        stage.root("CreateUser", &[("UserName", &name)]).await;
    }
    let attribute = json!([{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}]);
    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let input = json!({"LookupAttributes": attribute, "MaxResults": 5, "NextToken": token});
        let page = lookup(&stage, &stage.root, input).await.ok().json();
        for event in page["Events"].as_array().unwrap() {
            assert_eq!(event["ReadOnly"], "false");
            assert_eq!(event["Username"], "root");
            assert_eq!(event["Resources"][0]["ResourceType"], "AWS::IAM::User");
            let whole: Value =
                serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
            assert_eq!(whole["eventID"], event["EventId"]);
            assert!(whole.get("additionalEventData").is_none());
            seen.push(
                whole["requestParameters"]["userName"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    let expected: Vec<String> = (0..12).rev().map(|number| format!("u{number}")).collect();
    assert_eq!(seen, expected);
    let unique: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(unique.len(), 12);
}

#[tokio::test]
async fn a_look_up_is_for_those_who_may_and_of_their_account_only() {
    let stage = Stage::new().await;
    let ana = stage.user("ana", all_of("cloudtrail:LookupEvents")).await;
    let ben = stage.user("ben", all_of("iam:*")).await;
    assert!(
        !lookup(&stage, &ana, json!({})).await.ok().json()["Events"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let refused = lookup(&stage, &ben, json!({})).await;
    assert_eq!(refused.json()["__type"], "AccessDeniedException");
    let other = stage.identity.ensure_account("444455556666").await.unwrap();
    let other = Credentials::permanent(&other.id, other.secret.expose());
    let nothing = lookup(&stage, &other, json!({})).await.ok().json();
    assert_eq!(nothing["Events"], json!([]));
}

#[tokio::test]
async fn wrong_look_ups_are_refused_by_name() {
    let stage = Stage::new().await;
    let attribute = |key: &str, value: &str| json!({"AttributeKey": key, "AttributeValue": value});
    let one = attribute("EventName", "CreateUser");
    for (input, code) in [
        (
            json!({"LookupAttributes": [one, one]}),
            "InvalidLookupAttributesException",
        ),
        (
            json!({"LookupAttributes": [attribute("Nonsense", "x")]}),
            "InvalidLookupAttributesException",
        ),
        (
            json!({"LookupAttributes": [attribute("ReadOnly", "maybe")]}),
            "InvalidLookupAttributesException",
        ),
        (
            json!({"StartTime": 2000, "EndTime": 1000}),
            "InvalidTimeRangeException",
        ),
        (json!({"StartTime": 1e300}), "InvalidTimeRangeException"),
        (json!({"MaxResults": 0}), "InvalidMaxResultsException"),
        (json!({"MaxResults": 51}), "InvalidMaxResultsException"),
        (json!({"NextToken": "x"}), "InvalidNextTokenException"),
    ] {
        let refused = lookup(&stage, &stage.root, input.clone()).await;
        assert_eq!(refused.json()["__type"], code, "{input}");
    }
    stage.root("ListUsers", &[]).await;
    let page = lookup(&stage, &stage.root, json!({"MaxResults": 1}))
        .await
        .ok()
        .json();
    let foreign = json!({"NextToken": page["NextToken"], "LookupAttributes": [one]});
    let refused = lookup(&stage, &stage.root, foreign).await;
    assert_eq!(refused.json()["__type"], "InvalidNextTokenException");
}
