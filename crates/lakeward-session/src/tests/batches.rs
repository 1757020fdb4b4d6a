//! Batches: how they end, and what stays of them.

use super::*;

fn batch(bench: &Bench, args: &[&str]) -> Arc<Batch> {
    let request = BatchRequest {
        name: Some("nightly".to_owned()),
        file: "s3://bucket/job.py".to_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        settings: "{}".to_owned(),
        ..BatchRequest::default()
    };
    bench.registry.open_batch(&login("david"), request).unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

async fn end(batch: &Batch) -> BatchState {
    let patience = Duration::from_secs(30);
    tokio::time::timeout(patience, batch.finished())
        .await
        .expect("the batch never ended")
}

#[tokio::test]
async fn a_script_runs_to_its_end_and_its_streams_stay_apart() {
    let bench = Bench::new();
    let batch = batch(
        &bench,
        &["PRINT one", "COMPLAIN two", "PRINT three", "EXIT 0"],
    );
    assert_eq!(end(&batch).await, BatchState::Success);
    assert_eq!(text(batch.stdout()), "one\nthree\n");
    assert_eq!(text(batch.stderr()), "two\n");
    let (lines, total) = batch.log(0, 100);
    assert_eq!(total, lines.len());
    let end = "the script ended with exit code 0";
    assert!(lines[0].contains(r#""sandbox":"none""#), "{lines:?}");
    assert_eq!(lines[1..], ["one", "two", "three", end]);
    eventually("the folder to go", async || {
        (bench.folders() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_other_end_is_dead_and_says_why() {
    let bench = Bench::new();
    for (word, expected) in [
        ("EXIT 3", "exit code 3"),
        ("EXIT -11", "signal 11"),
        ("FAIL no such key", "OSError: no such key"),
        ("CRASH", "exit status: 3"),
    ] {
        let batch = batch(&bench, &["PRINT before", word]);
        assert_eq!(end(&batch).await, BatchState::Dead, "{word}");
        let (lines, _) = batch.log(0, 100);
        assert!(lines.last().unwrap().contains(expected), "{lines:?}");
        assert_eq!(batch.verdict().as_ref(), lines.last());
        assert_eq!(batch.has_begun(), !word.starts_with("FAIL"), "{word}");
        assert_eq!(text(batch.stdout()), "before\n", "{word}");
    }
}

#[tokio::test]
async fn a_cancelled_batch_ends_and_a_forgotten_one_too() {
    let bench = Bench::new();
    for is_forgotten in [false, true] {
        let batch = batch(&bench, &["PRINT here", "SLEEP"]);
        eventually("its output", async || {
            (!batch.stdout().is_empty()).then_some(())
        })
        .await;
        assert_eq!(batch.state(), BatchState::Running);
        if is_forgotten {
            bench.registry.end_batch(&batch, "its owner deleted it");
        } else {
            batch.cancel();
        }
        assert_eq!(end(&batch).await, BatchState::Killed);
        let found = bench.registry.find_batch(&login("david"), batch.id());
        assert_eq!(found.is_none(), is_forgotten);
    }
}

#[tokio::test]
async fn batches_and_sessions_are_not_each_other() {
    let bench = Bench::new();
    let session = bench.idle().await;
    let batch = batch(&bench, &["SLEEP"]);
    let david = login("david");
    assert!(bench.registry.find(&david, batch.id()).is_none());
    assert!(bench.registry.find_batch(&david, session.id).is_none());
    assert!(
        bench
            .registry
            .find_batch(&login("tina"), batch.id())
            .is_none()
    );
    assert_eq!(bench.registry.owned_by(&david).len(), 1);
    assert_eq!(bench.registry.batches_of(&david).len(), 1);
    assert_eq!(bench.registry.summaries(CLUSTER).len(), 2);
    let refused = bench.registry.open_batch(&david, BatchRequest::default());
    assert!(matches!(refused, Err(SessionError::Script(_))));
}

#[tokio::test]
async fn nobody_can_print_into_a_session() {
    let bench = Bench::new();
    let session = bench.idle().await;
    let code = r#"SAY {"id":0,"stdout":"x"}"#;
    assert_eq!(data(&run(&session, code).await)["text/plain"], "said");
    let code = r#"SAY {"id":1,"exited":0}"#;
    assert_eq!(data(&run(&session, code).await)["text/plain"], "said");
    assert_eq!(session.state(), SessionState::Idle);
}
