mod entry;
mod statements;

use std::{
    future::Future,
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use crate::{
    change::Writes,
    database::{NotCommitted, Position, Row, Seen},
    error::StoreError,
    layout::refuse_newer,
    location::PostgresAddress,
};
use entry::{in_use, join, migrate, reach, read_layout, use_alone, warn_of_lost_durability};
use statements::{insert, knows, look, position_by, read_everything, read_rows, take_turn, write};

/// Nodes are told on this channel that there is a change to read.
pub(crate) const CHANNEL: &str = "lakeward_state";
/// Advisory locks: every node holds the first one shared; who replaces the state under the nodes'
/// feet (a restore, a new layout) holds it alone. The second one is held while the layout is made.
pub(crate) const USE_LOCK: i64 = 0x6c61_6b65_7761_7264;
const LAYOUT_LOCK: i64 = USE_LOCK + 1;
const CONNECT: Duration = Duration::from_secs(3);
/// A turn that takes longer is given up: the other end may be gone without a word.
const TURN: Duration = Duration::from_secs(15);
/// Reading everything is bounded by the size of the state.
const LOAD: Duration = Duration::from_secs(120);
/// After a failure to connect the next attempt waits this long, twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);
const CHUNK: usize = 5_000;

/// The one connection on which this node writes and follows.
pub(crate) struct Postgres {
    address: PostgresAddress,
    /// None after a failure, until the next attempt.
    connection: Option<PgConnection>,
    outage: Option<Outage>,
}

/// The database can't be reached: until the next attempt is due, asking it fails at once.
struct Outage {
    next_attempt: Instant,
    pause: Duration,
    reason: String,
}

#[derive(Clone, Copy)]
enum Question {
    /// May I write, and what happened?
    Turn,
    /// What happened?
    News,
}

impl Postgres {
    /// Connects, makes or updates the layout, and joins the nodes that use this state.
    pub(crate) async fn open(address: &PostgresAddress) -> Result<Self, StoreError> {
        let mut connection = reach(address).await?;
        migrate(&mut connection, address).await?;
        warn_of_lost_durability(&mut connection).await?;
        connection.close().await?;
        let mut postgres = Self {
            address: address.clone(),
            connection: None,
            outage: None,
        };
        postgres.connected().await?;
        Ok(postgres)
    }

    pub(crate) async fn begin(&mut self, position: Position) -> Result<Seen, StoreError> {
        self.ask(Question::Turn, position).await
    }

    pub(crate) async fn news(&mut self, position: Position) -> Result<Seen, StoreError> {
        self.ask(Question::News, position).await
    }

    /// Everything, for a store that opens.
    pub(crate) async fn read_all(&mut self) -> Result<Seen, StoreError> {
        let connection = self.connected().await?;
        let seen = bounded(LOAD, read_everything(connection)).await;
        self.keep_if(seen)
    }

    pub(crate) async fn commit(
        &mut self,
        writes: &Writes,
        position: Position,
    ) -> Result<(), NotCommitted> {
        let Some(connection) = &mut self.connection else {
            let lost = StoreError::Unavailable("the connection was lost".to_owned());
            return Err(NotCommitted::Refused(lost));
        };
        if let Err(error) = bounded(TURN, write(connection, writes, position)).await {
            self.connection = None;
            return Err(NotCommitted::Refused(error));
        }
        let committed = async { Ok(sqlx::raw_sql("COMMIT").execute(connection).await?) };
        if let Err(error) = bounded(TURN, committed).await {
            // The server may have committed and lost its voice.
            self.connection = None;
            return Err(NotCommitted::Unknown(error));
        }
        Ok(())
    }

    pub(crate) async fn rollback(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let done = async { Ok(sqlx::raw_sql("ROLLBACK").execute(&mut connection).await?) };
        // A connection that is dropped rolls back, too.
        if bounded(TURN, done).await.is_ok() {
            self.connection = Some(connection);
        }
    }

    /// Gives up the connection within a turn; the server rolls back when it notices.
    pub(crate) fn abandon(&mut self) {
        self.connection = None;
    }

    pub(crate) async fn has(&mut self, position: Position) -> Result<bool, StoreError> {
        let connection = self.connected().await?;
        let found = bounded(TURN, knows(connection, position)).await;
        self.keep_if(found)
    }

    /// Asks, once more on a new connection when the old one turns out to be dead.
    async fn ask(&mut self, question: Question, position: Position) -> Result<Seen, StoreError> {
        let was_connected = self.connection.is_some();
        match self.ask_once(question, position).await {
            Err(StoreError::Unavailable(_)) if was_connected => {
                self.ask_once(question, position).await
            }
            seen => seen,
        }
    }

    async fn ask_once(
        &mut self,
        question: Question,
        position: Position,
    ) -> Result<Seen, StoreError> {
        let connection = self.connected().await?;
        let seen = match question {
            Question::Turn => take_turn(connection, position).await,
            Question::News => look(connection, position).await,
        };
        self.keep_if(seen)
    }

    /// A connection on which something failed is given up.
    fn keep_if<T>(&mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    async fn connected(&mut self) -> Result<&mut PgConnection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reconnect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn reconnect(&mut self) -> Result<PgConnection, StoreError> {
        let mut pause = FIRST_PAUSE;
        if let Some(outage) = &self.outage {
            if Instant::now() < outage.next_attempt {
                return Err(StoreError::Unavailable(outage.reason.clone()));
            }
            pause = (outage.pause * 2).min(LONGEST_PAUSE);
        }
        match join(&self.address).await {
            Ok(connection) => {
                self.outage = None;
                Ok(connection)
            }
            Err(StoreError::Unavailable(reason)) => {
                self.outage = Some(Outage {
                    next_attempt: Instant::now() + pause,
                    pause,
                    reason: reason.clone(),
                });
                Err(StoreError::Unavailable(reason))
            }
            Err(other) => Err(other),
        }
    }
}

/// Replaces all records in one transaction; refused while a node uses the state.
pub(crate) async fn replace(
    address: &PostgresAddress,
    rows: &[Row],
    even_if_not_empty: bool,
) -> Result<bool, StoreError> {
    let mut connection = reach(address).await?;
    migrate(&mut connection, address).await?;
    let mut transaction = connection.begin().await?;
    if !use_alone(&mut transaction).await? {
        return Err(in_use(address));
    }
    let found = position_by(
        &mut transaction,
        "SELECT version, stamp FROM lakeward.state FOR UPDATE",
    )
    .await?;
    let any = sqlx::query("SELECT 1 FROM lakeward.record LIMIT 1")
        .fetch_optional(&mut *transaction)
        .await?;
    if any.is_some() && !even_if_not_empty {
        return Ok(false);
    }
    sqlx::raw_sql("DELETE FROM lakeward.record; DELETE FROM lakeward.change")
        .execute(&mut *transaction)
        .await?;
    for chunk in rows.chunks(CHUNK) {
        insert(&mut transaction, chunk).await?;
    }
    let position = found.next();
    sqlx::query("INSERT INTO lakeward.change VALUES ($1, $2, '', '')")
        .bind(position.version)
        .bind(position.stamp)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("UPDATE lakeward.state SET version = $1, stamp = $2")
        .bind(position.version)
        .bind(position.stamp)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(true)
}

/// All records at one moment, and the layout, whether or not nodes use the state.
pub(crate) async fn read_beside(address: &PostgresAddress) -> Result<(i64, Vec<Row>), StoreError> {
    let mut connection = reach(address).await?;
    let mut transaction = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let layout = read_layout(&mut transaction).await?;
    if layout == 0 {
        return Ok((layout, Vec::new()));
    }
    refuse_newer(layout)?;
    let rows = read_rows(&mut transaction).await?;
    transaction.rollback().await?;
    Ok((layout, rows))
}

async fn bounded<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let no_answer = |_| StoreError::Unavailable("the database doesn't answer".to_owned());
    timeout(limit, work).await.map_err(no_answer)?
}
