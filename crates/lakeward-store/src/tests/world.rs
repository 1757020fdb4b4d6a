//! What the tests share: two kinds of records and stores that hold them.

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) path: String,
}

impl Record for Role {
    const KIND: &'static str = "role";
    fn key(&self) -> String {
        self.name.clone()
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
pub(super) struct Counter {
    pub(super) name: String,
    pub(super) count: u64,
}

impl Record for Counter {
    const KIND: &'static str = "counter";
    fn key(&self) -> String {
        self.name.clone()
    }
}

pub(super) fn role(name: &str) -> Role {
    Role {
        name: name.into(),
        path: "/".into(),
    }
}

pub(super) fn schema() -> Schema {
    Schema::new().record::<Role>().record::<Counter>()
}

pub(super) async fn open(path: &Path) -> Store {
    Store::open(path, schema()).await.unwrap()
}

pub(super) async fn connect(url: &str) -> Store {
    Store::connect(&url.parse().unwrap(), schema())
        .await
        .unwrap()
}

pub(super) async fn put(store: &Store, name: &str) -> Result<(), StoreError> {
    store
        .change(|change| {
            change.put(role(name));
            Ok(())
        })
        .await
}

/// Adds one to a counter and answers what it counts now.
pub(super) async fn count(store: &Store, name: &str) -> Result<u64, StoreError> {
    store
        .change(|change| {
            let before = change
                .get::<Counter>(name)
                .map_or(0, |counter| counter.count);
            let count = before + 1;
            change.put(Counter {
                name: name.to_owned(),
                count,
            });
            Ok(count)
        })
        .await
}

pub(super) fn names(store: &Store) -> Vec<String> {
    let roles = store.snapshot().scan::<Role>("");
    roles.iter().map(|role| role.name.clone()).collect()
}

/// Waits until something holds; what is waited for is due within a second.
pub(super) async fn soon(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{what}: not within a minute");
}
