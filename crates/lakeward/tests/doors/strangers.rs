//! How long strangers are listened to.

use lakeward_client::Credentials;

use super::support::{World, wire::Exchange};

#[tokio::test]
async fn strangers_are_not_listened_to_for_long() {
    let world = World::empty().await;
    let long = "x".repeat(1 << 20);
    let exchange = Exchange::query(
        "iam",
        "2010-05-08",
        &[("Action", "GetUser"), ("UserName", &long)],
    );
    let stranger = Credentials::permanent("AKIANOBODYNOBODYNOBO", "secret");
    for answer in [
        world.sender.unsigned(&exchange).await,
        world.sender.signed(&exchange, &stranger).await,
    ] {
        assert_eq!(answer.status, 413, "{}", answer.text());
    }
    let answer = world
        .sender
        .signed(&exchange, world.root.credentials())
        .await;
    assert_eq!(
        answer.code(),
        "NoSuchEntity",
        "a known caller is heard: {}",
        answer.status
    );
}
