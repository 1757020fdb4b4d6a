//! The pages for people.

use super::*;

async fn page(bench: &Bench, user: &str, path: &str) -> (StatusCode, String) {
    let answer = bench.get(user, path).await;
    (answer.status(), answer.text().await.unwrap())
}

/// The path of an address that an object tells.
fn path(address: &Value) -> String {
    let address = address.as_str().unwrap();
    let below = address.split_once("://").unwrap().1;
    format!("/{}", below.split_once('/').unwrap().1)
}

#[tokio::test]
async fn a_session_is_shown_to_its_owner_alone() {
    let bench = Bench::new().await;
    let place = bench.idle("david").await;
    bench
        .run("david", &place, "ECHO <script>hello</script>")
        .await;
    let object = json_of(bench.get("david", &place).await).await;
    let own = path(&object["appInfo"]["sparkUiUrl"]);
    let log = path(&object["appInfo"]["driverLogUrl"]);

    let answer = bench.get("david", &own).await;
    assert!(
        answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("default-src 'none'")
    );
    let shown = answer.text().await.unwrap();
    assert!(shown.contains("ECHO &lt;script&gt;hello"), "{shown}");
    assert!(!shown.contains("<script>"), "{shown}");
    let (status, _) = page(&bench, "david", &log).await;
    assert_eq!(status, StatusCode::OK);
    let (_, all) = page(&bench, "david", "/ui/").await;
    assert!(all.contains(&own) && all.contains("david-role"), "{all}");

    // By its application id, as EMR's presigned addresses name it.
    let application = format!("/ui/application/{}", object["appId"].as_str().unwrap());
    let (status, led) = page(&bench, "david", &application).await;
    assert!(
        status == StatusCode::OK && led.contains("Statement 0"),
        "{led}"
    );

    for path in [&own, &log, &application] {
        let (status, _) = page(&bench, "tina", path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        let stranger = bench.request(Method::GET, path).send().await.unwrap();
        assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let (_, others) = page(&bench, "tina", "/ui/").await;
    assert!(!others.contains(&own), "{others}");
}

#[tokio::test]
async fn a_batchs_log_is_a_page() {
    let bench = Bench::new().await;
    let body = json!({ "file": "s3://bucket/job.py", "args": ["PRINT a<b", "EXIT 0"] });
    let opened = json_of(bench.post("david", "/batches", body).await).await;
    let place = format!("/batches/{}", opened["id"]);
    bench.reaches("david", &place, "success").await;
    let log = path(&opened["appInfo"]["driverLogUrl"]);
    let (status, shown) = page(&bench, "david", &log).await;
    assert!(
        status == StatusCode::OK && shown.contains("a&lt;b"),
        "{shown}"
    );
    let (_, all) = page(&bench, "david", "/ui/").await;
    assert!(all.contains(&log), "{all}");
    let application = format!("/ui/application/{}", opened["appId"].as_str().unwrap());
    let (_, led) = page(&bench, "david", &application).await;
    assert!(led.contains("a&lt;b"), "{led}");
}
