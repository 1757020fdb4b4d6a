//! PostgreSQL's server and connections die under load.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rand::Rng;
use tokio::task::JoinSet;

use super::{
    server::Server,
    world::{Counter, Role, connect, names, put, role, soon},
    *,
};

/// What writers were told, by name: committed, refused, or nothing certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Committed,
    Refused,
    Unsure,
}

#[derive(Default)]
struct Ledger {
    told: Mutex<BTreeMap<String, Told>>,
    stop: AtomicBool,
}

impl Ledger {
    fn count(&self, wanted: Told) -> usize {
        let told = self.told.lock().unwrap();
        told.values().filter(|told| **told == wanted).count()
    }

    /// Whether enough was acknowledged for what is there to tell something.
    fn tells(&self) -> bool {
        self.count(Told::Committed) > 100
    }
}

/// Makes pairs of records until told to stop, and notes what it is told.
async fn write_pairs(store: Store, ledger: Arc<Ledger>, writer: usize) {
    for round in 0.. {
        if ledger.stop.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("{writer}-{round}");
        let made = store
            .change(|change| {
                change.put(role(&name));
                change.put(Counter {
                    name: name.clone(),
                    count: round,
                });
                Ok::<_, StoreError>(())
            })
            .await;
        let told = match made {
            Ok(()) => Told::Committed,
            Err(StoreError::Unavailable(_)) => Told::Refused,
            Err(StoreError::OutcomeUnknown(_)) => Told::Unsure,
            Err(other) => panic!("{other}"),
        };
        if told != Told::Committed {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        ledger.told.lock().unwrap().insert(name, told);
    }
}

fn start(stores: [&Store; 4], ledger: &Arc<Ledger>) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    for (number, store) in stores.into_iter().enumerate() {
        writers.spawn(write_pairs(store.clone(), Arc::clone(ledger), number));
    }
    writers
}

/// Every store agrees with the ledger, and with each other.
async fn agree(ledger: &Ledger, url: &str, stores: [&Store; 2]) -> [usize; 3] {
    let fresh = connect(url).await.snapshot();
    let mut counts = [0; 3];
    for (name, told) in ledger.told.lock().unwrap().iter() {
        let there = fresh.get::<Role>(name).is_some();
        let half = fresh.get::<Counter>(name).is_some();
        assert_eq!(there, half, "{name} is half there");
        match told {
            Told::Committed => assert!(there, "{name} was acknowledged and is gone"),
            Told::Refused => assert!(!there, "{name} was refused and is there"),
            Told::Unsure => {}
        }
        counts[*told as usize] += 1;
    }
    let all = |snapshot: &Snapshot| snapshot.scan::<Role>("").len();
    for store in stores {
        soon("every node follows", || {
            all(&store.snapshot()) == all(&fresh)
        })
        .await;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_acknowledged() {
    const KILLS: usize = 6;
    let Some(mut server) = Server::start() else {
        return;
    };
    let url = server.database("killed");
    let (one, two) = (connect(&url).await, connect(&url).await);
    let ledger = Arc::new(Ledger::default());
    let mut writers = start([&one, &one, &two, &two], &ledger);
    for kills in 1.. {
        let load = rand::rng().random_range(20..300);
        tokio::time::sleep(Duration::from_millis(load)).await;
        server.kill();
        // Without its database a node answers what it knows.
        assert!(one.snapshot().version() > 0);
        server.run();
        // A slow disk acknowledges little between two kills.
        if kills >= KILLS && ledger.tells() && ledger.count(Told::Refused) > 0 {
            break;
        }
        assert!(kills < 20 * KILLS, "too little was told");
    }
    let before = ledger.count(Told::Committed);
    soon("the nodes write again", || {
        ledger.count(Told::Committed) > before
    })
    .await;
    ledger.stop.store(true, Ordering::Relaxed);
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let [committed, refused, unsure] = agree(&ledger, &url, [&one, &two]).await;
    eprintln!("{committed} committed, {refused} refused, {unsure} unsure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_at_any_moment_ends_in_the_truth() {
    const CUTS: usize = 300;
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database("cut");
    let (one, two) = (connect(&url).await, connect(&url).await);
    let ledger = Arc::new(Ledger::default());
    let mut writers = start([&one, &one, &two, &two], &ledger);
    let mut admin = <sqlx::PgConnection as sqlx::Connection>::connect(&server.url("postgres"))
        .await
        .unwrap();
    for cut in 0.. {
        if cut >= CUTS && ledger.tells() {
            break;
        }
        assert!(cut < 20 * CUTS, "too little was acknowledged");
        let pause = rand::rng().random_range(1_000..30_000);
        tokio::time::sleep(Duration::from_micros(pause)).await;
        // One connection at a time, every second time one that is committing, if there is one.
        let order = [
            "random()",
            "(query = 'COMMIT' AND state = 'active') DESC, random()",
        ][cut % 2];
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cut' ORDER BY {order} LIMIT 1"
        );
        sqlx::query(sqlx::AssertSqlSafe(cut))
            .execute(&mut admin)
            .await
            .unwrap();
    }
    ledger.stop.store(true, Ordering::Relaxed);
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let [committed, refused, unsure] = agree(&ledger, &url, [&one, &two]).await;
    eprintln!("{committed} committed, {refused} refused, {unsure} unsure");
    assert_eq!(unsure, 0, "the server was there to be asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_nobody_waits_for_is_whole() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database("patience");
    let (one, two) = (connect(&url).await, connect(&url).await);
    let mut patience = 0;
    for round in 0..300 {
        let store = if round % 2 == 0 { &one } else { &two };
        let name = format!("r{round}");
        let _ = tokio::time::timeout(Duration::from_micros(patience), put(store, &name)).await;
        patience = (patience + 137) % 9_000;
    }
    put(&one, "last").await.unwrap();
    put(&two, "last").await.unwrap();
    let fresh = names(&connect(&url).await);
    soon("the first agrees", || names(&one) == fresh).await;
    soon("the second agrees", || names(&two) == fresh).await;
}

#[tokio::test]
async fn without_its_database_a_node_reads_and_says_why_it_cannot_write() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let url = server.database("away");
    let store = connect(&url).await;
    put(&store, "a").await.unwrap();
    server.kill();
    let error = put(&store, "b").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    assert!(!error.to_string().contains("not-printed"));
    assert_eq!(names(&store), ["a"]);
    server.run();
    for attempt in 0.. {
        match put(&store, "c").await {
            Ok(()) => break,
            Err(error) => assert!(attempt < 6_000, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(names(&store), ["a", "c"]);
}
