//! Several nodes on one PostgreSQL.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{
    follower::Hearing,
    server::Server,
    world::{Counter, connect, count, names, put, schema, soon},
    *,
};

const NEVER: Duration = Duration::from_secs(3_600);

async fn hearing(url: &str, hearing: Hearing) -> Store {
    Store::connect_hearing(&url.parse().unwrap(), schema(), hearing)
        .await
        .unwrap()
}

#[tokio::test]
async fn nodes_see_each_others_changes_rung_for_or_looked_for() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database("two");
    let writer = connect(&url).await;
    let rung = hearing(
        &url,
        Hearing {
            look_every: NEVER,
            listen: true,
        },
    )
    .await;
    let looks = hearing(
        &url,
        Hearing {
            look_every: Duration::from_millis(400),
            listen: false,
        },
    )
    .await;
    // The bell is hung up in the background: its first ring is for what may have been missed.
    put(&writer, "first").await.unwrap();
    soon("the bell hangs", || names(&rung) == ["first"]).await;
    put(&writer, "second").await.unwrap();
    soon("rung for", || names(&rung) == ["first", "second"]).await;
    soon("looked for", || names(&looks) == ["first", "second"]).await;
    looks
        .change(|change| {
            change.delete::<world::Role>("first");
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    soon("a deletion", || names(&writer) == ["second"]).await;
    soon("a deletion", || names(&rung) == ["second"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_of_two_nodes_is_lost() {
    const EACH: u64 = 60;
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database("counters");
    // Two that start at once on an empty database both find a way in.
    let (one, two) = tokio::join!(connect(&url), connect(&url));
    let mut writers = JoinSet::new();
    for store in [&one, &one, &two, &two] {
        let store = store.clone();
        writers.spawn(async move {
            let mut before = 0;
            for _ in 0..EACH {
                let now = count(&store, "shared").await.unwrap();
                assert!(now > before);
                before = now;
                let seen = store.snapshot().get::<Counter>("shared").unwrap().count;
                assert!(seen >= now, "a node sees its own changes at once");
            }
        });
    }
    writers.join_all().await;
    let total = |store: &Store| store.snapshot().get::<Counter>("shared").unwrap().count;
    soon("the first", || total(&one) == 4 * EACH).await;
    soon("the second", || total(&two) == 4 * EACH).await;
    assert_eq!(total(&connect(&url).await), 4 * EACH);
}

#[tokio::test]
async fn a_change_runs_against_what_others_have_just_committed() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database("latest");
    let deaf = Hearing {
        look_every: NEVER,
        listen: false,
    };
    let (one, two) = (hearing(&url, deaf).await, hearing(&url, deaf).await);
    for expected in 1..20 {
        let store = if expected % 2 == 0 { &one } else { &two };
        assert_eq!(count(store, "shared").await.unwrap(), expected);
    }
    // Also when it stages nothing, or fails.
    put(&one, "late").await.unwrap();
    let refused = two
        .change(|change| {
            assert!(change.get::<world::Role>("late").is_some());
            Err::<(), _>(StoreError::Unregistered("refused"))
        })
        .await;
    assert!(refused.is_err());
    assert_eq!(names(&two), ["late"]);
    // And the refused turn doesn't keep others out.
    put(&one, "later").await.unwrap();
}

#[tokio::test]
async fn a_node_that_was_away_for_long_reads_everything() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database("pruned");
    let deaf = Hearing {
        look_every: NEVER,
        listen: false,
    };
    let (away, writer) = (hearing(&url, deaf).await, connect(&url).await);
    for name in ["a", "b", "c"] {
        put(&writer, name).await.unwrap();
    }
    server.sql("pruned", "DELETE FROM lakeward.change WHERE version < 3");
    assert_eq!(count(&away, "x").await.unwrap(), 1);
    assert_eq!(names(&away), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_history_that_was_replaced_is_noticed() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database("rewritten");
    let deaf = Hearing {
        look_every: NEVER,
        listen: false,
    };
    let node = hearing(&url, deaf).await;
    put(&node, "lost").await.unwrap();
    // As after a failover to a server that hadn't heard of the last change, and went another way.
    server.sql(
        "rewritten",
        r#"DELETE FROM lakeward.record; UPDATE lakeward.state SET stamp = 42;
           UPDATE lakeward.change SET stamp = 42, key = 'other' WHERE version = 1;
           INSERT INTO lakeward.record VALUES ('role', 'other', '{"name":"other","path":"/"}')"#,
    );
    count(&node, "x").await.unwrap();
    assert_eq!(names(&node), ["other"]);
}

#[tokio::test]
async fn a_record_of_a_newer_node_is_refused_and_reads_go_on() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database("newer");
    let address = url.parse().unwrap();
    let node = connect(&url).await;
    put(&node, "a").await.unwrap();
    let other = Store::connect(&address, Schema::new().record::<world::Role>())
        .await
        .unwrap();
    count(&node, "x").await.unwrap();
    let refused = put(&other, "b").await;
    assert!(matches!(refused, Err(StoreError::UnknownKind { kind }) if kind == "counter"));
    assert_eq!(names(&other), ["a"]);
    put(&node, "c").await.unwrap();
}

#[tokio::test]
async fn nothing_that_is_said_holds_the_password() {
    let address: PostgresAddress = "postgres://ann:s3cret@127.0.0.1:1/none".parse().unwrap();
    let error = Store::connect(&address, schema()).await.err().unwrap();
    let said = format!("{error} {error:?}");
    assert!(
        said.contains("127.0.0.1:1") && !said.contains("s3cret"),
        "{said}"
    );
    assert!(matches!(error, StoreError::Unavailable(_)));
}
