//! What a cluster must be before anyone connects to it.

use serde_json::{Value, json};

use super::{
    connect::{connect, refused},
    world::{ACCOUNT, RULES, World},
};
use crate::emr::Cluster;

#[tokio::test]
async fn a_cluster_must_be_fit_for_it() {
    let world = World::new().await;
    let old = world
        .ready_cluster_with(RULES, |request| {
            request["ReleaseLabel"] = json!("emr-6.8.1")
        })
        .await;
    refused(&world, &old, &["emr-6.8.1", "emr-6.9.0"]).await;
    let first = world
        .ready_cluster_with(RULES, |request| {
            request["ReleaseLabel"] = json!("emr-6.9.0")
        })
        .await;
    assert!(connect(&world, &first, None).await.is_ok());

    let no_roles = RULES
        .replace(
            r#""EnableApplicationScopedIAMRole": true"#,
            r#""EnableApplicationScopedIAMRole": false"#,
        )
        .replace(
            r#""PropagateSourceIdentity": true"#,
            r#""PropagateSourceIdentity": false"#,
        );
    let cluster = world.ready_cluster_with(&no_roles, |_| {}).await;
    refused(&world, &cluster, &["EnableApplicationScopedIAMRole"]).await;
    let bare = world.launch(super::world::request()).await;
    world.until(&bare, "WAITING").await;
    refused(&world, &bare, &["EnableApplicationScopedIAMRole"]).await;

    let plain = RULES.replace(
        r#""EnableInTransitEncryption": true"#,
        r#""EnableInTransitEncryption": false"#,
    );
    let cluster = world.ready_cluster_with(&plain, |_| {}).await;
    refused(
        &world,
        &cluster,
        &["In-transit encryption", "EnableInTransitEncryption"],
    )
    .await;

    let cluster = world
        .ready_cluster_with(RULES, |request| {
            request["Applications"] = json!([{"Name": "Spark"}])
        })
        .await;
    refused(&world, &cluster, &["Livy"]).await;
}

#[tokio::test]
async fn workspaces_need_more_of_a_cluster_than_sessions() {
    let world = World::new().await;
    let cluster = async |release: &str, without: &str, rules: &str| {
        let edit = |request: &mut Value| {
            request["ReleaseLabel"] = json!(release);
            let applications = request["Applications"].as_array_mut().unwrap();
            applications.retain(|application| application["Name"] != without);
        };
        let id = world.ready_cluster_with(rules, edit).await;
        let key = Cluster::key_of(ACCOUNT, &id);
        world.store.snapshot().get::<Cluster>(&key).unwrap()
    };
    for release in ["emr-6.11.0", "emr-6.11.1", "emr-7.0.0"] {
        let fit = cluster(release, "", RULES).await;
        assert!(fit.check_workspaces().is_ok(), "{release}");
    }
    for (release, without, words) in [
        ("emr-6.10.1", "", "emr-6.11.0 or later"),
        ("emr-6.9.0", "", "emr-6.11.0 or later"),
        ("emr-6.11.0", "Spark", "no Spark"),
        ("emr-6.11.0", "Livy", "no Livy"),
        (
            "emr-6.11.0",
            "JupyterEnterpriseGateway",
            "no JupyterEnterpriseGateway",
        ),
    ] {
        let unfit = cluster(release, without, RULES).await;
        let error = unfit.check_workspaces().unwrap_err().to_string();
        assert!(
            error.contains(words),
            "{release} without {without}: {error}"
        );
    }
    let unfit = cluster("emr-6.11.0", "", "{}").await;
    let error = unfit.check_workspaces().unwrap_err().to_string();
    assert!(error.contains("EnableApplicationScopedIAMRole"), "{error}");
    // The older one is fit for sessions all the same.
    let old = cluster("emr-6.10.1", "JupyterEnterpriseGateway", RULES).await;
    assert!(connect(&world, &old.id, None).await.is_ok());
}
