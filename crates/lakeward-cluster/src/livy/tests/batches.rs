//! Batches over Livy.

use super::*;

async fn open(bench: &Bench, user: &str, args: &[&str]) -> String {
    let body = json!({ "file": "s3://bucket/job.py", "args": args, "name": "nightly" });
    let opened = bench.post(user, "/batches", body).await;
    assert_eq!(opened.status(), StatusCode::CREATED);
    opened.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_batch_runs_and_is_shown_as_livy_shows_it() {
    let bench = Bench::new().await;
    let place = open(&bench, "david", &["PRINT hello", "EXIT 0"]).await;
    let batch = bench.reaches("david", &place, "success").await;
    assert_eq!(place, format!("/batches/{}", batch["id"]));
    assert_eq!(batch["name"], "nightly");
    assert_eq!(batch["owner"], "david");
    assert_eq!(batch["proxyUser"], "david-role");
    assert_eq!(batch["appInfo"]["sparkUiUrl"], Value::Null);
    assert!(batch["appId"].as_str().unwrap().starts_with("application_"));
    let lines = &batch["log"].as_array().unwrap()[1..];
    assert_eq!(lines, ["hello", "the script ended with exit code 0"]);
    let state = json_of(bench.get("david", &format!("{place}/state")).await).await;
    assert_eq!(state, json!({ "id": batch["id"], "state": "success" }));
    let log = json_of(
        bench
            .get("david", &format!("{place}/log?from=1&size=1"))
            .await,
    )
    .await;
    let expected = json!({ "id": batch["id"], "from": 1, "total": 3, "log": [lines[0]] });
    assert_eq!(log, expected);
    let list = json_of(bench.get("david", "/batches").await).await;
    assert_eq!(list, json!({ "from": 0, "total": 1, "sessions": [batch] }));
    let sessions = json_of(bench.get("david", "/sessions").await).await;
    assert_eq!(sessions["total"], 0);

    let failed = open(&bench, "david", &["EXIT 4"]).await;
    let failed = bench.reaches("david", &failed, "dead").await;
    assert_eq!(failed["log"][1], "the script ended with exit code 4");
}

#[tokio::test]
async fn a_deleted_batch_is_gone_and_left_its_records() {
    let bench = Bench::new().await;
    let place = open(&bench, "david", &["SLEEP"]).await;
    bench.reaches("david", &place, "running").await;
    let there = bench.servers.sessions(CLUSTER);
    assert!(there.iter().all(|session| session.state.is_active()));
    assert_eq!(bench.delete("david", &place).await.status(), StatusCode::OK);
    assert!(bench.servers.sessions(CLUSTER).is_empty());
    let gone = bench.get("david", &place).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    let records = bench.authority.records.lock().clone();
    let seen: Vec<(&str, u16)> = records
        .iter()
        .map(|(_, name, status)| (&**name, *status))
        .collect();
    assert_eq!(
        seen,
        [
            ("CreateBatch", 201),
            ("DeleteBatch", 200),
            ("GetBatch", 404)
        ]
    );
}

#[tokio::test]
async fn a_foreign_batch_looks_like_none() {
    let bench = Bench::new().await;
    let place = open(&bench, "david", &["SLEEP"]).await;
    let session = place.replace("batches", "sessions");
    for place in [&*place, "/batches/5", "/batches/nightly"] {
        let id = place.trim_start_matches("/batches/");
        for (method, rest) in [
            (Method::GET, ""),
            (Method::GET, "/state"),
            (Method::GET, "/log"),
            (Method::DELETE, ""),
        ] {
            let path = format!("{place}{rest}");
            let answer = bench.call("tina", method, &path, None).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND);
            let expected = json!({ "msg": format!("Session '{id}' not found.") });
            assert_eq!(json_of(answer).await, expected);
        }
    }
    assert_eq!(
        bench.get("david", &session).await.status(),
        StatusCode::NOT_FOUND
    );
    let list = json_of(bench.get("tina", "/batches").await).await;
    assert_eq!(list["total"], 0);
    bench.reaches("david", &place, "running").await;
}
