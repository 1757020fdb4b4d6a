use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Connection, Kernel, KernelMessage, KernelRequest, KernelState, Lost};
use crate::fixture::{Authority, CLUSTER, eventually, limits, login, runtime};
use crate::{SessionError, SessionLimits, SessionRegistry};

struct Bench {
    _state: TempDir,
    registry: Arc<SessionRegistry>,
}

impl Bench {
    fn new(limits: SessionLimits, variables: &[(&str, &str)]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut runtime = runtime(state.path());
        for (name, value) in variables {
            let variable = ((*name).to_owned(), (*value).to_owned());
            runtime.environment.push(variable);
        }
        let registry =
            SessionRegistry::open_folder(runtime, limits, Arc::new(Authority::default())).unwrap();
        Self {
            _state: state,
            registry,
        }
    }

    fn open(&self, user: &str) -> Arc<Kernel> {
        let environment = BTreeMap::from([("KERNEL_X".to_owned(), "y".to_owned())]);
        let request = KernelRequest {
            name: "pyspark".to_owned(),
            environment,
        };
        self.registry.open_kernel(&login(user), request).unwrap()
    }

    async fn started(&self) -> (Arc<Kernel>, Connection) {
        let kernel = self.open("david");
        kernel.started().await.unwrap();
        let connection = kernel.connect("s").unwrap();
        (kernel, connection)
    }
}

fn message(code: &str, buffers: Vec<Vec<u8>>) -> KernelMessage {
    let text = json!({"channel": "shell", "header": {"msg_id": "1"}, "content": {"code": code}});
    KernelMessage::from_client(text.to_string(), buffers).unwrap()
}

async fn next(connection: &mut Connection) -> (Value, Vec<Vec<u8>>) {
    let message = connection.next().await.unwrap();
    let value = serde_json::from_str(message.json()).unwrap();
    (value, message.buffers().to_vec())
}

async fn reply(connection: &mut Connection) -> (Value, Vec<Vec<u8>>) {
    loop {
        let (message, buffers) = next(connection).await;
        if message["channel"] == "shell" {
            return (message["content"]["echo"].clone(), buffers);
        }
    }
}

#[tokio::test]
async fn messages_and_buffers_go_both_ways() {
    let bench = Bench::new(limits(), &[]);
    let (kernel, mut connection) = bench.started().await;
    assert_eq!(kernel.state(), KernelState::Idle);
    assert_eq!(kernel.connections(), 1);
    let mut second = kernel.connect("s").unwrap();
    kernel
        .send(&message("ECHO hello", vec![vec![1, 2, 255]]))
        .await
        .unwrap();
    for connection in [&mut connection, &mut second] {
        let (echo, buffers) = reply(connection).await;
        assert_eq!((echo, buffers), (json!("hello"), vec![vec![1, 2, 255]]));
    }
    drop(second);
    assert_eq!(kernel.connections(), 1);
    kernel.send(&message("ENV", vec![])).await.unwrap();
    let expected = json!({"KERNEL_ID": kernel.id().to_string(), "KERNEL_X": "y"});
    assert_eq!(reply(&mut connection).await.0, expected);
}

#[tokio::test]
async fn a_kernel_is_a_session_but_none_of_livys() {
    let limits = SessionLimits {
        sessions_per_login: 2,
        ..limits()
    };
    let bench = Bench::new(limits, &[]);
    let (kernel, _connection) = bench.started().await;
    let other = bench.open("david");
    let owner = login("david");
    let summaries = bench.registry.summaries(CLUSTER);
    assert!(summaries.iter().all(|one| one.kind == "kernel"));
    assert_eq!(summaries.len(), 2);
    assert!(bench.registry.owned_by(&owner).is_empty());
    assert!(bench.registry.find(&owner, kernel.session().id).is_none());
    let more = bench.registry.open_kernel(&owner, KernelRequest::default());
    assert!(matches!(
        more,
        Err(SessionError::TooManyOfLogin { limit: 2 })
    ));

    let found = |user: &str| bench.registry.find_kernel(&login(user), kernel.id());
    assert!(found("david").is_some() && found("tina").is_none());
    assert_eq!(bench.registry.kernels_owned_by(&owner).len(), 2);
    bench.registry.end(other.session(), "test");
    assert_eq!(bench.registry.kernels_owned_by(&owner).len(), 1);
}

#[tokio::test]
async fn a_busy_kernel_is_not_idle_and_a_restart_brings_it_back() {
    let bench = Bench::new(limits(), &[]);
    let (kernel, mut connection) = bench.started().await;
    kernel.send(&message("BUSY", vec![])).await.unwrap();
    eventually("busy", async || {
        (kernel.state() == KernelState::Busy).then_some(())
    })
    .await;
    assert_eq!(kernel.session().state().to_string(), "busy");
    kernel.interrupt().await.unwrap();
    eventually("the interrupt", async || {
        (kernel.session().log_tail(1) == ["interrupted"]).then_some(())
    })
    .await;
    kernel.restart().await.unwrap();
    assert_eq!(kernel.state(), KernelState::Idle);
    kernel.send(&message("ECHO again", vec![])).await.unwrap();
    assert_eq!(reply(&mut connection).await.0, json!("again"));
}

#[tokio::test]
async fn the_end_of_a_kernel_is_told_to_its_clients() {
    let bench = Bench::new(limits(), &[]);
    let (kernel, mut connection) = bench.started().await;
    kernel.send(&message("CRASH", vec![])).await.unwrap();
    assert_eq!(
        next(&mut connection).await.0["content"]["execution_state"],
        "busy"
    );
    let (last, _) = next(&mut connection).await;
    assert_eq!(last["content"]["execution_state"], "dead");
    assert_eq!(last["channel"], "iopub");
    assert_eq!(connection.next().await.unwrap_err(), Lost::KernelEnded);
    eventually("dead", async || {
        (kernel.state() == KernelState::Dead).then_some(())
    })
    .await;
    for refused in [
        kernel.send(&message("ECHO", vec![])).await,
        kernel.restart().await,
        kernel.started().await,
        kernel.connect("s").map(drop),
    ] {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("exit status: 3"), "{text}");
    }
}

#[tokio::test]
async fn a_kernel_that_does_not_start_says_why() {
    let bench = Bench::new(limits(), &[("FAKE_START", "fatal")]);
    let kernel = bench.open("david");
    let error = kernel.started().await.unwrap_err().to_string();
    assert!(error.contains("no engine found"), "{error}");
}

#[tokio::test]
async fn clients_are_bounded_and_a_slow_one_holds_up_nobody() {
    let bench = Bench::new(limits(), &[]);
    let (kernel, mut slow) = bench.started().await;
    let more: Vec<_> = std::iter::from_fn(|| kernel.connect("s").ok())
        .take(100)
        .collect();
    assert_eq!(more.len(), 7);
    drop(more);
    let mut quick = kernel.connect("s").unwrap();
    // 50 MB: more than may wait for the one that reads nothing.
    kernel.send(&message("FLOOD 100", vec![])).await.unwrap();
    reply(&mut quick).await;
    assert_eq!(kernel.connections(), 1);
    let lost = loop {
        match slow.next().await {
            Ok(_) => {}
            Err(lost) => break lost,
        }
    };
    assert_eq!(lost, Lost::TooSlow);
}

#[tokio::test]
async fn a_kernel_ends_with_its_cluster() {
    let bench = Bench::new(limits(), &[]);
    let (kernel, mut connection) = bench.started().await;
    bench.registry.end_cluster(CLUSTER, "test");
    let lost = loop {
        match connection.next().await {
            Ok(_) => {}
            Err(lost) => break lost,
        }
    };
    assert_eq!(lost, Lost::KernelEnded);
    assert!(
        bench
            .registry
            .find_kernel(&login("david"), kernel.id())
            .is_none()
    );
}

#[tokio::test]
async fn an_idle_kernel_is_culled_when_nobody_is_connected() {
    let limits = SessionLimits {
        idle_timeout: std::time::Duration::from_millis(300),
        ..limits()
    };
    let bench = Bench::new(limits, &[]);
    let (kernel, connection) = bench.started().await;
    // Several times the timeout, and many looks of the reaper.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(kernel.state(), KernelState::Idle, "a client is connected");
    drop(connection);
    eventually("its end", async || {
        (kernel.state() == KernelState::Dead).then_some(())
    })
    .await;
    assert!(bench.registry.summaries(CLUSTER).is_empty());
}

/// What the kernel echoed, in the order that it did.
async fn echoes(connection: &mut Connection, count: usize) -> Vec<String> {
    let mut echoes = Vec::new();
    while echoes.len() < count {
        let (echo, _) = reply(connection).await;
        echoes.push(echo.as_str().unwrap().to_owned());
    }
    echoes
}

/// Makes the kernel say something and waits until it was passed on.
async fn says(kernel: &Kernel, text: &str) {
    kernel
        .send(&message(&format!("ECHO {text}"), vec![]))
        .await
        .unwrap();
    kernel
        .send(&message(&format!("NOTE {text}"), vec![]))
        .await
        .unwrap();
    eventually("the note", async || {
        (kernel.session().log_tail(1) == [text]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_client_that_comes_back_is_told_what_it_missed() {
    let bench = Bench::new(limits(), &[]);
    let (kernel, mut connection) = bench.started().await;
    says(&kernel, "one").await;
    assert_eq!(echoes(&mut connection, 1).await, ["one"]);
    // It did not take this one before it left.
    says(&kernel, "two").await;
    drop(connection);
    assert_eq!(kernel.connections(), 0);
    says(&kernel, "three").await;
    let mut connection = kernel.connect("s").unwrap();
    says(&kernel, "four").await;
    let told = echoes(&mut connection, 3).await;
    assert_eq!(told, ["two", "three", "four"]);

    // Another client is told nothing, and what was kept is gone.
    drop(connection);
    says(&kernel, "five").await;
    let mut other = kernel.connect("t").unwrap();
    says(&kernel, "six").await;
    assert_eq!(echoes(&mut other, 1).await, ["six"]);
    let mut connection = kernel.connect("s").unwrap();
    says(&kernel, "seven").await;
    assert_eq!(echoes(&mut connection, 1).await, ["seven"]);
    // While one listens nothing is kept for another.
    drop(connection);
    says(&kernel, "eight").await;
    let mut connection = kernel.connect("s").unwrap();
    says(&kernel, "nine").await;
    assert_eq!(echoes(&mut connection, 1).await, ["nine"]);
}

#[tokio::test]
async fn what_waits_for_a_kernels_clients_is_bounded_and_counted() {
    let limits = SessionLimits {
        retained_in_all: 4 << 20,
        ..limits()
    };
    let bench = Bench::new(limits, &[]);
    let (kernel, mut slow) = bench.started().await;
    let mut quick = kernel.connect("t").unwrap();
    kernel.send(&message("FLOOD 20", vec![])).await.unwrap();
    reply(&mut quick).await;
    // 10 MB: less than one client may have, and more than all sessions may hold.
    assert!(
        bench.registry.held() <= 5 << 20,
        "{}",
        bench.registry.held()
    );
    assert_eq!(slow.next().await.unwrap_err(), Lost::TooSlow);
    drop((slow, quick));
    kernel.send(&message("FLOOD 20", vec![])).await.unwrap();
    says(&kernel, "done").await;
    assert!(
        bench.registry.held() <= 5 << 20,
        "{}",
        bench.registry.held()
    );
}
