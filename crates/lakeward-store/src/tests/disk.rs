//! A disk that takes no more: a clear error, nothing half done, and work goes on afterwards.

use std::{env, process::Command};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{
    database::Database,
    world::{Role, names, open, put},
    *,
};

const BIG: usize = 200_000;

async fn put_big(store: &Store, name: &str) -> Result<(), StoreError> {
    store
        .change(|change| {
            for part in 0..3 {
                let name = format!("{name}/{part}");
                change.put(Role {
                    name,
                    path: "x".repeat(BIG),
                });
            }
            Ok(())
        })
        .await
}

fn is_clear(refused: Result<(), StoreError>) {
    let error = refused.unwrap_err();
    assert!(matches!(error, StoreError::Unwritable(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("nothing was changed") && text.contains("disk"),
        "{text}"
    );
}

#[tokio::test]
async fn a_full_database_refuses_whole_changes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = open(&path).await;
    put(&store, "before").await.unwrap();
    {
        let mut desk = store.inner.desk.lock().await;
        let Database::Sqlite(sqlite) = &mut desk.database else {
            unreachable!()
        };
        sqlite.limit_pages(40).await;
    }
    is_clear(put_big(&store, "big").await);
    assert_eq!(names(&store), ["before"]);
    put(&store, "after").await.unwrap();
    drop(store);
    assert_eq!(names(&open(&path).await), ["after", "before"]);
}

/// Set in the process that may write only small files.
const CHILD: &str = "LAKEWARD_TEST_SMALL_FILES";

#[test]
fn a_disk_that_takes_no_more_refuses_whole_changes() {
    let dir = tempfile::tempdir().unwrap();
    // Without the trap the kernel would end the process instead of failing its write.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args([
            "--exact",
            "tests::disk::within_small_files",
            "--ignored",
            "--nocapture",
        ])
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&child.stderr)
    );
}

#[tokio::test]
#[ignore = "run by a_disk_that_takes_no_more_refuses_whole_changes in a process of its own"]
async fn within_small_files() {
    let Some(folder) = env::var_os(CHILD) else {
        return;
    };
    let path = Path::new(&folder).join("state.db");
    let store = open(&path).await;
    let free = getrlimit(Resource::Fsize);
    let limit = |bytes| Rlimit {
        current: bytes,
        ..free
    };
    // Where exactly the writes begin to fail differs: in the log's middle, or at its end.
    for (round, bytes) in (300_000..1_500_000).step_by(97_311).enumerate() {
        let before = names(&store);
        setrlimit(Resource::Fsize, limit(Some(bytes))).unwrap();
        let mut made = 0;
        let refused = loop {
            match put_big(&store, &format!("{round}-{made}")).await {
                Ok(()) => made += 1,
                refused => break refused,
            }
            assert!(made < 50, "the limit is never felt");
        };
        is_clear(refused);
        assert_eq!(names(&store).len(), before.len() + 3 * made);
        is_clear(put_big(&store, "again").await);
        setrlimit(Resource::Fsize, free).unwrap();
        put_big(&store, &format!("{round}-freed")).await.unwrap();
        let expected = names(&store);
        assert_eq!(expected.len(), before.len() + 3 * made + 3);
        let copy = Backup::take(&Location::File(path.clone())).await.unwrap();
        assert_eq!(copy.records()["role"], expected.len());
    }
    let expected = names(&store);
    drop(store);
    assert_eq!(names(&open(&path).await), expected);
}
