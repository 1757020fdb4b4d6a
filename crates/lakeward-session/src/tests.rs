//! Sessions over a real process: the protocol, and every way in which a process can misbehave.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::fixture::{Authority, CLUSTER, eventually, is_alive, limits, login, runtime};
use super::*;

mod batches;
mod completion;
mod limits;

struct Bench {
    state: TempDir,
    registry: Arc<SessionRegistry>,
}

impl Bench {
    fn new() -> Self {
        Self::with(limits(), &[])
    }

    fn with(limits: SessionLimits, variables: &[(&str, &str)]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut runtime = runtime(state.path());
        for (name, value) in variables {
            let variable = ((*name).to_owned(), (*value).to_owned());
            runtime.environment.push(variable);
        }
        let registry =
            SessionRegistry::open_folder(runtime, limits, Arc::new(Authority::default())).unwrap();
        Self { state, registry }
    }

    fn open(&self) -> Arc<Session> {
        self.registry.open(&login("david"), request()).unwrap()
    }

    async fn idle(&self) -> Arc<Session> {
        let session = self.open();
        reaches(&session, SessionState::Idle).await;
        session
    }

    fn folders(&self) -> usize {
        let sessions = self.state.path().join("sessions");
        std::fs::read_dir(sessions).unwrap().count()
    }
}

fn request() -> SessionRequest {
    SessionRequest {
        kind: "pyspark".to_owned(),
        settings: "{}".to_owned(),
        ..SessionRequest::default()
    }
}

async fn reaches(session: &Session, state: SessionState) {
    eventually(&format!("state {state}"), async || {
        (session.state() == state).then_some(())
    })
    .await;
}

async fn ended(session: &Session, id: u64) -> Statement {
    eventually("the end of the statement", async || {
        session.statement(id).filter(|found| found.state.is_final())
    })
    .await
}

/// Waits until the statement itself says that it runs.
async fn running(session: &Session, id: u64) {
    eventually("the statement to run", async || {
        let progress = session.statement(id)?.progress;
        (progress > 0.0).then_some(())
    })
    .await;
}

async fn run(session: &Session, code: &str) -> Statement {
    let id = session.submit(code.to_owned()).unwrap().id;
    ended(session, id).await
}

fn data(statement: &Statement) -> Value {
    match statement.output.as_deref() {
        Some(Output::Ok { data }) => serde_json::from_str(data.get()).unwrap(),
        other => panic!("no data: {other:?}"),
    }
}

fn ename(statement: &Statement) -> &str {
    match statement.output.as_deref() {
        Some(Output::Error { ename, .. }) => ename,
        other => panic!("no error: {other:?}"),
    }
}

#[tokio::test]
async fn statements_run_in_order_and_the_session_is_idle_again() {
    let bench = Bench::new();
    let session = bench.open();
    // Sent before it is ready: it waits.
    session.submit("ECHO first".to_owned()).unwrap();
    let second = session.submit("RAISE oh no".to_owned()).unwrap();
    let second = ended(&session, second.id).await;
    assert_eq!(data(&session.statement(0).unwrap())["text/plain"], "first");
    assert_eq!(ename(&second), "ValueError");
    assert_eq!(second.state, StatementState::Available);
    assert!(second.started > 0 && second.completed >= second.started);
    assert_eq!(session.state(), SessionState::Idle);
}

#[tokio::test]
async fn the_environment_is_only_what_was_given() {
    let bench = Bench::new();
    let session = bench.idle().await;
    let variables = data(&run(&session, "ENV").await)["application/json"].clone();
    let names: Vec<&String> = variables.as_object().unwrap().keys().collect();
    for name in &names {
        let is_given = ["AWS_", "LAKEWARD_", "PYTHON", "SAIL_", "TOKIO_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || ["PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE"].contains(&name.as_str());
        assert!(is_given, "{name}");
    }
    assert!(
        !names
            .iter()
            .any(|name| name.contains("SECRET") || name.contains("CARGO"))
    );
    let url = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"].as_str();
    assert!(
        url.unwrap()
            .starts_with("http://127.0.0.1:9/session-credentials/")
    );
    let file = variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"].as_str();
    let token = std::fs::read_to_string(file.unwrap()).unwrap();
    assert_eq!(token, session.token.expose());
    assert!(!variables.to_string().contains(&token));
}

#[tokio::test]
async fn a_crash_ends_the_session_and_says_so() {
    let bench = Bench::new();
    let session = bench.idle().await;
    session.submit("CRASH".to_owned()).unwrap();
    let waiting = session.submit("ECHO never".to_owned()).unwrap();
    let crashed = ended(&session, 0).await;
    assert_eq!(ename(&crashed), "InterpreterDied");
    assert_eq!(
        ended(&session, waiting.id).await.state,
        StatementState::Cancelled
    );
    assert_eq!(session.state(), SessionState::Dead);
    assert!(session.log_tail(1)[0].contains("exit status: 3"));
    assert!(matches!(
        session.submit("ECHO x".to_owned()),
        Err(SessionError::NotActive(SessionState::Dead))
    ));
}

#[tokio::test]
async fn a_hanging_statement_is_cancelled_and_the_session_lives_on() {
    let bench = Bench::new();
    let session = bench.idle().await;
    session.submit("SLEEP".to_owned()).unwrap();
    running(&session, 0).await;
    assert_eq!(session.state(), SessionState::Busy);
    assert!(session.cancel(0));
    assert_eq!(ended(&session, 0).await.state, StatementState::Cancelled);
    assert_eq!(session.state(), SessionState::Idle);
    assert_eq!(
        data(&run(&session, "ECHO again").await)["text/plain"],
        "again"
    );
}

#[tokio::test]
async fn an_interrupt_is_repeated_until_the_statement_ends() {
    let bench = Bench::new();
    let session = bench.idle().await;
    session.submit("STUBBORN 5".to_owned()).unwrap();
    running(&session, 0).await;
    session.cancel(0);
    assert_eq!(ended(&session, 0).await.state, StatementState::Cancelled);
}

#[tokio::test]
async fn interrupting_a_session_cancels_what_waits_too() {
    let bench = Bench::new();
    let session = bench.idle().await;
    session.submit("SLEEP".to_owned()).unwrap();
    session.submit("SLEEP".to_owned()).unwrap();
    running(&session, 0).await;
    session.interrupt();
    for id in 0..2 {
        assert_eq!(ended(&session, id).await.state, StatementState::Cancelled);
    }
    reaches(&session, SessionState::Idle).await;
}

#[tokio::test]
async fn garbage_on_the_output_goes_to_the_log() {
    let bench = Bench::new();
    let session = bench.idle().await;
    let statement = run(&session, "GARBAGE").await;
    assert_eq!(data(&statement)["text/plain"], "after garbage");
    let (log, _) = session.log(0, 100);
    assert!(log.iter().any(|line| line == "not json"), "{log:?}");
}

#[tokio::test]
async fn an_output_over_the_bound_is_an_error_and_the_session_lives_on() {
    let bench = Bench::new();
    let session = bench.idle().await;
    assert_eq!(
        ename(&run(&session, "HUGE 5000000").await),
        "OutputTooLarge"
    );
    let large = data(&run(&session, "HUGE 1000000").await);
    assert_eq!(large["text/plain"].as_str().unwrap().len(), 1_000_000);
}

#[tokio::test]
async fn progress_shows_while_a_statement_runs() {
    let bench = Bench::new();
    let session = bench.idle().await;
    session.submit("PROGRESS".to_owned()).unwrap();
    eventually("progress", async || {
        let progress = session.statement(0)?.progress;
        (progress == 0.5).then_some(())
    })
    .await;
    session.cancel(0);
    assert_eq!(ended(&session, 0).await.progress, 1.0);
}

#[tokio::test]
async fn the_log_is_what_the_process_wrote_to_its_error_stream() {
    let bench = Bench::new();
    let session = bench.idle().await;
    run(&session, "STDERR 300").await;
    eventually("the last line", async || {
        (session.log_tail(1) == ["line 299"]).then_some(())
    })
    .await;
    assert_eq!(session.log(0, 0).1, 200);
}

#[tokio::test]
async fn a_start_that_fails_tells_why() {
    for (start, reason) in [("fatal", "no engine found"), ("exit", "exit status: 7")] {
        let bench = Bench::with(limits(), &[("FAKE_START", start)]);
        let session = bench.open();
        reaches(&session, SessionState::Error).await;
        let log = session.log_tail(10).join("\n");
        assert!(log.contains(reason), "{start}: {log}");
    }
}

#[tokio::test]
async fn a_start_that_hangs_is_given_up() {
    let limits = SessionLimits {
        start_timeout: Duration::from_millis(500),
        ..limits()
    };
    let bench = Bench::with(limits, &[("FAKE_START", "hang")]);
    let session = bench.open();
    reaches(&session, SessionState::Error).await;
    assert!(session.log_tail(1)[0].contains("not ready in time"));
}

#[tokio::test]
async fn a_missing_python_is_a_session_in_error() {
    let state = tempfile::tempdir().unwrap();
    let mut runtime = runtime(state.path());
    runtime.python = "/nowhere/python".into();
    let registry =
        SessionRegistry::open_folder(runtime, limits(), Arc::new(Authority::default())).unwrap();
    let session = registry.open(&login("david"), request()).unwrap();
    reaches(&session, SessionState::Error).await;
    assert!(session.log_tail(1)[0].contains("/nowhere/python"));
}

#[tokio::test]
async fn a_fatal_message_later_on_ends_the_session() {
    let bench = Bench::new();
    let session = bench.idle().await;
    let statement = run(&session, "FATAL the engine is gone").await;
    assert_eq!(ename(&statement), "InterpreterFailed");
    reaches(&session, SessionState::Dead).await;
}

#[tokio::test]
async fn ending_a_session_ends_its_children_and_removes_its_folder() {
    let bench = Bench::new();
    let session = bench.idle().await;
    let pids = data(&run(&session, "CHILD").await)["application/json"].clone();
    run(&session, "WRITE").await;
    assert_eq!(bench.folders(), 1);
    bench.registry.end(&session, "test");
    assert!(bench.registry.find(&session.owner, session.id).is_none());
    for pid in pids.as_array().unwrap() {
        let pid = pid.as_u64().unwrap();
        eventually("the end of the processes", async || {
            (!is_alive(pid)).then_some(())
        })
        .await;
    }
    reaches(&session, SessionState::Killed).await;
    eventually("an empty folder", async || {
        (bench.folders() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_crash_takes_the_children_along() {
    let bench = Bench::new();
    let session = bench.idle().await;
    let pids = data(&run(&session, "CHILD").await)["application/json"].clone();
    run(&session, "CRASH").await;
    let child = pids[1].as_u64().unwrap();
    eventually("the end of the child", async || {
        (!is_alive(child)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn shutdown_waits_until_the_processes_are_gone() {
    let bench = Bench::new();
    let session = bench.idle().await;
    let pids = data(&run(&session, "CHILD").await)["application/json"].clone();
    session.submit("SLEEP".to_owned()).unwrap();
    running(&session, 1).await;
    bench.registry.shutdown().await;
    assert!(!is_alive(pids[0].as_u64().unwrap()));
    assert_eq!(session.state(), SessionState::Killed);
    // Its child got the same signal, but is not ours to wait for.
    let child = pids[1].as_u64().unwrap();
    eventually("the end of the child", async || {
        (!is_alive(child)).then_some(())
    })
    .await;
    assert!(matches!(
        bench.registry.open(&login("david"), request()),
        Err(SessionError::ShuttingDown)
    ));
}

#[tokio::test]
async fn limits_hold_for_the_cluster_and_for_each_login() {
    let limits = SessionLimits {
        sessions_per_cluster: 3,
        sessions_per_login: 2,
        ..limits()
    };
    let bench = Bench::with(limits, &[]);
    bench.idle().await;
    let second = bench.idle().await;
    let open = |name| bench.registry.open(&login(name), request());
    assert!(matches!(
        open("david"),
        Err(SessionError::TooManyOfLogin { limit: 2 })
    ));
    open("tina").unwrap();
    assert!(matches!(
        open("paul"),
        Err(SessionError::TooManySessions { limit: 3 })
    ));
    bench.registry.end(&second, "test");
    second.gone().await;
    open("paul").unwrap();
}

#[tokio::test]
async fn too_many_starting_sessions_are_refused_in_livys_words() {
    let limits = SessionLimits {
        starting_per_cluster: 1,
        ..limits()
    };
    let bench = Bench::with(limits, &[("FAKE_START", "hang")]);
    bench.open();
    let error = bench
        .registry
        .open(&login("tina"), request())
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "too many sessions are being created!");
}

#[tokio::test]
async fn names_are_unique_for_one_owner_only() {
    let bench = Bench::new();
    let named = || SessionRequest {
        name: Some("work".to_owned()),
        ..request()
    };
    bench.registry.open(&login("david"), named()).unwrap();
    bench.registry.open(&login("tina"), named()).unwrap();
    assert!(matches!(
        bench.registry.open(&login("david"), named()),
        Err(SessionError::DuplicateName { .. })
    ));
}

#[tokio::test]
async fn waiting_statements_are_bounded() {
    let limits = SessionLimits {
        waiting_statements: 2,
        ..limits()
    };
    let bench = Bench::with(limits, &[("FAKE_START", "hang")]);
    let session = bench.open();
    for _ in 0..3 {
        session.submit("ECHO x".to_owned()).unwrap();
    }
    assert!(matches!(
        session.submit("ECHO x".to_owned()),
        Err(SessionError::TooManyStatements { limit: 2 })
    ));
}

#[tokio::test]
async fn a_session_nobody_hears_of_is_ended_even_while_it_works() {
    let bench = Bench::new();
    let silent = SessionRequest {
        heartbeat_timeout: Some(Duration::from_secs(1)),
        ..request()
    };
    let session = bench.registry.open(&login("david"), silent).unwrap();
    session.submit("SLEEP".to_owned()).unwrap();
    reaches(&session, SessionState::Killed).await;
    assert!(bench.registry.summaries(CLUSTER).is_empty());
}

#[tokio::test]
async fn an_idle_session_is_ended_and_a_busy_one_is_not() {
    let bench = Bench::new();
    let hasty = || SessionRequest {
        idle_timeout: Some(Duration::from_millis(300)),
        ..request()
    };
    let busy = bench.registry.open(&login("david"), hasty()).unwrap();
    busy.submit("SLEEP".to_owned()).unwrap();
    running(&busy, 0).await;
    let idle = bench.registry.open(&login("tina"), hasty()).unwrap();
    reaches(&idle, SessionState::Killed).await;
    assert_eq!(busy.state(), SessionState::Busy);
}

#[tokio::test]
async fn a_session_ends_with_its_login_but_not_in_the_middle_of_a_statement() {
    let bench = Bench::new();
    let mut owner = login("david");
    owner.expires_at = Timestamp::now() - SignedDuration::from_secs(1);
    let session = bench.registry.open(&owner, request()).unwrap();
    session.submit("SLEEP".to_owned()).unwrap();
    running(&session, 0).await;
    assert_eq!(session.state(), SessionState::Busy);
    session.cancel(0);
    reaches(&session, SessionState::Killed).await;
}

#[tokio::test]
async fn an_ended_session_is_forgotten_after_a_while() {
    let limits = SessionLimits {
        retain_ended: Duration::from_millis(300),
        ..limits()
    };
    let bench = Bench::with(limits, &[("FAKE_START", "exit")]);
    let session = bench.open();
    reaches(&session, SessionState::Error).await;
    eventually("to be forgotten", async || {
        bench.registry.summaries(CLUSTER).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn leftovers_of_an_earlier_daemon_are_removed() {
    let state = tempfile::tempdir().unwrap();
    let left = state.path().join("sessions/0123/home");
    std::fs::create_dir_all(&left).unwrap();
    let _registry = SessionRegistry::open_folder(
        runtime(state.path()),
        limits(),
        Arc::new(Authority::default()),
    )
    .unwrap();
    assert!(!left.exists());
}

#[tokio::test]
async fn the_interpreter_that_is_shipped_speaks_the_protocol() {
    let state = tempfile::tempdir().unwrap();
    let mut runtime = runtime(state.path());
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python");
    runtime.module_path = root.canonicalize().unwrap();
    let registry =
        SessionRegistry::open_folder(runtime, limits(), Arc::new(Authority::default())).unwrap();
    let python = SessionRequest {
        kind: "python".to_owned(),
        ..request()
    };
    let session = registry.open(&login("david"), python).unwrap();
    reaches(&session, SessionState::Idle).await;
    let sum = run(
        &session,
        "import os, time\nos.write(2, b'a line\\n')\n1 + 1",
    )
    .await;
    assert_eq!(data(&sum)["text/plain"], "2");
    assert_eq!(ename(&run(&session, "1 / 0").await), "ZeroDivisionError");
    eventually("the line in the log", async || {
        (session.log_tail(1) == ["a line"]).then_some(())
    })
    .await;
    let pid = data(&run(&session, "os.getpid()").await)["text/plain"].clone();
    let sleeping = session.submit("time.sleep(600)".to_owned()).unwrap().id;
    eventually("the statement to run", async || {
        let state = session.statement(sleeping)?.state;
        (state == StatementState::Running).then_some(())
    })
    .await;
    session.cancel(sleeping);
    let cancelled = ended(&session, sleeping).await;
    assert_eq!(cancelled.state, StatementState::Cancelled);
    session.submit("time.sleep(600)".to_owned()).unwrap();
    registry.end(&session, "test");
    reaches(&session, SessionState::Killed).await;
    assert!(!is_alive(pid.as_str().unwrap().parse().unwrap()));
}

/// Not a test by itself: the daemon that the next test kills.
#[tokio::test]
#[ignore = "started by the test below"]
async fn daemon_to_be_killed() {
    let Some(file) = std::env::var_os("LAKEWARD_TEST_PIDS") else {
        return;
    };
    let bench = Bench::new();
    let session = bench.idle().await;
    let pids = data(&run(&session, "CHILD").await)["application/json"].to_string();
    session.submit("SLEEP".to_owned()).unwrap();
    running(&session, 1).await;
    let file = std::path::PathBuf::from(file);
    std::fs::write(file.with_extension("new"), pids).unwrap();
    std::fs::rename(file.with_extension("new"), file).unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
}

#[tokio::test]
async fn nothing_survives_a_daemon_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let mut daemon = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::daemon_to_be_killed", "--ignored"])
        .env("LAKEWARD_TEST_PIDS", &file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pids = eventually("the daemon's session", async || {
        std::fs::read_to_string(&file).ok()
    })
    .await;
    let pids: Vec<u64> = serde_json::from_str(&pids).unwrap();
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    kill_process(Pid::from_child(&daemon), Signal::KILL).unwrap();
    daemon.wait().unwrap();
    for pid in pids {
        eventually("the end of the session's processes", async || {
            (!is_alive(pid)).then_some(())
        })
        .await;
    }
}
