use lakeward_wire::Secret;

use super::*;
use crate::fixture::{limits, login};
use crate::retention::Holder as _;
use crate::statement::Output;

fn session(request: SessionRequest) -> Session {
    let (id, key, token) = (7, String::new(), Secret::new(String::new()));
    let counters = Counters::default();
    Session::new(id, key, token, login("david"), request, &limits(), counters)
}

fn run(session: &Session, output: usize) {
    let id = session.submit("x".to_owned()).unwrap().id;
    assert!(matches!(session.errand(true), Errand::Run { .. }));
    let data = format!(r#"{{"text/plain":"{}"}}"#, "y".repeat(output));
    let data = serde_json::value::RawValue::from_string(data).unwrap();
    session.finish(id, Output::Ok { data });
}

#[test]
fn one_that_has_ended_keeps_little() {
    let session = session(SessionRequest::default());
    session.ready();
    for _ in 0..8 {
        run(&session, 4 << 20);
    }
    for _ in 0..1000 {
        session.note("z".repeat(100_000));
    }
    assert!(session.held() > 32 << 20);
    assert!(session.ended_at().is_none());
    let text = "a".repeat(1 << 20);
    session.end(SessionState::Dead, "InterpreterDied", &text);
    let most = (1 << 20) + 200 * (8 << 10) + 10_000;
    assert!(session.held() <= most, "{}", session.held());
    assert_eq!(session.statements().len(), 1);
    assert!(session.ended_at().is_some());
    session.shed();
    assert!(session.held() < 20_000, "{}", session.held());
    assert_eq!(session.log_tail(1)[0].len(), 8 << 10);
    assert_eq!(session.shed(), 0);
}

#[test]
fn one_that_lives_gives_its_oldest_output_away() {
    let session = session(SessionRequest::default());
    session.ready();
    run(&session, 1000);
    run(&session, 2000);
    session.note("line".to_owned());
    let freed = session.shed();
    assert!((1000..2000).contains(&freed), "{freed}");
    assert_eq!(session.statements()[0].id, 1);
    assert_eq!(session.log_tail(1), ["line"]);
}

#[test]
fn the_end_of_work_is_activity() {
    let request = SessionRequest {
        idle_timeout: Some(Duration::from_secs(60)),
        ..SessionRequest::default()
    };
    let session = session(request);
    session.ready();
    session.work(true);
    session.grow_old(Duration::from_secs(100));
    session.work(false);
    assert_eq!(session.overdue(Timestamp::now(), &limits()), None);
    session.grow_old(Duration::from_secs(100));
    let idle = Some(Overdue::End(EndReason::Idle));
    assert_eq!(session.overdue(Timestamp::now(), &limits()), idle);
    session.attend();
    assert_eq!(session.overdue(Timestamp::now(), &limits()), None);
}

#[test]
fn asking_for_one_that_has_ended_keeps_it_no_longer() {
    let session = session(SessionRequest::default());
    session.end(SessionState::Dead, "", "");
    session.grow_old(Duration::from_secs(3600));
    session.touch();
    let forgotten = session.overdue(Timestamp::now(), &limits());
    assert_eq!(forgotten, Some(Overdue::Forget));
}
