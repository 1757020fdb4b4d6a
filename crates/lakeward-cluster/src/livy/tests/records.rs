//! What requests leave in the audit trail, and whose requests are refused.

use super::*;

#[tokio::test]
async fn a_record_names_what_was_touched_and_what_was_made() {
    let bench = Bench::new().await;
    let place = bench.idle("david").await;
    let id = place.rsplit('/').next().unwrap();
    bench.run("david", &place, "1").await;
    let cancel = format!("{place}/statements/0/cancel");
    bench.post("david", &cancel, json!({})).await;
    bench.get("mallory", "/sessions/3").await;
    let visits = bench.authority.visits.lock().clone();
    let of = |touched: Value, made: Value| json!({"service": "livy", "touched": touched, "made": made, "lapse": null});
    let expected = [
        of(json!({}), json!({"sessionId": id})),
        of(
            json!({"sessionId": id}),
            json!({"sessionId": id, "statementId": "0"}),
        ),
        of(json!({"sessionId": id, "statementId": "0"}), Value::Null),
        of(json!({}), Value::Null),
    ];
    assert_eq!(visits, expected);
}

#[tokio::test]
async fn a_dead_pair_is_on_record_with_its_owner() {
    let bench = Bench::new().await;
    let expired = Timestamp::now() - SignedDuration::from_secs(1);
    let mut logins = bench.authority.logins.lock().clone();
    logins.get_mut("david").unwrap().expires_at = expired;
    *bench.authority.logins.lock() = logins;
    let refused = bench.get("david", "/sessions").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(!refused.text().await.unwrap().contains("expired at"));
    let records = bench.authority.records.lock().clone();
    let expected = (Some("david".to_owned()), "ListSessions".to_owned(), 401);
    assert_eq!(records, [expected]);
    let visits = bench.authority.visits.lock().clone();
    let lapse = format!("They expired at {expired}.");
    assert_eq!(visits[0]["lapse"], lapse.as_str());
}

/// A browser that knows a pair sends it along with what another site's page asks for.
#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let bench = Bench::new().await;
    let ask = async |origin: &str| {
        let request = bench.request(Method::POST, "/sessions");
        let request = request.basic_auth("david", Some("david-password"));
        let request = request.header("content-type", "text/plain");
        let request = request
            .header("origin", origin)
            .body(sparkmagic().to_string());
        request.send().await.unwrap().status()
    };
    assert_eq!(ask("https://evil.example").await, StatusCode::FORBIDDEN);
    assert_eq!(ask("null").await, StatusCode::FORBIDDEN);
    assert!(bench.servers.sessions(CLUSTER).is_empty());
    let own = format!("https://{}", bench.address);
    assert_eq!(ask(&own).await, StatusCode::CREATED);
}
