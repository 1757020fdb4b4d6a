//! Kinds of code, completion, and what Livy says of itself.

use super::*;

async fn open(bench: &Bench, body: Value) -> String {
    let opened = bench.post("david", "/sessions", body).await;
    assert_eq!(opened.status(), StatusCode::CREATED);
    let place = opened.headers()["location"].to_str().unwrap().to_owned();
    bench.reaches("david", &place, "idle").await;
    place
}

#[tokio::test]
async fn the_session_has_a_kind_and_a_statement_may_have_another() {
    let bench = Bench::new().await;
    for (session, statement, expected) in [
        (json!("pyspark"), None, "select 1"),
        (json!("pyspark"), Some("sql"), "sql: ECHO select 1"),
        (json!("sql"), None, "sql: ECHO select 1"),
        (json!("sql"), Some("python"), "select 1"),
        (Value::Null, Some("sql"), "sql: ECHO select 1"),
    ] {
        let place = open(&bench, json!({ "kind": session })).await;
        let shown = json_of(bench.get("david", &place).await).await;
        assert_eq!(shown["kind"], session.as_str().unwrap_or("shared"));
        let path = format!("{place}/statements");
        let mut body = json!({ "code": "ECHO select 1" });
        if let Some(kind) = statement {
            body["kind"] = json!(kind);
        }
        let posted = bench.post("david", &path, body).await;
        assert_eq!(posted.status(), StatusCode::CREATED);
        let ended = bench
            .reaches("david", &format!("{path}/0"), "available")
            .await;
        assert_eq!(ended["output"]["data"]["text/plain"], expected);
        assert_eq!(bench.delete("david", &place).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_shared_session_asks_for_the_kind() {
    let bench = Bench::new().await;
    let place = open(&bench, json!({})).await;
    let path = format!("{place}/statements");
    let refused = bench.post("david", &path, json!({ "code": "1" })).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let expected = "Rejected, Reason: Code type should be specified if session kind is shared";
    assert_eq!(json_of(refused).await, json!({ "msg": expected }));
}

#[tokio::test]
async fn completion_has_livys_shape() {
    let bench = Bench::new().await;
    let place = format!("{}/completion", bench.idle("david").await);
    for (body, expected) in [
        (
            json!({ "code": "spark", "kind": "pyspark", "cursor": 2 }),
            json!(["sp", "x"]),
        ),
        (
            json!({ "code": "spark", "cursor": "3" }),
            json!(["spa", "x"]),
        ),
        (
            json!({ "code": "sel", "kind": "sql", "cursor": 3 }),
            json!([]),
        ),
    ] {
        let answer = bench.post("david", &place, body).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(json_of(answer).await, json!({ "candidates": expected }));
    }
    for (body, reason) in [
        (json!({ "code": "a" }), "cursor"),
        (json!({ "code": "a", "cursor": 1.5 }), "cursor"),
        (json!({ "code": "a", "cursor": 1, "kind": "r" }), "no R"),
        (json!({ "code": "a", "cursor": 1, "colour": 1 }), "colour"),
    ] {
        let answer = bench.post("david", &place, body).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let text = answer.text().await.unwrap();
        assert!(text.contains(reason), "{text}");
    }
}

#[tokio::test]
async fn livy_says_that_it_is_there() {
    let bench = Bench::new().await;
    let ping = bench.get("david", "/metrics/ping").await;
    assert_eq!(ping.text().await.unwrap().trim(), "pong");
    let page = bench.get("david", "/").await;
    assert_eq!(page.url().path(), "/ui/");
    let text = page.text().await.unwrap();
    assert!(
        text.contains(CLUSTER) && text.contains("david-role"),
        "{text}"
    );
    for (accept, status) in [
        ("*/*", 200),
        ("application/vnd.livy.v0.1+json", 200),
        ("application/vnd.livy.v0.2+json", 406),
    ] {
        let request = bench.request(Method::GET, "/version");
        let request = request.basic_auth("david", Some("david-password"));
        let answer = request.header("accept", accept).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{accept}");
        let body = json_of(answer).await;
        assert_eq!(body["msg"].is_string(), status == 406, "{body}");
    }
}
