//! Backups: consistent while the state changes, refused when damaged, restored all or nothing.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    server::Server,
    world::{Counter, Role, connect, count, names, open, put, role, schema},
    *,
};

fn at(path: &Path) -> Location {
    Location::File(path.to_owned())
}

/// Two counters that always count the same.
async fn count_both(store: &Store) -> Result<(), StoreError> {
    store
        .change(|change| {
            for name in ["a", "z"] {
                let count = change
                    .get::<Counter>(name)
                    .map_or(0, |counter| counter.count)
                    + 1;
                change.put(Counter {
                    name: name.into(),
                    count,
                });
            }
            Ok(())
        })
        .await
}

/// Takes and restores copies while `store` is written to; each is of one moment.
async fn copies_are_of_one_moment(store: &Store, location: &Location, folder: &Path) {
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, stop) = (store.clone(), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                count_both(&store).await.unwrap();
            }
        }
    });
    let mut last = 0;
    for copy in 0..10 {
        let floor = store
            .snapshot()
            .get::<Counter>("a")
            .map_or(0, |counter| counter.count);
        let file = folder.join(format!("copy-{copy}"));
        Backup::take(location).await.unwrap().write(&file).unwrap();
        let restored = folder.join(format!("restored-{copy}.db"));
        let copy = Backup::read(&file).unwrap();
        copy.restore(&at(&restored), &schema(), false)
            .await
            .unwrap();
        let snapshot = open(&restored).await.snapshot();
        let counts = ["a", "z"].map(|name| {
            snapshot
                .get::<Counter>(name)
                .map_or(0, |counter| counter.count)
        });
        assert_eq!(counts[0], counts[1], "half a change");
        assert!(
            counts[0] >= floor.max(last),
            "older than what was acknowledged"
        );
        last = counts[0];
    }
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    assert!(last > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_file_in_use_is_of_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = open(&path).await;
    copies_are_of_one_moment(&store, &at(&path), dir.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_moves_to_postgres_and_back() {
    let Some(server) = Server::start() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let [file, copy, back] = ["state.db", "copy", "back.db"].map(|name| dir.path().join(name));
    let store = open(&file).await;
    let text = "é ' \" \\ \u{0} \u{1f980} \n";
    store
        .change(|change| {
            change.put(Role {
                name: "odd".into(),
                path: text.into(),
            });
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    Backup::take(&at(&file))
        .await
        .unwrap()
        .write(&copy)
        .unwrap();

    let url = server.database("moved");
    let location: Location = url.parse().unwrap();
    assert!(matches!(
        Backup::take(&location).await,
        Err(BackupError::NoState(_))
    ));
    let copy = Backup::read(&copy).unwrap();
    copy.restore(&location, &schema(), false).await.unwrap();
    let node = connect(&url).await;
    assert_eq!(node.snapshot().get::<Role>("odd").unwrap().path, text);
    let again = copy.restore(&location, &schema(), true).await;
    assert!(matches!(
        again,
        Err(BackupError::Store(StoreError::InUse { .. }))
    ));
    put(&node, "later").await.unwrap();
    copies_are_of_one_moment(&node, &location, dir.path()).await;
    let there = Backup::take(&location).await.unwrap();
    there.restore(&at(&back), &schema(), false).await.unwrap();
    assert_eq!(names(&open(&back).await), ["later", "odd"]);

    drop(node);
    let refused = copy.restore(&location, &schema(), false).await;
    assert!(
        matches!(refused, Err(BackupError::NotEmpty(_))),
        "{:?}",
        refused.err()
    );
    // The node's connections close in the background.
    for attempt in 0.. {
        match copy.restore(&location, &schema(), true).await {
            Ok(()) => break,
            Err(error) => assert!(attempt < 500, "{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(names(&connect(&url).await), ["odd"]);
}

#[tokio::test]
async fn a_restore_replaces_only_when_told_and_never_under_an_instance() {
    let dir = tempfile::tempdir().unwrap();
    let [old, new] = ["old.db", "new.db"].map(|name| dir.path().join(name));
    let store = open(&old).await;
    put(&store, "a").await.unwrap();
    let copy = Backup::take(&at(&old)).await.unwrap();
    let other = open(&new).await;
    put(&other, "b").await.unwrap();
    let under = copy.restore(&at(&new), &schema(), true).await;
    assert!(matches!(
        under,
        Err(BackupError::Store(StoreError::InUse { .. }))
    ));
    drop(other);
    let refused = copy.restore(&at(&new), &schema(), false).await;
    assert!(matches!(refused, Err(BackupError::NotEmpty(_))));
    let unknown = copy.restore(&at(&new), &Schema::new(), true).await;
    assert!(matches!(
        unknown,
        Err(BackupError::Store(StoreError::UnknownKind { .. }))
    ));
    assert_eq!(names(&open(&new).await), ["b"]);
    copy.restore(&at(&new), &schema(), true).await.unwrap();
    assert_eq!(names(&open(&new).await), ["a"]);
}

#[tokio::test]
async fn every_damage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let [state, file, bad] = ["state.db", "copy", "bad"].map(|name| dir.path().join(name));
    let store = open(&state).await;
    put(&store, "a").await.unwrap();
    count(&store, "b").await.unwrap();
    let copy = Backup::take(&at(&state)).await.unwrap();
    copy.write(&file).unwrap();
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(copy.write(&file).is_err(), "a backup is never overwritten");
    let whole = fs::read(&file).unwrap();
    for length in 0..whole.len() {
        fs::write(&bad, &whole[..length]).unwrap();
        assert!(Backup::read(&bad).is_err(), "cut to {length} bytes");
    }
    for place in 0..whole.len() {
        let mut altered = whole.clone();
        altered[place] ^= 1;
        fs::write(&bad, altered).unwrap();
        assert!(Backup::read(&bad).is_err(), "byte {place} altered");
    }
    fs::write(&bad, [&*whole, b"\n"].concat()).unwrap();
    assert!(Backup::read(&bad).is_err(), "lengthened");
    let read = Backup::read(&file).unwrap();
    assert_eq!(read.records(), copy.records());
    assert_eq!(read.records()["role"], 1);
    assert_eq!(read.created(), copy.created());
    // Drafts are cleaned up.
    assert_eq!(
        fs::read_dir(dir.path())
            .unwrap()
            .filter(|entry| entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with(".lakeward"))
            .count(),
        0
    );
    assert_eq!(role("a"), *store.snapshot().get::<Role>("a").unwrap());
}

#[tokio::test]
async fn a_state_that_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let location = at(&dir.path().join("none.db"));
    assert!(matches!(
        Backup::take(&location).await,
        Err(BackupError::NoState(_))
    ));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
