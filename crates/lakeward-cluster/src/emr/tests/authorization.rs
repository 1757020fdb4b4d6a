use std::sync::Arc;

use lakeward_identity::Role;
use serde_json::{Value, json};

use super::world::{ACCOUNT, REGION, World, allow, code, everything, request, role_arn};
use crate::emr::{
    cluster::{describe, end, instance, launch, list, tagging},
    credential, security_configuration, step,
};

fn cluster_arn(id: &str) -> String {
    format!("arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:cluster/{id}")
}

fn statement(actions: Value, resource: &str, condition: Value) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource, "Condition": condition})
}

#[tokio::test]
async fn every_operation_is_denied_to_one_who_was_granted_nothing() {
    let world = World::new().await;
    let id = world.ready_cluster().await;
    let nothing = allow(json!([statement(json!("s3:*"), "*", json!({}))]));
    let call = world.studio(&nothing, None).await;
    let by_id = json!({"ClusterId": id});
    let by_name = json!({"Name": "rules"});
    macro_rules! denied {
        ($action:literal, $handler:expr, $input:expr) => {
            let error = world.run(&call, $handler, $input).await.unwrap_err();
            assert_eq!(code(&error), "AccessDeniedException", $action);
            let user = format!("arn:aws:sts::{ACCOUNT}:assumed-role/studio/david");
            let text = format!(
                "User: {user} is not authorized to perform: elasticmapreduce:{} on resource: ",
                $action
            );
            assert!(error.message.starts_with(&text), "{error}");
            assert!(
                error
                    .message
                    .contains("because no identity-based policy allows"),
                "{error}"
            );
        };
    }
    let create = json!({"Name": "new", "SecurityConfiguration": "{}"});
    denied!(
        "CreateSecurityConfiguration",
        security_configuration::create,
        create
    );
    denied!(
        "DescribeSecurityConfiguration",
        security_configuration::describe,
        by_name.clone()
    );
    denied!(
        "DeleteSecurityConfiguration",
        security_configuration::delete,
        by_name
    );
    denied!(
        "ListSecurityConfigurations",
        security_configuration::list,
        json!({})
    );
    denied!("RunJobFlow", launch::run_job_flow, request());
    denied!("DescribeCluster", describe::describe, by_id.clone());
    denied!("ListClusters", list::clusters, json!({}));
    denied!("ListInstances", instance::list::instances, by_id.clone());
    denied!(
        "ListInstanceGroups",
        instance::groups::instance_groups,
        by_id
    );
    denied!(
        "TerminateJobFlows",
        end::terminate,
        json!({"JobFlowIds": [id]})
    );
    denied!(
        "SetTerminationProtection",
        end::protect,
        json!({"JobFlowIds": [id], "TerminationProtected": true})
    );
    denied!(
        "AddTags",
        tagging::add,
        json!({"ResourceId": id, "Tags": []})
    );
    denied!(
        "RemoveTags",
        tagging::remove,
        json!({"ResourceId": id, "TagKeys": []})
    );
    denied!(
        "GetClusterSessionCredentials",
        credential::issue,
        json!({"ClusterId": id, "ExecutionRoleArn": role_arn("marketing")})
    );
    let config = json!({"Name": "s", "HadoopJarStep": {
        "Jar": "command-runner.jar", "Args": ["spark-submit", "s3://code/a.py"]}});
    denied!(
        "AddJobFlowSteps",
        step::add::add,
        json!({"JobFlowId": id, "Steps": [config]})
    );
    denied!("ListSteps", step::show::list, json!({"ClusterId": id}));
    denied!(
        "DescribeStep",
        step::show::describe,
        json!({"ClusterId": id, "StepId": "s-X"})
    );
    denied!(
        "CancelSteps",
        step::cancel::cancel,
        json!({"ClusterId": id, "StepIds": ["s-X"]})
    );
    assert_eq!(world.state(&id), "WAITING");
}

#[tokio::test]
async fn every_operation_of_the_table_is_tested_above() {
    let world = World::new().await;
    let services = crate::emr::services(&world.emr);
    let names: Vec<_> = services[0].operations().collect();
    assert_eq!(services[0].signing_name(), "elasticmapreduce");
    assert_eq!(names.len(), 65, "{names:?}");
}

#[tokio::test]
async fn cluster_permissions_can_name_the_cluster() {
    let world = World::new().await;
    let (a, b) = (world.ready_cluster().await, world.ready_cluster().await);
    let one = statement(json!("elasticmapreduce:*"), &cluster_arn(&a), json!({}));
    let call = world.studio(&allow(json!([one])), None).await;
    let describe = |id: &str| world.run(&call, describe::describe, json!({"ClusterId": id}));
    assert!(describe(&a).await.is_ok());
    assert_eq!(
        code(&describe(&b).await.unwrap_err()),
        "AccessDeniedException"
    );
    let missing = describe("j-NOSUCHCLUSTER").await.unwrap_err();
    assert_eq!(code(&missing), "AccessDeniedException");
    // One that may not be ended keeps the other alive.
    let both = json!({"JobFlowIds": [a, b]});
    assert!(world.run(&call, end::terminate, both).await.is_err());
    assert_eq!(world.state(&a), "WAITING");
}

#[tokio::test]
async fn retagging_a_cluster_flips_the_decision() {
    let world = World::new().await;
    let id = world.ready_cluster().await;
    let root = world.root().await;
    for key in ["elasticmapreduce:ResourceTag/team", "aws:ResourceTag/team"] {
        let condition = json!({"StringEquals": {key: "blue"}});
        let tagged = statement(json!("elasticmapreduce:DescribeCluster"), "*", condition);
        let policy = allow(json!([tagged]));
        let asked = || async {
            let call = world.studio(&policy, None).await;
            world
                .run(&call, describe::describe, json!({"ClusterId": id}))
                .await
                .is_ok()
        };
        let retag =
            |value: &str| json!({"ResourceId": id, "Tags": [{"Key": "team", "Value": value}]});
        assert!(!asked().await, "tagged red");
        world.run(&root, tagging::add, retag("blue")).await.unwrap();
        assert!(asked().await, "tagged blue");
        let untag = json!({"ResourceId": id, "TagKeys": ["team"]});
        world.run(&root, tagging::remove, untag).await.unwrap();
        assert!(!asked().await, "untagged");
        world.run(&root, tagging::add, retag("red")).await.unwrap();
    }
}

#[tokio::test]
async fn tags_of_a_request_can_be_prescribed() {
    let world = World::new().await;
    let condition = json!({
        "StringEquals": {"aws:RequestTag/team": "red", "elasticmapreduce:RequestTag/team": "red"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}
    });
    let policy = allow(json!([
        statement(
            json!(["elasticmapreduce:RunJobFlow", "elasticmapreduce:AddTags"]),
            "*",
            condition
        ),
        statement(json!("iam:PassRole"), "*", json!({})),
    ]));
    let call = world.studio(&policy, None).await;
    let red = json!({"Key": "team", "Value": "red"});
    let with = |tags: Value| {
        let mut request = request();
        request["Tags"] = tags;
        world.run(&call, launch::run_job_flow, request)
    };
    for tags in [
        json!([]),
        json!([{"Key": "team", "Value": "blue"}]),
        json!([red, {"Key": "x"}]),
    ] {
        let error = with(tags).await.unwrap_err();
        assert_eq!(code(&error), "AccessDeniedException");
    }
    let id = with(json!([red])).await.unwrap()["JobFlowId"].clone();
    let add = |tag: Value| {
        world.run(
            &call,
            tagging::add,
            json!({"ResourceId": id, "Tags": [tag]}),
        )
    };
    assert!(add(red.clone()).await.is_ok());
    assert!(add(json!({"Key": "team", "Value": "blue"})).await.is_err());
}

#[tokio::test]
async fn a_launch_passes_both_roles() {
    let world = World::new().await;
    let run = || statement(json!("elasticmapreduce:RunJobFlow"), "*", json!({}));
    let pass = |role: &str, service: &str| {
        let condition = json!({"StringEquals": {"iam:PassedToService": service}});
        statement(json!("iam:PassRole"), &role_arn(role), condition)
    };
    let emr = "elasticmapreduce.amazonaws.com";
    let ec2 = "ec2.amazonaws.com";
    for (statements, denied) in [
        (vec![], Some("role/service")),
        (vec![pass("machine", ec2)], Some("role/service")),
        (vec![pass("service", emr)], Some("role/machine")),
        (
            vec![pass("service", emr), pass("machine", emr)],
            Some("role/machine"),
        ),
        (vec![pass("service", emr), pass("machine", ec2)], None),
    ] {
        let mut statements = statements;
        statements.push(run());
        let call = world.studio(&allow(json!(statements)), None).await;
        let answer = world.run(&call, launch::run_job_flow, request()).await;
        match denied {
            None => assert!(answer.is_ok(), "{answer:?}"),
            Some(role) => {
                let error = answer.unwrap_err();
                assert_eq!(code(&error), "AccessDeniedException");
                assert!(error.message.contains("iam:PassRole"), "{error}");
                assert!(error.message.contains(role), "{error}");
            }
        }
    }
    // Who may not pass it doesn't learn that it isn't there.
    let call = world.studio(&allow(json!([run()])), None).await;
    let mut request = request();
    request["ServiceRole"] = json!("none");
    let error = world
        .run(&call, launch::run_job_flow, request)
        .await
        .unwrap_err();
    assert_eq!(code(&error), "AccessDeniedException");
    assert!(
        world
            .studio(&everything(), None)
            .await
            .caller()
            .session()
            .is_some()
    );
}

#[tokio::test]
async fn a_denial_by_the_tags_of_a_passed_role_holds() {
    let world = World::new().await;
    let deny = json!({
        "Effect": "Deny", "Action": "iam:PassRole", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/env": "prod"}}
    });
    let may = statement(
        json!(["elasticmapreduce:RunJobFlow", "iam:PassRole"]),
        "*",
        json!({}),
    );
    let call = world.studio(&allow(json!([may, deny])), None).await;
    let launched = world.run(&call, launch::run_job_flow, request()).await;
    assert!(launched.is_ok(), "{launched:?}");
    world
        .change(|change| {
            let role = Role::find(change, &role_arn("machine")).unwrap();
            let mut role = (*role).clone();
            role.tags.insert("env".to_owned(), "prod".to_owned());
            change.put(role);
        })
        .await;
    let call = world.call_of(Arc::new(call.caller().clone()));
    let refused = world.run(&call, launch::run_job_flow, request()).await;
    let error = refused.unwrap_err();
    assert_eq!(code(&error), "AccessDeniedException");
    assert!(error.message.contains("role/machine"), "{error}");
}
