//! What a restart leaves of sessions.

use super::*;

/// Livy of the same cluster once more, as after a restart.
async fn again(bench: &Bench) -> (LivyServers, TempDir, Client, SocketAddr) {
    let state = tempfile::tempdir().unwrap();
    let ca = CertificateAuthority::open(state.path()).unwrap();
    let tls = ca.server_config(&["127.0.0.1".to_owned()]).unwrap();
    let root = reqwest::Certificate::from_pem(ca.certificate_pem().as_bytes()).unwrap();
    let client = Client::builder().add_root_certificate(root);
    let roles: Arc<dyn RuntimeRoles> = bench.authority.clone();
    let servers = LivyServers::new(roles, runtime(state.path()), limits()).unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    servers.start(CLUSTER, any, tls).unwrap();
    let address = servers.address(CLUSTER).unwrap();
    (servers, state, client.build().unwrap(), address)
}

#[tokio::test]
async fn after_a_restart_sessions_are_dead_and_say_why() {
    let mut bench = Bench::new().await;
    let place = bench.idle("david").await;
    let before = json_of(bench.get("david", &place).await).await;
    let body = json!({ "file": "s3://bucket/job.py", "args": ["SLEEP"] });
    let batch = bench.post("david", "/batches", body).await;
    let batch = batch.headers()["location"].to_str().unwrap().to_owned();
    bench.reaches("david", &batch, "running").await;
    // In whatever way it ends, the records stay.
    bench.servers.shutdown().await;
    assert_eq!(bench.authority.sessions.lock().len(), 2);

    let (servers, _state, client, address) = again(&bench).await;
    (bench.client, bench.address) = (client, address);
    let after = json_of(bench.get("david", &place).await).await;
    assert_eq!(after["state"], "dead");
    for same in ["id", "name", "kind", "appId", "owner", "proxyUser"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    for place in [&place, &batch] {
        let log = json_of(bench.get("david", &format!("{place}/log")).await).await;
        let line = log["log"][0].as_str().unwrap();
        assert!(line.contains("Lakeward was restarted"), "{line}");
        let foreign = bench.get("tina", place).await;
        assert_eq!(foreign.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(
        json_of(bench.get("david", &batch).await).await["state"],
        "dead"
    );
    for (path, status, reason) in [
        ("/statements", 400, "session is in state dead"),
        ("/statements/0/cancel", 404, "Statement not found"),
        ("/completion", 400, "cursor"),
        ("/interrupt", 200, "interrupted"),
    ] {
        let answer = bench
            .post("david", &format!("{place}{path}"), json!({ "code": "1" }))
            .await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(reason), "{path}: {text}");
    }
    // A dead session's name is free.
    bench.idle("david").await;
    for place in [&place, &batch] {
        assert_eq!(bench.delete("david", place).await.status(), StatusCode::OK);
        assert_eq!(
            bench.get("david", place).await.status(),
            StatusCode::NOT_FOUND
        );
    }
    eventually("the records to go", async || {
        (bench.authority.sessions.lock().len() == 1).then_some(())
    })
    .await;
    drop(servers);
}

#[tokio::test]
async fn the_record_goes_when_its_session_is_forgotten() {
    let mut limits = limits();
    limits.retain_ended = Duration::from_millis(200);
    let bench = Bench::with(limits).await;
    let place = bench.idle("david").await;
    assert_eq!(bench.authority.sessions.lock().len(), 1);
    let statements = format!("{place}/statements");
    let crash = json!({ "code": "CRASH" });
    bench.post("david", &statements, crash).await;
    eventually("its record to go", async || {
        bench.authority.sessions.lock().is_empty().then_some(())
    })
    .await;
    assert_eq!(
        bench.get("david", &place).await.status(),
        StatusCode::NOT_FOUND
    );
}
