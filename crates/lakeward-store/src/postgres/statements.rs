//! What is asked of the database, and told to it.

use sqlx::{PgConnection, Row as _, postgres::PgRow};

use super::{LOAD, TURN, bounded};
use crate::{
    change::Writes,
    database::{News, Position, Row, Seen},
    error::StoreError,
};

/// How many changes back a node that was away can still follow; past that it reads everything.
const KEPT_CHANGES: i64 = 10_000;
const PRUNE_EVERY: i64 = 1_000;

/// The row lock makes turns follow one another across all nodes. Later statements of the
/// transaction see everything that was committed before the lock was given.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT version, stamp FROM lakeward.state FOR UPDATE";
const BEGIN_READING: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT version, stamp FROM lakeward.state";
const POSITION: &str = "SELECT version, stamp FROM lakeward.state";
const KNOWN: &str =
    "SELECT EXISTS (SELECT 1 FROM lakeward.change WHERE version = $1 AND stamp = $2)";
const CHANGED: &str = "SELECT touched.kind, touched.key, record.json
    FROM (SELECT DISTINCT kind, key FROM lakeward.change WHERE version > $1) AS touched
    LEFT JOIN lakeward.record AS record ON record.kind = touched.kind AND record.key = touched.key
    WHERE touched.kind <> ''";
const ALL: &str = "SELECT kind, key, json FROM lakeward.record";
/// One statement for a whole change, its log and the news of it.
const WRITE: &str = "WITH
    put AS (
        INSERT INTO lakeward.record (kind, key, json)
        SELECT * FROM UNNEST($3::text[], $4::text[], $5::text[])
        ON CONFLICT (kind, key) DO UPDATE SET json = excluded.json
    ),
    gone AS (
        DELETE FROM lakeward.record AS record USING UNNEST($6::text[], $7::text[]) AS gone (kind, key)
        WHERE record.kind = gone.kind AND record.key = gone.key
    ),
    logged AS (
        INSERT INTO lakeward.change (version, stamp, kind, key)
        SELECT $1, $2, touched.kind, touched.key
        FROM UNNEST($3::text[] || $6::text[], $4::text[] || $7::text[]) AS touched (kind, key)
    ),
    marked AS (UPDATE lakeward.state SET version = $1, stamp = $2)
    SELECT pg_notify('lakeward_state', '')";

pub(super) async fn take_turn(
    connection: &mut PgConnection,
    position: Position,
) -> Result<Seen, StoreError> {
    let found = bounded(TURN, position_by(connection, BEGIN)).await?;
    bounded(LOAD, changes(connection, position, found)).await
}

pub(super) async fn look(
    connection: &mut PgConnection,
    position: Position,
) -> Result<Seen, StoreError> {
    if bounded(TURN, position_by(connection, POSITION)).await? == position {
        return Ok(Seen::nothing_since(position));
    }
    let found = bounded(TURN, position_by(connection, BEGIN_READING)).await?;
    let seen = bounded(LOAD, changes(connection, position, found)).await?;
    sqlx::raw_sql("COMMIT").execute(connection).await?;
    Ok(seen)
}

/// Runs a constant of this file that answers where the database is.
pub(super) async fn position_by(
    connection: &mut PgConnection,
    sql: &'static str,
) -> Result<Position, StoreError> {
    position_of(&sqlx::raw_sql(sql).fetch_all(connection).await?)
}

/// Within a transaction that found the database at `found`: what happened since `position`.
pub(super) async fn changes(
    connection: &mut PgConnection,
    position: Position,
    found: Position,
) -> Result<Seen, StoreError> {
    let news = if found == position {
        News::Nothing
    } else if found.version > position.version && knows(connection, position).await? {
        let rows = sqlx::query(CHANGED)
            .bind(position.version)
            .fetch_all(connection)
            .await?;
        News::Rows(decode_rows(&rows)?)
    } else {
        News::Everything(read_rows(connection).await?)
    };
    Ok(Seen {
        news,
        position: found,
    })
}

pub(super) async fn read_everything(connection: &mut PgConnection) -> Result<Seen, StoreError> {
    let position = position_by(connection, BEGIN_READING).await?;
    let rows = read_rows(connection).await?;
    sqlx::raw_sql("COMMIT").execute(connection).await?;
    Ok(Seen {
        news: News::Everything(rows),
        position,
    })
}

pub(super) async fn knows(
    connection: &mut PgConnection,
    position: Position,
) -> Result<bool, StoreError> {
    let row = sqlx::query(KNOWN)
        .bind(position.version)
        .bind(position.stamp)
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

pub(super) async fn read_rows(connection: &mut PgConnection) -> Result<Vec<Row>, StoreError> {
    decode_rows(&sqlx::query(ALL).fetch_all(connection).await?)
}

pub(super) fn decode_rows(rows: &[PgRow]) -> Result<Vec<Row>, StoreError> {
    let decode = |row: &PgRow| {
        Ok(Row {
            kind: row.try_get(0)?,
            key: row.try_get(1)?,
            json: row.try_get(2)?,
        })
    };
    rows.iter().map(decode).collect()
}

pub(super) fn position_of(rows: &[PgRow]) -> Result<Position, StoreError> {
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(Position {
        version: row.try_get(0)?,
        stamp: row.try_get(1)?,
    })
}

pub(super) async fn write(
    connection: &mut PgConnection,
    writes: &Writes,
    position: Position,
) -> Result<(), StoreError> {
    let (mut put, mut gone) = ((vec![], vec![], vec![]), (vec![], vec![]));
    for ((kind, key), json) in writes {
        match json {
            Some(json) => {
                put.0.push(*kind);
                put.1.push(&**key);
                put.2.push(&**json);
            }
            None => {
                gone.0.push(*kind);
                gone.1.push(&**key);
            }
        }
    }
    sqlx::query(WRITE)
        .bind(position.version)
        .bind(position.stamp)
        .bind(put.0)
        .bind(put.1)
        .bind(put.2)
        .bind(gone.0)
        .bind(gone.1)
        .execute(&mut *connection)
        .await?;
    if position.version % PRUNE_EVERY == 0 {
        sqlx::query("DELETE FROM lakeward.change WHERE version < $1")
            .bind(position.version - KEPT_CHANGES)
            .execute(connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn insert(connection: &mut PgConnection, rows: &[Row]) -> Result<(), StoreError> {
    let kinds: Vec<&str> = rows.iter().map(|row| &*row.kind).collect();
    let keys: Vec<&str> = rows.iter().map(|row| &*row.key).collect();
    let jsons: Vec<Option<&str>> = rows.iter().map(|row| row.json.as_deref()).collect();
    sqlx::query(
        "INSERT INTO lakeward.record SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[])",
    )
    .bind(kinds)
    .bind(keys)
    .bind(jsons)
    .execute(connection)
    .await?;
    Ok(())
}
