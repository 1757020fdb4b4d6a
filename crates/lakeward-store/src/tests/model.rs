//! Random changes against a map: what was committed is there, what failed is not, before and after
//! the database is opened anew.

use std::collections::BTreeMap;

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tokio::runtime::Runtime;

use super::{
    server::Server,
    world::{Role, schema},
    *,
};

#[derive(Clone, Debug)]
enum Step {
    /// Some puts and deletes in one change, which fails in the end or doesn't.
    Change {
        edits: Vec<Edit>,
        fails: bool,
    },
    Reopen,
}

#[derive(Clone, Debug)]
enum Edit {
    Put(String, String),
    Delete(String),
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]/[abc]", "[a-c'\"\\\\ é%_]{1,3}"]
}

fn step() -> impl Strategy<Value = Step> {
    let edit = prop_oneof![
        3 => (key(), "\\PC{0,8}").prop_map(|(key, value)| Edit::Put(key, value)),
        1 => key().prop_map(Edit::Delete),
    ];
    let change = (vec(edit, 0..6), prop::bool::weighted(0.2));
    prop_oneof![
        9 => change.prop_map(|(edits, fails)| Step::Change { edits, fails }),
        1 => Just(Step::Reopen),
    ]
}

async fn follows_the_model(location: &Location, steps: Vec<Step>) {
    let mut model: BTreeMap<String, String> = BTreeMap::new();
    let mut store = Store::at(location, schema()).await.unwrap();
    for step in steps {
        match step {
            Step::Reopen => {
                drop(store);
                store = reopen(location).await;
            }
            Step::Change { edits, fails } => {
                let mut next = model.clone();
                let done = store
                    .change(|change| apply(change, &mut next, &edits, fails))
                    .await;
                assert_eq!(done.is_err(), fails);
                if !fails {
                    model = next;
                }
            }
        }
        let found: BTreeMap<String, String> = store
            .snapshot()
            .scan::<Role>("")
            .iter()
            .map(|role| (role.name.clone(), role.path.clone()))
            .collect();
        assert_eq!(found, model);
    }
}

/// The file's lock is let go when the last task of the old store ends.
async fn reopen(location: &Location) -> Store {
    loop {
        match Store::at(location, schema()).await {
            Err(StoreError::InUse { .. }) => tokio::task::yield_now().await,
            opened => return opened.unwrap(),
        }
    }
}

fn apply(
    change: &mut Change<'_>,
    model: &mut BTreeMap<String, String>,
    edits: &[Edit],
    fails: bool,
) -> Result<(), StoreError> {
    for edit in edits {
        match edit {
            Edit::Put(name, path) => {
                model.insert(name.clone(), path.clone());
                let (name, path) = (name.clone(), path.clone());
                change.put(Role { name, path });
            }
            Edit::Delete(name) => {
                model.remove(name);
                change.delete::<Role>(name);
            }
        }
    }
    match fails {
        true => Err(StoreError::Unregistered("refused")),
        false => Ok(()),
    }
}

fn run(cases: u32, place: impl Fn() -> Location) {
    let runtime = Runtime::new().unwrap();
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&vec(step(), 1..40), |steps| {
            runtime.block_on(follows_the_model(&place(), steps));
            Ok(())
        })
        .unwrap();
}

#[test]
fn sqlite_follows_the_model() {
    let dir = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    run(64, || {
        count.set(count.get() + 1);
        Location::File(dir.path().join(format!("{}.db", count.get())))
    });
}

#[test]
fn postgres_follows_the_model() {
    let Some(server) = Server::start() else {
        return;
    };
    let count = std::cell::Cell::new(0);
    run(16, || {
        count.set(count.get() + 1);
        server
            .database(&format!("model{}", count.get()))
            .parse()
            .unwrap()
    });
}
