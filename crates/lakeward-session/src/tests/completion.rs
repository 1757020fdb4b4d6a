//! Completion: answered by an idle session only, and in time.

use super::*;

#[tokio::test]
async fn an_idle_session_says_what_may_stand_there() {
    let bench = Bench::new();
    let session = bench.idle().await;
    let found = session.complete("spark".to_owned(), 2).await;
    assert_eq!(found, ["sp", "x"]);
    assert_eq!(session.state(), SessionState::Idle);
    assert_eq!(data(&run(&session, "ECHO on").await)["text/plain"], "on");
    assert!(
        session.statement(1).is_none(),
        "a completion is no statement"
    );
}

#[tokio::test]
async fn any_other_session_has_nothing_to_say() {
    let bench = Bench::new();
    let session = bench.open();
    assert!(session.complete("a".to_owned(), 1).await.is_empty());
    reaches(&session, SessionState::Idle).await;
    let id = session.submit("SLEEP".to_owned()).unwrap().id;
    running(&session, id).await;
    assert!(session.complete("a".to_owned(), 1).await.is_empty());
    session.cancel(id);
    ended(&session, id).await;
    assert!(!session.complete("a".to_owned(), 1).await.is_empty());
    run(&session, "CRASH").await;
    assert!(session.complete("a".to_owned(), 1).await.is_empty());
}

#[tokio::test]
async fn a_slow_completion_is_given_up_and_statements_go_on() {
    let bench = Bench::new();
    let session = bench.idle().await;
    assert!(session.complete("SLOW".to_owned(), 1).await.is_empty());
    assert_eq!(data(&run(&session, "ECHO on").await)["text/plain"], "on");
    assert_eq!(session.complete("a".to_owned(), 1).await, ["a", "x"]);
}

#[tokio::test]
async fn a_statement_carries_its_language() {
    let bench = Bench::new();
    let session = bench.idle().await;
    let statement = session.submit_in(Language::Sql, "select 1".to_owned());
    let statement = ended(&session, statement.unwrap().id).await;
    assert_eq!(data(&statement)["text/plain"], "sql: select 1");
}
