//! The layouts that databases have had, and the way from each to the next.

use crate::error::StoreError;

/// The steps to one layout from the one before it, in each database's SQL.
pub(crate) struct Migration {
    /// The layout that the steps lead to.
    pub(crate) layout: i64,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// The layout this build writes.
pub(crate) const CURRENT: i64 = 2;

/// Fails when a database is of a layout that only a newer version of Lakeward knows.
pub(crate) fn refuse_newer(found: i64) -> Result<(), StoreError> {
    if found > CURRENT {
        return Err(StoreError::Layout {
            found,
            supported: CURRENT,
        });
    }
    Ok(())
}

/// In order; a new database goes through all of them. What is listed is never edited.
pub(crate) const MIGRATIONS: [Migration; 2] = [
    // Every record as JSON. The first SQLite files were marked only after their table was made.
    Migration {
        layout: 1,
        sqlite: "CREATE TABLE IF NOT EXISTS record (
                kind TEXT NOT NULL, key TEXT NOT NULL, json TEXT NOT NULL,
                PRIMARY KEY (kind, key)
            ) WITHOUT ROWID;",
        postgres: r#"CREATE TABLE lakeward.record (
                kind TEXT COLLATE "C" NOT NULL, key TEXT COLLATE "C" NOT NULL, json TEXT NOT NULL,
                PRIMARY KEY (kind, key)
            );"#,
    },
    // How many changes there were, so that an interrupted commit can be found out; for nodes that
    // share a database also which records each change touched, so that they can follow.
    Migration {
        layout: 2,
        sqlite: "CREATE TABLE state (
                only INTEGER PRIMARY KEY CHECK (only = 1),
                version INTEGER NOT NULL, stamp INTEGER NOT NULL
            );
            INSERT INTO state VALUES (1, 0, 0);",
        postgres: r#"CREATE TABLE lakeward.state (
                only_row BOOLEAN PRIMARY KEY CHECK (only_row),
                version BIGINT NOT NULL, stamp BIGINT NOT NULL
            );
            INSERT INTO lakeward.state VALUES (TRUE, 0, 0);
            CREATE TABLE lakeward.change (
                version BIGINT NOT NULL, stamp BIGINT NOT NULL,
                kind TEXT COLLATE "C" NOT NULL, key TEXT COLLATE "C" NOT NULL,
                PRIMARY KEY (version, kind, key)
            );
            INSERT INTO lakeward.change VALUES (0, 0, '', '');"#,
    },
];

/// What has to be done to a database of layout `found`.
pub(crate) fn outstanding(found: i64) -> impl Iterator<Item = &'static Migration> {
    MIGRATIONS
        .iter()
        .filter(move |migration| migration.layout > found)
}
