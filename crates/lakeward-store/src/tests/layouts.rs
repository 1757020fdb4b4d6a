//! Databases of every layout there was are brought up to date; newer ones are refused.

use sqlx::{Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    server::Server,
    world::{Role, connect, count, open, role, schema},
    *,
};

const ROLE: &str = r#"('role', 'old', '{"name":"old","path":"/"}')"#;

async fn sqlite(path: &Path, sql: &str) {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// As the first releases left it.
async fn first_sqlite(path: &Path) {
    let sql = format!(
        "{} INSERT INTO record VALUES {ROLE}; PRAGMA user_version = 1;",
        layout::MIGRATIONS[0].sqlite
    );
    sqlite(path, &sql).await;
}

#[tokio::test]
async fn an_old_file_is_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    first_sqlite(&path).await;
    for _ in 0..2 {
        let store = open(&path).await;
        assert_eq!(store.snapshot().scan::<Role>(""), [Arc::new(role("old"))]);
        count(&store, "starts").await.unwrap();
    }
    assert_eq!(count(&open(&path).await, "starts").await.unwrap(), 3);
}

#[tokio::test]
async fn a_file_that_was_made_and_not_marked_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    sqlite(&path, layout::MIGRATIONS[0].sqlite).await;
    open(&path).await;
}

#[tokio::test]
async fn a_file_whose_making_was_killed_is_rolled_back() {
    let dir = tempfile::tempdir().unwrap();
    let (path, left) = (dir.path().join("state.db"), dir.path().join("left.db"));
    first_sqlite(&path).await;
    let options = SqliteConnectOptions::new().filename(&path);
    let mut killed = SqliteConnection::connect_with(&options).await.unwrap();
    // With room for one page, what isn't committed is in the file already.
    let half = "PRAGMA cache_size = 1; BEGIN; \
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
                INSERT INTO record SELECT 'role', 'half' || i, hex(zeroblob(500)) FROM n;";
    sqlx::raw_sql(half).execute(&mut killed).await.unwrap();
    for suffix in ["", "-journal"] {
        let with = |path: &Path| format!("{}{suffix}", path.display());
        std::fs::copy(with(&path), with(&left)).unwrap();
    }
    let store = open(&left).await;
    assert_eq!(store.snapshot().scan::<Role>(""), [Arc::new(role("old"))]);
}

#[tokio::test]
async fn a_newer_file_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    sqlite(&path, "PRAGMA user_version = 7").await;
    let before = std::fs::read(&path).unwrap();
    let refused = Store::open(&path, schema()).await;
    assert!(
        matches!(refused, Err(StoreError::Layout { found: 7, supported }) if supported == layout::CURRENT)
    );
    let location = Location::File(path.clone());
    assert!(Backup::take(&location).await.is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn layouts_follow_one_another() {
    let layouts = layout::MIGRATIONS.map(|migration| migration.layout);
    let expected: Vec<i64> = (1..=layout::CURRENT).collect();
    assert_eq!(layouts.to_vec(), expected);
}

#[tokio::test]
async fn an_old_postgres_is_brought_up_to_date_and_a_newer_one_refused() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database("old");
    server.sql("old", "CREATE SCHEMA lakeward; CREATE TABLE lakeward.layout (version BIGINT NOT NULL); INSERT INTO lakeward.layout VALUES (1)");
    server.sql("old", layout::MIGRATIONS[0].postgres);
    server.sql("old", &format!("INSERT INTO lakeward.record VALUES {ROLE}"));
    // A node of the older version is still there.
    let mut node = PgConnection::connect(&url).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock_shared($1)")
        .bind(postgres::USE_LOCK)
        .execute(&mut node)
        .await
        .unwrap();
    let address: PostgresAddress = url.parse().unwrap();
    let refused = Store::connect(&address, schema()).await;
    assert!(matches!(refused, Err(StoreError::InUse { .. })));
    assert_eq!(
        server.sql("old", "SELECT version FROM lakeward.layout"),
        "1"
    );
    node.close().await.unwrap();

    let store = connect(&url).await;
    assert_eq!(store.snapshot().scan::<Role>(""), [Arc::new(role("old"))]);
    assert_eq!(count(&store, "starts").await.unwrap(), 1);
    drop(store);
    server.sql("old", "UPDATE lakeward.layout SET version = 9");
    let refused = Store::connect(&address, schema()).await;
    assert!(matches!(refused, Err(StoreError::Layout { found: 9, .. })));
}
