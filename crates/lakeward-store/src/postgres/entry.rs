//! How a node comes to the database: connections, layouts and who is in.

use sqlx::{Connection, PgConnection, Row as _, postgres::PgConnectOptions};
use tokio::time::timeout;

use super::{CONNECT, LAYOUT_LOCK, TURN, USE_LOCK, bounded};
use crate::{
    error::StoreError,
    layout::{self, refuse_newer},
    location::PostgresAddress,
};

/// What every connection is set to: a commit waits for the server's disk, and a node that hangs or
/// vanishes within its turn doesn't keep the others out for long.
const SETTINGS: &str = "SELECT
    set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),
    set_config('lock_timeout', '10s', false),
    set_config('idle_in_transaction_session_timeout', '10s', false),
    set_config('tcp_keepalives_idle', '5', false),
    set_config('tcp_keepalives_interval', '2', false),
    set_config('tcp_keepalives_count', '3', false)";

pub(super) fn in_use(address: &PostgresAddress) -> StoreError {
    StoreError::InUse {
        place: address.to_string(),
    }
}

pub(super) async fn reach(address: &PostgresAddress) -> Result<PgConnection, StoreError> {
    let options: &PgConnectOptions = address.options();
    let away = |reason: String| StoreError::Unavailable(format!("{address}: {reason}"));
    let mut connection = match timeout(CONNECT, PgConnection::connect_with(options)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            return Err(match StoreError::from(error) {
                StoreError::Unavailable(reason) => away(reason),
                other => other,
            });
        }
        Err(_) => return Err(away("no answer".to_owned())),
    };
    let set = async { Ok(sqlx::query(SETTINGS).execute(&mut connection).await?) };
    bounded(TURN, set).await?;
    Ok(connection)
}

/// A connection that marks this node as one that uses the state.
pub(super) async fn join(address: &PostgresAddress) -> Result<PgConnection, StoreError> {
    let mut connection = reach(address).await?;
    let joined = async {
        let row = sqlx::query("SELECT pg_try_advisory_lock_shared($1)")
            .bind(USE_LOCK)
            .fetch_one(&mut connection)
            .await?;
        if !row.try_get::<bool, _>(0)? {
            let replaced = format!("{address}: the state is being replaced");
            return Err(StoreError::Unavailable(replaced));
        }
        // It may have been changed while this node was away.
        match read_layout(&mut connection).await? {
            layout::CURRENT => Ok(()),
            found => Err(StoreError::Layout {
                found,
                supported: layout::CURRENT,
            }),
        }
    };
    bounded(TURN, joined).await?;
    Ok(connection)
}

pub(super) async fn migrate(
    connection: &mut PgConnection,
    address: &PostgresAddress,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LAYOUT_LOCK)
        .execute(&mut *transaction)
        .await?;
    let found = read_layout(&mut transaction).await?;
    refuse_newer(found)?;
    if found == layout::CURRENT {
        return Ok(());
    }
    if found == 0 {
        sqlx::raw_sql(
            "CREATE SCHEMA IF NOT EXISTS lakeward;
             CREATE TABLE lakeward.layout (version BIGINT NOT NULL);
             INSERT INTO lakeward.layout VALUES (0)",
        )
        .execute(&mut *transaction)
        .await?;
    } else if !use_alone(&mut transaction).await? {
        return Err(in_use(address)); // Nodes of the older version don't know the new layout.
    }
    for migration in layout::outstanding(found) {
        sqlx::raw_sql(migration.postgres)
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query("UPDATE lakeward.layout SET version = $1")
        .bind(layout::CURRENT)
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

/// Keeps every node out until the transaction ends; false when one is in.
pub(super) async fn use_alone(transaction: &mut PgConnection) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT pg_try_advisory_xact_lock($1)")
        .bind(USE_LOCK)
        .fetch_one(transaction)
        .await?;
    Ok(row.try_get(0)?)
}

/// The layout of the database; 0 when there is none.
pub(super) async fn read_layout(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT to_regclass('lakeward.layout') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !row.try_get::<bool, _>(0)? {
        return Ok(0);
    }
    let row = sqlx::query("SELECT version FROM lakeward.layout")
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

pub(super) async fn warn_of_lost_durability(
    connection: &mut PgConnection,
) -> Result<(), StoreError> {
    for setting in ["SHOW fsync", "SHOW full_page_writes"] {
        let row = sqlx::query(setting).fetch_one(&mut *connection).await?;
        if row.try_get::<&str, _>(0)? == "off" {
            tracing::warn!(
                "the PostgreSQL server says `off` to `{setting}`: a crash of its machine can lose acknowledged changes"
            );
        }
    }
    Ok(())
}
