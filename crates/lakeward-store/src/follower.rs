//! How a node learns what other nodes changed: PostgreSQL rings, and the node looks now and then
//! anyway, since a bell can be missed.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{sleep, timeout},
};

use crate::{Inner, postgres::CHANNEL};

const CONNECT: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How a follower hears of changes.
#[derive(Clone, Copy)]
pub(crate) struct Hearing {
    /// How often to look without being rung for.
    pub(crate) look_every: Duration,
    /// Whether to listen for the bell.
    pub(crate) listen: bool,
}

impl Default for Hearing {
    fn default() -> Self {
        Self {
            look_every: Duration::from_millis(400),
            listen: true,
        }
    }
}

/// The tasks that follow; they end with it.
pub(crate) struct Follower {
    tasks: Vec<AbortHandle>,
}

impl Follower {
    pub(crate) fn start(inner: &Arc<Inner>, options: &PgConnectOptions, hearing: Hearing) -> Self {
        let bell = Arc::new(Notify::new());
        let follow = follow(Arc::downgrade(inner), Arc::clone(&bell), hearing.look_every);
        let mut tasks = vec![tokio::spawn(follow).abort_handle()];
        if hearing.listen {
            tasks.push(tokio::spawn(listen(options.clone(), bell)).abort_handle());
        }
        Self { tasks }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn follow(inner: Weak<Inner>, bell: Arc<Notify>, look_every: Duration) {
    let mut reachable = true;
    loop {
        // Rung for or not: look.
        let _ = timeout(look_every, bell.notified()).await;
        let Some(inner) = inner.upgrade() else {
            return;
        };
        match inner.catch_up().await {
            Ok(()) if !reachable => {
                tracing::info!("the state follows its database again");
                reachable = true;
            }
            Ok(()) => {}
            Err(error) if reachable => {
                tracing::warn!(%error, "other nodes' changes can't be followed; reads go on with what is known");
                reachable = false;
            }
            Err(_) => {}
        }
    }
}

/// Rings whenever PostgreSQL does, and once after each time it may have been missed.
async fn listen(options: PgConnectOptions, bell: Arc<Notify>) {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Ok(mut listener) = subscribe(&options).await {
            pause = FIRST_PAUSE;
            bell.notify_one();
            while let Ok(Some(_)) = listener.try_recv().await {
                bell.notify_one();
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn subscribe(options: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.ignore_pool_close_event(true);
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}
