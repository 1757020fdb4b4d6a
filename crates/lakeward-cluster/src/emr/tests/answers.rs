//! Releases; and what there is none of: web interfaces, notebook executions.

use serde_json::{Value, json};

use super::world::{World, code, request, role_arn};
use crate::emr::{
    cluster::job_flow, interface, notebook, public_access, release::operation as release,
    spark_connect, studio,
};

#[tokio::test]
async fn releases_are_listed_in_pages_and_described() {
    let world = World::new().await;
    let root = world.root().await;
    let mut labels = Vec::new();
    let mut input = json!({"MaxResults": 20});
    loop {
        let output = world.run(&root, release::list, input).await.unwrap();
        let page = output["ReleaseLabels"].as_array().unwrap();
        assert!(page.len() <= 20);
        labels.extend(page.iter().map(|label| label.as_str().unwrap().to_owned()));
        if output["NextToken"].is_null() {
            break;
        }
        input = json!({"MaxResults": 20, "NextToken": output["NextToken"]});
    }
    for label in ["emr-6.7.0", "emr-6.9.0", "emr-6.10.0", "emr-6.11.0"] {
        assert!(labels.iter().any(|one| one == label), "{label}");
    }
    let whole = world.run(&root, release::list, json!({})).await.unwrap();
    assert_eq!(whole["ReleaseLabels"], json!(labels));
    let filtered = |filters: Value| world.run(&root, release::list, json!({"Filters": filters}));
    let sixes = filtered(json!({"Prefix": "emr-6.1"})).await.unwrap();
    let sixes = sixes["ReleaseLabels"].as_array().unwrap();
    assert!(sixes.len() > 5 && sixes.len() < labels.len());
    let spark = filtered(json!({"Application": "spark"})).await.unwrap();
    assert_eq!(spark["ReleaseLabels"], json!(labels));
    let hive = filtered(json!({"Application": "Hive"})).await.unwrap();
    assert_eq!(hive["ReleaseLabels"], json!([]));
    for bad in [
        json!({"NextToken": "%"}),
        json!({"MaxResults": 0}),
        json!({"MaxResults": 101}),
    ] {
        let error = world.run(&root, release::list, bad).await.unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException");
    }

    let input = json!({"ReleaseLabel": "emr-6.10.0"});
    let one = world.run(&root, release::describe, input.clone()).await;
    let one = one.unwrap();
    assert_eq!(one["ReleaseLabel"], "emr-6.10.0");
    assert!(one["Applications"].to_string().contains("Livy"));
    let newest = world.run(&root, release::describe, json!({})).await;
    assert_eq!(newest.unwrap()["ReleaseLabel"], json!(labels[0]));
    let unknown = json!({"ReleaseLabel": "emr-6.99.0"});
    let error = world.run(&root, release::describe, unknown).await;
    assert_eq!(code(&error.unwrap_err()), "InvalidRequestException");
    let error = world.run(&root, release::instance_types, input).await;
    assert!(error.unwrap_err().message.contains("instance types"));
}

#[tokio::test]
async fn interfaces_lead_to_livys_pages_or_say_that_there_are_none() {
    let world = World::new().await;
    let id = world.launch(request()).await;
    world.until(&id, "WAITING").await;
    let arn = world.describe(&id).await["ClusterArn"].clone();
    let root = world.root().await;
    macro_rules! refused {
        ($handler:expr, $input:expr, $message:expr) => {
            let error = world.run(&root, $handler, $input).await.unwrap_err();
            assert_eq!(code(&error), "InvalidRequestException");
            assert!(error.message.contains($message), "{error}");
        };
    }
    refused!(
        interface::create,
        json!({"TargetResourceArn": arn}),
        "engine writes none"
    );
    refused!(
        interface::create,
        json!({"TargetResourceArn": "arn:aws:elasticmapreduce:us-east-1:999999999999:cluster/j-1"}),
        "not the ARN of a cluster of yours"
    );
    let none = json!({"PersistentAppUIId": "p-1"});
    refused!(interface::describe, none.clone(), "'p-1' does not exist");
    refused!(interface::persistent_url, none, "'p-1' does not exist");
    for kind in ["TezUI", "YarnTimelineService", "JobHistoryServer"] {
        let input = json!({"ClusterId": id, "OnClusterAppUIType": kind});
        refused!(interface::on_cluster_url, input, kind);
    }
    for (application, said) in [
        (Value::Null, "needs an ApplicationId"),
        (json!("../x"), "'../x'"),
    ] {
        let input = json!({"ClusterId": id, "OnClusterAppUIType": "ApplicationMaster",
            "ApplicationId": application});
        refused!(interface::on_cluster_url, input, said);
    }
    let application = "application_1700000000000_0042";
    for (input, place) in [
        (json!({}), "/ui/".to_owned()),
        (
            json!({"OnClusterAppUIType": "SparkHistoryServer"}),
            "/ui/".to_owned(),
        ),
        (
            json!({"OnClusterAppUIType": "ApplicationMaster", "ApplicationId": application}),
            format!("/ui/application/{application}"),
        ),
    ] {
        let mut input = input;
        input["ClusterId"] = json!(id);
        let answer = world.run(&root, interface::on_cluster_url, input).await;
        let answer = serde_json::to_value(answer.unwrap()).unwrap();
        assert_eq!(answer["PresignedURLReady"], true);
        let url = answer["PresignedURL"].as_str().unwrap();
        assert!(
            url.starts_with("https://") && url.ends_with(&place),
            "{url}"
        );
    }
    let input = json!({"ClusterId": id, "OnClusterAppUIType": "Doom"});
    refused!(interface::on_cluster_url, input, "is not one of");
    let input = json!({"ClusterId": "j-NONE"});
    refused!(interface::on_cluster_url, input, "'j-NONE' is not valid");
}

#[tokio::test]
async fn no_notebook_execution_is_started() {
    let world = World::new().await;
    let id = world.launch(request()).await;
    world.until(&id, "WAITING").await;
    let root = world.root().await;
    let start = |engine: Value| {
        let input = json!({"ExecutionEngine": engine, "ServiceRole": "service",
            "EditorId": "e-1", "RelativePath": "a.ipynb"});
        world.run(&root, notebook::start, input)
    };
    let role = role_arn("marketing");
    for (engine, message) in [
        (
            json!({"Id": id, "Type": "EMR", "ExecutionRoleArn": role}),
            "ExecutionRoleArn is currently not supported",
        ),
        (
            json!({"Id": id, "ExecutionRoleArn": role}),
            "ExecutionRoleArn is currently not supported",
        ),
        (json!({"Id": id}), "A notebook execution isn't supported"),
        (json!({"Id": "j-NONE"}), "Cluster id 'j-NONE' is not valid."),
        (json!({"Id": id, "Type": "EKS"}), "must be EMR"),
    ] {
        let error = start(engine).await.unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException");
        assert!(error.message.contains(message), "{error}");
    }
    let listed = world.run(&root, notebook::list, json!({})).await.unwrap();
    assert_eq!(listed, json!({"NotebookExecutions": []}));
    let error = world.run(&root, notebook::list, json!({"Status": "LOST"}));
    assert_eq!(code(&error.await.unwrap_err()), "InvalidRequestException");
    let one = json!({"NotebookExecutionId": "ex-1"});
    let error = world.run(&root, notebook::describe, one.clone()).await;
    assert!(error.unwrap_err().message.contains("'ex-1' is not valid"));
    let error = world.run(&root, notebook::stop, one).await;
    assert!(error.unwrap_err().message.contains("'ex-1' is not valid"));
}

#[tokio::test]
async fn what_there_is_none_of_says_what_is_instead() {
    let world = World::new().await;
    let id = world.launch(request()).await;
    world.until(&id, "WAITING").await;
    let root = world.root().await;
    macro_rules! refused {
        ($handler:expr, $input:tt, $code:literal, $message:expr) => {
            let error = world.run(&root, $handler, json!($input)).await.unwrap_err();
            assert_eq!(code(&error), $code);
            assert!(error.message.contains($message), "{error}");
        };
    }
    let newer = "GetClusterSessionCredentials";
    refused!(studio::create, {"Name": "s"}, "InvalidRequestException", newer);
    for name in studio::OF_ONE {
        let one = studio::of_one(name);
        refused!(one, {"StudioId": "es-1"}, "InvalidRequestException", "'es-1' does not exist");
    }
    refused!(spark_connect::start, {"ClusterId": id}, "InvalidRequestException", newer);
    refused!(
        spark_connect::start,
        {"ClusterId": "j-NONE"},
        "InvalidRequestException",
        "'j-NONE' is not valid"
    );
    for name in spark_connect::OF_ONE {
        let one = spark_connect::of_one(name);
        let session = json!({"ClusterId": id, "SessionId": "x-1"});
        refused!(
            one,
            session,
            "InvalidRequestException",
            "'x-1' is not valid"
        );
    }
    for name in public_access::OPERATIONS {
        let one = public_access::refused(name);
        refused!(one, {}, "InvalidRequestException", "no security group");
    }
    refused!(
        job_flow::describe,
        {},
        "ValidationException",
        "DescribeCluster"
    );
    refused!(
        job_flow::describe,
        {"JobFlowIds": ["j-NONE"]},
        "ValidationException",
        "not valid"
    );
    for (listed, none) in [
        (world.run(&root, studio::list, json!({})).await, "Studios"),
        (
            world.run(&root, studio::list_mappings, json!({})).await,
            "SessionMappings",
        ),
        (
            world
                .run(&root, spark_connect::list, json!({"ClusterId": id}))
                .await,
            "Sessions",
        ),
    ] {
        assert_eq!(listed.unwrap(), json!({none: []}));
    }
}
