//! What a cluster must be before anyone connects to it.

use serde_json::{Value, json};

use super::{
    connect::{connect, refused},
    world::{ACCOUNT, RULES, World, code, request},
};
use crate::emr::{
    Cluster,
    cluster::{auto_termination, launch},
    step::add,
};

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
    let cluster = world
        .ready_cluster_with(RULES, |request| {
            request["Applications"] = json!([{"Name": "Livy"}])
        })
        .await;
    refused(&world, &cluster, &["no Spark"]).await;
}

#[tokio::test]
async fn steps_need_spark() {
    let world = World::new().await;
    let steps = json!([{"Name": "s", "ActionOnFailure": "CONTINUE", "HadoopJarStep": {
        "Jar": "command-runner.jar", "Args": ["spark-submit", "s3://code/a.py"]}}]);
    let mut request = request();
    request["Applications"] = json!([{"Name": "Hive"}, {"Name": "Livy"}]);
    let id = world.launch(request.clone()).await;
    world.until(&id, "WAITING").await;
    let root = world.root().await;
    let input = json!({"JobFlowId": id, "Steps": steps});
    let error = world.run(&root, add::add, input).await.unwrap_err();
    assert_eq!(code(&error), "ValidationException");
    assert!(error.message.contains("no Spark"), "{error}");
    request["Steps"] = steps;
    let error = world.run(&root, launch::run_job_flow, request).await;
    assert!(error.unwrap_err().message.contains("no Spark"));
}

#[tokio::test]
async fn a_release_must_have_what_is_asked_of_it() {
    let world = World::new().await;
    let root = world.root().await;
    let run = async |edit: &dyn Fn(&mut Value)| {
        let mut request = request();
        edit(&mut request);
        world.run(&root, launch::run_job_flow, request).await
    };
    world.create_rules("rules", RULES).await.unwrap();
    let with_roles = async |release: &str| {
        run(&|request| {
            request["ReleaseLabel"] = json!(release);
            request["SecurityConfiguration"] = json!("rules");
        })
        .await
    };
    let error = with_roles("emr-6.6.0").await.unwrap_err();
    assert_eq!(code(&error), "ValidationException");
    for word in ["'rules'", "emr-6.7.0", "emr-6.6.0"] {
        assert!(error.message.contains(word), "{error}");
    }
    with_roles("emr-6.7.0").await.unwrap();

    let error = run(&|request| {
        request["ReleaseLabel"] = json!("emr-6.0.0");
        request["AutoTerminationPolicy"] = json!({});
    })
    .await
    .unwrap_err();
    assert_eq!(code(&error), "ValidationException");
    assert!(error.message.contains("emr-6.1.0"), "{error}");
    let id = run(&|request| request["ReleaseLabel"] = json!("emr-6.0.1"))
        .await
        .unwrap();
    let input = json!({"ClusterId": id["JobFlowId"], "AutoTerminationPolicy": {}});
    let error = world.run(&root, auto_termination::put, input).await;
    assert!(error.unwrap_err().message.contains("emr-6.0.1"));
}

#[tokio::test]
async fn an_auto_scaling_role_must_be_there() {
    let world = World::new().await;
    let root = world.root().await;
    let mut request = request();
    request["AutoScalingRole"] = json!("nope");
    let error = world
        .run(&root, launch::run_job_flow, request.clone())
        .await;
    let error = error.unwrap_err();
    assert_eq!(code(&error), "ValidationException");
    assert!(error.message.contains("role/nope is invalid"), "{error}");
    request["AutoScalingRole"] = json!("service");
    world
        .run(&root, launch::run_job_flow, request)
        .await
        .unwrap();
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
