//! What the daemon holds of sessions, and how many of them there are.

use super::*;

#[tokio::test]
async fn a_session_that_is_being_ended_counts_until_its_process_is_gone() {
    let limits = SessionLimits {
        sessions_per_login: 1,
        ..limits()
    };
    let bench = Bench::with(limits, &[]);
    let named = || SessionRequest {
        name: Some("work".to_owned()),
        ..request()
    };
    let open = || bench.registry.open(&login("david"), named());
    let first = open().unwrap();
    reaches(&first, SessionState::Idle).await;
    bench.registry.end(&first, "test");
    bench.registry.end(&first, "again");
    assert!(bench.registry.summaries(CLUSTER).is_empty());
    assert!(matches!(
        open(),
        Err(SessionError::TooManyOfLogin { limit: 1 })
    ));
    first.gone().await;
    let second = open().unwrap();
    assert_ne!(second.id, first.id);
}

#[tokio::test]
async fn the_name_of_a_session_that_is_being_ended_is_free() {
    let bench = Bench::new();
    let named = || SessionRequest {
        name: Some("work".to_owned()),
        ..request()
    };
    let open = || bench.registry.open(&login("david"), named());
    let first = open().unwrap();
    assert!(open().is_err());
    bench.registry.end(&first, "test");
    open().unwrap();
}

#[tokio::test]
async fn a_start_that_nobody_wants_any_more_is_not_begun() {
    let bench = Bench::new();
    let session = bench.open();
    // Its task has not run yet.
    bench.registry.end(&session, "test");
    session.gone().await;
    assert_eq!(session.state(), SessionState::Killed);
    assert_eq!(session.log(0, 10).0, ["the session was ended"]);
    assert_eq!(bench.folders(), 0);
    let kernel = KernelRequest::default();
    let kernel = bench.registry.open_kernel(&login("david"), kernel).unwrap();
    bench.registry.end(kernel.session(), "test");
    kernel.session().gone().await;
    assert!(kernel.started().await.is_err());
    assert_eq!(bench.folders(), 0);
}

#[tokio::test]
async fn only_so_many_ended_sessions_are_kept() {
    let limits = SessionLimits {
        ended_per_login: 2,
        ended_per_cluster: 3,
        ..limits()
    };
    let bench = Bench::with(limits, &[("FAKE_START", "exit")]);
    let ends = async |user: &str| {
        let session = bench.registry.open(&login(user), request()).unwrap();
        session.gone().await;
        session.id
    };
    let ids = |user: &str| -> Vec<u32> {
        let own = bench.registry.owned_by(&login(user));
        own.iter().map(|session| session.id).collect()
    };
    let mut of_david = Vec::new();
    for _ in 0..5 {
        of_david.push(ends("david").await);
    }
    // The last one was opened beside two.
    assert_eq!(ids("david"), of_david[2..]);
    for _ in 0..2 {
        ends("tina").await;
    }
    assert_eq!(ids("tina").len(), 2);
    assert_eq!(ids("david"), of_david[3..]);
}

/// What the statements of a session hold.
fn outputs(session: &Session) -> usize {
    let statements = session.statements();
    let outputs = statements.iter().filter_map(|one| one.output.as_deref());
    outputs.map(|output| output.to_string().len()).sum()
}

#[tokio::test]
async fn all_sessions_together_hold_no_more_than_they_may() {
    let limits = SessionLimits {
        retained_in_all: 3_000_000,
        ..limits()
    };
    let bench = Bench::with(limits, &[]);
    let greedy = bench.idle().await;
    let modest = bench.registry.open(&login("tina"), request()).unwrap();
    reaches(&modest, SessionState::Idle).await;
    run(&modest, "HUGE 900000").await;
    for _ in 0..4 {
        run(&greedy, "HUGE 900000").await;
        assert!(bench.registry.held() <= 3_000_000);
    }
    assert!(outputs(&modest) >= 900_000, "the other gave way");
    assert!((900_000..2_000_000).contains(&outputs(&greedy)));

    // What has ended gives way first, before what lives.
    modest.submit("CRASH".to_owned()).unwrap();
    modest.gone().await;
    run(&greedy, "HUGE 900000").await;
    run(&greedy, "HUGE 900000").await;
    assert!(bench.registry.held() <= 3_000_000);
    assert!(outputs(&modest) < 10_000 && outputs(&greedy) > 1_800_000);
}

#[tokio::test]
async fn code_that_there_is_no_room_for_is_refused() {
    let limits = SessionLimits {
        retained_in_all: 1_000_000,
        ..limits()
    };
    let bench = Bench::with(limits, &[("FAKE_START", "hang")]);
    let session = bench.open();
    let submit = |length: usize| session.submit("x".repeat(length));
    submit(600_000).unwrap();
    assert!(matches!(
        submit(600_000),
        Err(SessionError::Full { limit: 1_000_000 })
    ));
    submit(1000).unwrap();
    assert!(bench.registry.held() <= 1_000_000);
}

#[tokio::test]
async fn a_session_that_floods_its_output_is_slowed_down_and_lives_on() {
    let bench = Bench::new();
    let session = bench.idle().await;
    let statement = run(&session, "NOISE 1500").await;
    assert_eq!(data(&statement)["text/plain"], "after noise");
    // Empty lines between them cost nothing and are not shown.
    assert_eq!(session.log_tail(1), ["noise 1499"]);
    assert_eq!(session.log(0, 0).1, 200);
}
