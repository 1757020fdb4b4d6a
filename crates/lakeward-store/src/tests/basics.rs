use serde::{Deserialize, Serialize};

use super::{
    world::{Role, open, role},
    *,
};

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
async fn a_second_writer_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let first = open(&path).await;
    let refused = Store::open(&path, world::schema()).await;
    assert!(matches!(refused, Err(StoreError::InUse { .. })));
    drop(first);
    open(&path).await;
}

#[tokio::test]
async fn only_the_owner_reads_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("state.db")).await;
    world::put(&store, "a").await.unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn a_change_that_nobody_waits_for_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = open(&path).await;
    let mut patience = 0;
    for round in 0..200 {
        let name = format!("r{round}");
        let change = world::put(&store, &name);
        // Given up at every possible moment.
        let _ = tokio::time::timeout(std::time::Duration::from_micros(patience), change).await;
        patience = (patience + 37) % 3_000;
    }
    world::put(&store, "last").await.unwrap();
    let seen = world::names(&store);
    drop(store);
    assert_eq!(
        world::names(&open(&path).await),
        seen,
        "memory and file differ"
    );
}
