use serde::{Deserialize, Serialize};

use super::*;

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Role {
    name: String,
    path: String,
}

impl Record for Role {
    const KIND: &'static str = "role";
    fn key(&self) -> String {
        self.name.clone()
    }
}

#[derive(Serialize, Deserialize)]
struct Other {
    name: String,
}

impl Record for Other {
    const KIND: &'static str = "other";
    fn key(&self) -> String {
        self.name.clone()
    }
}

fn role(name: &str) -> Role {
    Role {
        name: name.into(),
        path: "/".into(),
    }
}

async fn open(path: &Path) -> Store {
    Store::open(path, Schema::new().record::<Role>())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_change_is_seen_and_survives_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = open(&path).await;
    store
        .change(|change| {
            change.put(role("a"));
            change.put(role("b"));
            assert!(change.get::<Role>("a").is_some(), "reads see staged writes");
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    store
        .change(|change| {
            change.delete::<Role>("a");
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    drop(store);
    let snapshot = open(&path).await.snapshot();
    assert_eq!(snapshot.scan::<Role>(""), [Arc::new(role("b"))]);
}

#[tokio::test]
async fn a_failed_change_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("state.db")).await;
    let refused: Result<(), StoreError> = store
        .change(|change| {
            change.put(role("a"));
            Err(StoreError::Unregistered("x"))
        })
        .await;
    assert!(refused.is_err());
    assert!(store.snapshot().get::<Role>("a").is_none());
}

#[tokio::test]
async fn an_unregistered_record_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("state.db")).await;
    let refused = store
        .change(|change| {
            change.put(role("a"));
            change.put(Other { name: "x".into() });
            Ok::<_, StoreError>(())
        })
        .await;
    assert!(matches!(refused, Err(StoreError::Unregistered("other"))));
    assert!(store.snapshot().get::<Role>("a").is_none());
}

#[tokio::test]
async fn a_record_from_a_newer_version_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = Store::open(&path, Schema::new().record::<Other>())
        .await
        .unwrap();
    store
        .change(|change| {
            change.put(Other { name: "x".into() });
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    drop(store);
    let refused = Store::open(&path, Schema::new().record::<Role>()).await;
    assert!(matches!(refused, Err(StoreError::UnknownKind { kind }) if kind == "other"));
}

#[tokio::test]
async fn pages_walk_every_key_of_a_prefix_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("state.db")).await;
    store
        .change(|change| {
            for name in ["a/1", "a/2", "a/3", "b/1"] {
                change.put(role(name));
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    let snapshot = store.snapshot();
    let first = snapshot.page::<Role>("a/", "", 2);
    let second = snapshot.page::<Role>("a/", &first[1].name, 2);
    let names: Vec<_> = first.iter().chain(&second).map(|r| &*r.name).collect();
    assert_eq!(names, ["a/1", "a/2", "a/3"]);
}

#[tokio::test]
async fn a_second_process_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let first = open(&path).await;
    first
        .change(|change| {
            change.put(role("a"));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    assert!(
        Store::open(&path, Schema::new().record::<Role>())
            .await
            .is_err()
    );
}
