//! Every operation on clusters asks first: one who was granted nothing is denied, and one who was
//! granted something else is denied too.

use lakeward_wire::AwsError;
use serde_json::{Value, json};

use super::world::{ACCOUNT, REGION, World, allow, code, request};
use crate::emr::{
    cluster::{auto_termination, bootstrap, instance, job_flow, scaling, setting},
    interface, notebook, public_access,
    release::operation as release,
    spark_connect, studio,
};

fn statement(action: &str, resource: &str) -> String {
    allow(json!([{"Effect": "Allow", "Action": action, "Resource": resource}]))
}

/// The error of each operation, when one who has `policy` asks it of `cluster`.
async fn errors(world: &World, policy: &str, cluster: &str) -> Vec<(&'static str, AwsError)> {
    let call = world.studio(policy, None).await;
    let mut errors = Vec::new();
    macro_rules! ask {
        ($($action:literal: $handler:expr, $input:tt;)*) => {$(
            let input: Value = json!($input);
            if let Err(error) = world.run(&call, $handler, input).await {
                errors.push(($action, error));
            }
        )*};
    }
    let arn = format!("arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:cluster/{cluster}");
    ask! {
        "ListBootstrapActions": bootstrap::list, {"ClusterId": cluster};
        "ListInstanceFleets": instance::fleets::instance_fleets, {"ClusterId": cluster};
        "AddInstanceGroups": instance::change::add_groups, {"JobFlowId": cluster};
        "AddInstanceFleet": instance::change::add_fleet, {"ClusterId": cluster};
        "ModifyInstanceGroups": instance::change::modify_groups, {"ClusterId": cluster};
        "ModifyInstanceGroups": instance::change::modify_groups, {"InstanceGroups": []};
        "ModifyInstanceFleet": instance::change::modify_fleet,
            {"ClusterId": cluster, "InstanceFleet": {"InstanceFleetId": "if-1"}};
        "ModifyCluster": setting::modify, {"ClusterId": cluster};
        "SetKeepJobFlowAliveWhenNoSteps": setting::keep_alive,
            {"JobFlowIds": [cluster], "KeepJobFlowAliveWhenNoSteps": false};
        "SetVisibleToAllUsers": setting::visible,
            {"JobFlowIds": [cluster], "VisibleToAllUsers": true};
        "SetUnhealthyNodeReplacement": setting::replacement,
            {"JobFlowIds": [cluster], "UnhealthyNodeReplacement": true};
        "PutAutoTerminationPolicy": auto_termination::put,
            {"ClusterId": cluster, "AutoTerminationPolicy": {}};
        "GetAutoTerminationPolicy": auto_termination::get, {"ClusterId": cluster};
        "RemoveAutoTerminationPolicy": auto_termination::remove, {"ClusterId": cluster};
        "PutManagedScalingPolicy": scaling::put_managed,
            {"ClusterId": cluster, "ManagedScalingPolicy": {}};
        "GetManagedScalingPolicy": scaling::get_managed, {"ClusterId": cluster};
        "RemoveManagedScalingPolicy": scaling::remove_managed, {"ClusterId": cluster};
        "PutAutoScalingPolicy": scaling::put_automatic,
            {"ClusterId": cluster, "InstanceGroupId": "ig-1"};
        "RemoveAutoScalingPolicy": scaling::remove_automatic,
            {"ClusterId": cluster, "InstanceGroupId": "ig-1"};
        "CreatePersistentAppUI": interface::create, {"TargetResourceArn": arn};
        "DescribePersistentAppUI": interface::describe, {"PersistentAppUIId": "p-1"};
        "GetPersistentAppUIPresignedURL": interface::persistent_url, {"PersistentAppUIId": "p-1"};
        "GetOnClusterAppUIPresignedURL": interface::on_cluster_url, {"ClusterId": cluster};
        "StartNotebookExecution": notebook::start,
            {"ExecutionEngine": {"Id": cluster}, "ServiceRole": "service"};
        "DescribeNotebookExecution": notebook::describe, {"NotebookExecutionId": "ex-1"};
        "StopNotebookExecution": notebook::stop, {"NotebookExecutionId": "ex-1"};
        "ListNotebookExecutions": notebook::list, {};
        "CreateStudio": studio::create, {};
        "ListStudios": studio::list, {};
        "ListStudioSessionMappings": studio::list_mappings, {};
        "DescribeStudio": studio::of_one("DescribeStudio"), {"StudioId": "es-1"};
        "GetStudioSessionMapping": studio::of_one("GetStudioSessionMapping"), {"StudioId": "es-1"};
        "StartSession": spark_connect::start, {"ClusterId": cluster};
        "ListSessions": spark_connect::list, {"ClusterId": cluster};
        "GetSession": spark_connect::of_one("GetSession"),
            {"ClusterId": cluster, "SessionId": "1"};
        "GetBlockPublicAccessConfiguration":
            public_access::refused("GetBlockPublicAccessConfiguration"), {};
        "DescribeJobFlows": job_flow::describe, {};
        "DescribeJobFlows": job_flow::describe, {"JobFlowIds": [cluster]};
        "ListReleaseLabels": release::list, {};
        "DescribeReleaseLabel": release::describe, {};
        "ListSupportedInstanceTypes": release::instance_types, {"ReleaseLabel": "emr-6.10.0"};
    }
    errors
}

#[tokio::test]
async fn one_who_was_granted_nothing_is_denied_everything() {
    let world = World::new().await;
    let id = world.launch(request()).await;
    world.until(&id, "WAITING").await;
    for (about, policy) in [
        ("nothing", statement("s3:*", "*")),
        (
            "another cluster",
            statement(
                "elasticmapreduce:*",
                "arn:aws:elasticmapreduce:*:*:cluster/j-OTHER",
            ),
        ),
    ] {
        for asked in [id.as_str(), "j-NOSUCHCLUSTER"] {
            let errors = errors(&world, &policy, asked).await;
            assert_eq!(errors.len(), 41, "{about}");
            for (action, error) in errors {
                assert_eq!(code(&error), "AccessDeniedException", "{action}, {about}");
                let text = format!("is not authorized to perform: elasticmapreduce:{action} on");
                assert!(error.message.contains(&text), "{error}");
            }
        }
    }
    assert_eq!(world.state(&id), "WAITING");
}

#[tokio::test]
async fn one_who_may_do_everything_is_not_denied() {
    let world = World::new().await;
    let id = world.launch(request()).await;
    world.until(&id, "WAITING").await;
    let all = statement("elasticmapreduce:*", "*");
    for (action, error) in errors(&world, &all, &id).await {
        assert_ne!(code(&error), "AccessDeniedException", "{action}: {error}");
    }
}
