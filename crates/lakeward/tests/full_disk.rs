//! A disk that takes no more: changes are refused in so many words, nothing is half there, reads go
//! on, and so does everything when there is room again.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::path::Path;

use bytes::Bytes;
use http::Method;
use lakeward_client::Credentials;
use lakeward_identity::audit::{Filter, Order, Reader};
use serde_json::{Value, json};
use support::{
    program::{Program, run},
    wire::{Answer, Exchange, Sender},
};

const IAM: &str = "2010-05-08";
/// How large a file may become: more than the audit trail of the test, less than its changes.
const FULL: u64 = 400_000;
/// So many changes don't fit.
const TOO_MANY: usize = 300;

/// A change by way of one door, and how to look for what it made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Iam,
    Glue,
    Emr,
    S3,
}

const DOORS: [Door; 4] = [Door::Iam, Door::Glue, Door::Emr, Door::S3];

impl Door {
    fn change(self, name: &str) -> Exchange {
        let emr = "ElasticMapReduce.CreateSecurityConfiguration";
        let emr_input = json!({"Name": name, "SecurityConfiguration": "{}"});
        let glue_input = json!({"DatabaseInput": {"Name": name, "Description": "x".repeat(1000)}});
        match self {
            Self::Iam => {
                let create = [("Action", "CreateUser"), ("UserName", name)];
                Exchange::query("iam", IAM, &create)
            }
            Self::Glue => Exchange::json("glue", "AWSGlue.CreateDatabase", &glue_input),
            Self::Emr => Exchange::json("elasticmapreduce", emr, &emr_input),
            Self::S3 => {
                Exchange::s3(Method::PUT, &format!("/lake/{name}")).body(name.as_bytes().to_vec())
            }
        }
    }

    fn look(self, name: &str) -> Exchange {
        let emr = "ElasticMapReduce.DescribeSecurityConfiguration";
        let input = json!({"Name": name});
        match self {
            Self::Iam => Exchange::query("iam", IAM, &[("Action", "GetUser"), ("UserName", name)]),
            Self::Glue => Exchange::json("glue", "AWSGlue.GetDatabase", &input),
            Self::Emr => Exchange::json("elasticmapreduce", emr, &input),
            Self::S3 => Exchange::s3(Method::GET, &format!("/lake/{name}")),
        }
    }
}

struct Caller {
    sender: Sender,
    keys: Credentials,
}

impl Caller {
    fn of(program: &Program, keys: &Credentials) -> Self {
        Self {
            sender: Sender::of(&program.instance()),
            keys: keys.clone(),
        }
    }

    async fn send(&self, exchange: &Exchange) -> Answer {
        self.sender.signed(exchange, &self.keys).await
    }

    async fn change(&self, door: Door, name: &str) -> Answer {
        self.send(&door.change(name)).await
    }

    async fn knows(&self, door: Door, name: &str) -> bool {
        let answer = self.send(&door.look(name)).await;
        assert!(
            answer.status == 200 || (400..500).contains(&answer.status),
            "{}",
            answer.text()
        );
        answer.status == 200
    }

    /// Changes until one is refused; the names of the last that was made, and of the refused one.
    async fn fill(&self, door: Door, prefix: &str) -> (Option<String>, String) {
        let mut made = None;
        for count in 0..TOO_MANY {
            let name = format!("{prefix}{count}");
            let answer = self.change(door, &name).await;
            if answer.status == 200 {
                made = Some(name);
                continue;
            }
            is_clear(door, &answer);
            return (made, name);
        }
        panic!("{door:?} never notices that the disk is full");
    }
}

fn is_clear(door: Door, answer: &Answer) {
    let text = answer.text();
    assert_eq!(
        (answer.status, &*answer.code()),
        (503, "ServiceUnavailable"),
        "{door:?}: {text}"
    );
    assert!(
        text.contains("The change was not made: the disk of the state is full"),
        "{door:?}: {text}"
    );
    for inside in ["sqlite", "database", "state.db"] {
        assert!(!text.contains(inside), "{door:?}: {text}");
    }
}

async fn root(folder: &str) -> Credentials {
    let made = run(&["init", "--state-dir", folder, "--output", "json"]).await;
    let made: Value = serde_json::from_str(&made.out).unwrap();
    let text = |name: &str| made[name].as_str().unwrap();
    Credentials::permanent(text("AccessKeyId"), text("SecretAccessKey"))
}

async fn started(state: &Path) -> Program {
    let mut program = Program::start("serve", state, &[]);
    program.says("Ready").await;
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_changes_and_says_so_until_there_is_room() {
    let room = support::room();
    let state = room.path().join("state");
    let keys = root(state.to_str().unwrap()).await;
    let program = started(&state).await;
    let caller = Caller::of(&program, &keys);
    let bucket = Exchange::s3(Method::PUT, "/lake");
    assert_eq!(caller.send(&bucket).await.status, 200);
    for door in DOORS {
        let made = caller.change(door, "before").await;
        assert_eq!(made.status, 200, "{door:?}: {}", made.text());
    }

    program.limit_files(Some(FULL));
    let mut fates = Vec::new();
    for door in DOORS {
        let (made, refused) = caller.fill(door, "full").await;
        fates.push((door, made, refused));
    }
    let big = Exchange::s3(Method::PUT, "/lake/big").body(Bytes::from(vec![1; 2 * 400_000]));
    let refused = caller.send(&big).await;
    assert_eq!(
        (refused.status, &*refused.code()),
        (503, "ServiceUnavailable"),
        "{}",
        refused.text()
    );
    assert!(
        refused.text().contains("the disk of the objects is full"),
        "{}",
        refused.text()
    );
    nothing_but_what_was_acknowledged(&caller, &fates).await;

    program.limit_files(None);
    for (door, _, refused) in &fates {
        let made = caller.change(*door, refused).await;
        assert_eq!(made.status, 200, "{door:?}: {}", made.text());
        assert_eq!(caller.change(*door, "after").await.status, 200, "{door:?}");
    }
    assert_eq!(caller.send(&big).await.status, 200);
    assert!(
        program.log().contains("the state can't be changed"),
        "the log has the cause"
    );
    audited(&state, &fates[0].2);

    program.kill().await;
    let program = started(&state).await;
    let caller = Caller::of(&program, &keys);
    for (door, made, refused) in fates {
        let names = [
            Some("before".to_owned()),
            made,
            Some(refused),
            Some("after".to_owned()),
        ];
        for name in names.iter().flatten() {
            assert!(caller.knows(door, name).await, "{door:?}: {name} is gone");
        }
    }
    assert!(program.stop().await.success());
}

async fn nothing_but_what_was_acknowledged(
    caller: &Caller,
    fates: &[(Door, Option<String>, String)],
) {
    for (door, made, refused) in fates {
        assert!(caller.knows(*door, "before").await, "{door:?}");
        if let Some(made) = made {
            assert!(caller.knows(*door, made).await, "{door:?}: {made} is gone");
        }
        assert!(
            !caller.knows(*door, refused).await,
            "{door:?}: {refused} is there"
        );
    }
}

/// The refusal and the success of the same change.
fn audited(state: &Path, name: &str) {
    let filter = Filter {
        event_name: Some("CreateUser".to_owned()),
        ..Filter::default()
    };
    let records = Reader::open(&state.join("audit"), filter, Order::OldestFirst).unwrap();
    let codes: Vec<Value> = records
        .map(|record| record.unwrap().value().clone())
        .filter(|record| record["requestParameters"]["userName"] == name)
        .map(|record| record["errorCode"].clone())
        .collect();
    assert_eq!(codes, [json!("ServiceUnavailable"), Value::Null]);
}
