//! What is not built says so by name.

use http::Method;
use lakeward_wire::Protocol;
use serde_json::json;

use super::{requests::exchange, support::wire::Exchange, town::Town};

#[tokio::test]
async fn an_unknown_operation_is_named() {
    let town = Town::build().await;
    for service in town.world.daemon.services() {
        let name = service.signing_name();
        let exchange = exchange(name, service.protocol(), "BrewCoffee", &json!({}));
        let answer = town.world.sender.signed(&exchange, town.root()).await;
        let code = match service.protocol() {
            Protocol::Query { .. } => "InvalidAction",
            _ => "UnknownOperationException",
        };
        assert_eq!((answer.status, &*answer.code()), (400, code), "{name}");
        let text = answer.text();
        assert!(text.contains("BrewCoffee"), "{text}");
        assert!(text.contains("not implemented"), "{text}");
        let record = town.record(&answer);
        assert_eq!(
            (&record["eventName"], &record["errorCode"]),
            (&json!("BrewCoffee"), &json!(code))
        );
        // One who proves nothing doesn't learn what there is.
        let unsigned = town.world.sender.unsigned(&exchange).await.text();
        assert!(!unsigned.contains("not implemented"), "{unsigned}");
    }
}

#[tokio::test]
async fn an_unbuilt_operation_of_s3_is_named() {
    let town = Town::build().await;
    let path = |text: &str| town.names.fill(text);
    for (operation, method, path) in [
        (
            "GetBucketVersioning",
            Method::GET,
            path("/{bucket}?versioning"),
        ),
        (
            "GetObjectTagging",
            Method::GET,
            path("/{bucket}/{key}?tagging"),
        ),
        (
            "DeleteBucketLifecycle",
            Method::DELETE,
            path("/{bucket}?lifecycle"),
        ),
    ] {
        let exchange = Exchange::s3(method, &path);
        let answer = town.world.sender.signed(&exchange, town.root()).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (501, "NotImplemented"),
            "{operation}: {}",
            answer.text()
        );
        assert!(answer.text().contains(operation), "{}", answer.text());
        assert_eq!(town.record(&answer)["eventName"], operation);
    }
}

#[tokio::test]
async fn an_unknown_service_is_named() {
    let town = Town::build().await;
    let other = Exchange::json("kms", "TrentService.Encrypt", &json!({}));
    let answer = town.world.sender.signed(&other, town.root()).await;
    assert_eq!((answer.status, &*answer.code()), (404, "UnknownService"));
    assert!(answer.text().contains("kms"), "{}", answer.text());
}
