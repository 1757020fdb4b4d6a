//! Who may call `GetClusterSessionCredentials`: with which role, on which cluster.

use lakeward_wire::AwsError;
use serde_json::{Value, json};

use super::{
    connect::issue,
    world::{ACCOUNT, REGION, RULES, World, allow, code, everything, role_arn, trust},
};
use crate::emr::{cluster::tagging, credential};

/// The account of the runtime roles in the printed policy.
const PRINTED: &str = "123456780910";
const CHAIN: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/// As the SageMaker Developer Guide prints it, "Set Up Studio to Use Runtime IAM Roles".
fn printed_policy() -> String {
    allow(json!([{
        "Sid": "VisualEditor0",
        "Effect": "Allow",
        "Action": "elasticmapreduce:GetClusterSessionCredentials",
        "Resource": "*",
        "Condition": {"StringLike": {
            "elasticmapreduce:ExecutionRoleArn": [
                "arn:aws:iam::123456780910:role/emr-execution-role-ml-modeling*",
                "arn:aws:iam::123456780910:role/emr-execution-role-ml-training*"
            ],
            "elasticmapreduce:ResourceTag/group": ["*modeling*", "*training*"]
        }}
    }]))
}

/// Allows the action under `condition`.
fn only(resource: &Value, condition: &Value) -> String {
    allow(json!([{
        "Effect": "Allow", "Action": "elasticmapreduce:GetClusterSessionCredentials",
        "Resource": resource, "Condition": condition,
    }]))
}

async fn ask(world: &World, policy: &str, input: Value) -> Result<Value, AwsError> {
    let call = world.studio(policy, None).await;
    world.run(&call, credential::issue, input).await
}

fn is_allowed(answer: &Result<Value, AwsError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(code(error), "AccessDeniedException", "{error}");
            false
        }
    }
}

async fn tag(world: &World, cluster: &str, key: &str, value: &str) {
    let root = world.root().await;
    let input = json!({"ResourceId": cluster, "Tags": [{"Key": key, "Value": value}]});
    world.run(&root, tagging::add, input).await.unwrap();
}

async fn untag(world: &World, cluster: &str, key: &str) {
    let root = world.root().await;
    let input = json!({"ResourceId": cluster, "TagKeys": [key]});
    world.run(&root, tagging::remove, input).await.unwrap();
}

/// A runtime role in the printed policy's account, which the cluster's machines may assume.
async fn printed_role(world: &World, name: &str) -> String {
    let by_machine = trust(json!({"AWS": role_arn("machine")}), json!(CHAIN), json!({}));
    world.role_in(PRINTED, name, &by_machine, &[]).await;
    format!("arn:aws:iam::{PRINTED}:role/{name}")
}

#[tokio::test]
async fn the_printed_policy_asks_for_the_role_and_the_tag() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let anywhere =
        allow(json!([{"Effect": "Allow", "Action": CHAIN, "Resource": "arn:aws:iam::*:role/*"}]));
    let ec2 = json!({"Service": "ec2.amazonaws.com"});
    let machines = trust(ec2, json!("sts:AssumeRole"), json!({}));
    world.role("machine", &machines, &[anywhere]).await;
    let modeling = printed_role(&world, "emr-execution-role-ml-modeling").await;
    let training = printed_role(&world, "emr-execution-role-ml-training-2").await;
    let finance = printed_role(&world, "emr-execution-role-ml-finance").await;
    let near = printed_role(&world, "my-emr-execution-role-ml-training").await;
    let policy = printed_policy();

    let input = |role: &str| json!({"ClusterId": cluster, "ExecutionRoleArn": role});
    let untagged = ask(&world, &policy, input(&modeling)).await;
    assert!(!is_allowed(&untagged), "a cluster without the tag");
    for (group, fits) in [
        ("modeling", true),
        ("training", true),
        ("ml-training-team", true),
        ("Modeling", false),
        ("finance", false),
        ("", false),
    ] {
        tag(&world, &cluster, "group", group).await;
        for (role, is_named) in [
            (&modeling, true),
            (&training, true),
            (&finance, false),
            (&near, false),
        ] {
            let answer = ask(&world, &policy, input(role)).await;
            assert_eq!(is_allowed(&answer), fits && is_named, "{group} {role}");
        }
        let no_role = ask(&world, &policy, json!({"ClusterId": cluster})).await;
        assert!(!is_allowed(&no_role), "no role was passed");
    }
}

#[tokio::test]
async fn every_operator_decides_by_the_role_that_is_passed() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let key = "elasticmapreduce:ExecutionRoleArn";
    let (marketing, sales) = (role_arn("marketing"), role_arn("sales"));
    // With marketing, with sales, and with no role.
    for (condition, expected) in [
        (json!({"StringEquals": {key: marketing}}), [true, false]),
        (
            json!({"StringEquals": {key: [marketing, sales]}}),
            [true, true],
        ),
        (
            json!({"StringEquals": {key: role_arn("market*")}}),
            [false, false],
        ),
        (
            json!({"StringLike": {key: role_arn("market*")}}),
            [true, false],
        ),
        (
            json!({"StringEqualsIgnoreCase": {key: marketing.to_uppercase()}}),
            [true, false],
        ),
        (
            json!({"ArnEquals": {key: role_arn("market*")}}),
            [true, false],
        ),
        (
            json!({"ArnLike": {key: format!("arn:aws:iam::{ACCOUNT}:role/*")}}),
            [true, true],
        ),
        (
            json!({"ArnLike": {key: "arn:aws:iam::*:role/sales"}}),
            [false, true],
        ),
        (
            json!({"ForAnyValue:StringEquals": {key: [sales]}}),
            [false, true],
        ),
        (json!({"StringNotEquals": {key: marketing}}), [false, true]),
        (
            json!({"StringEquals": {"elasticmapreduce:executionrolearn": marketing}}),
            [true, false],
        ),
    ] {
        let policy = only(&json!("*"), &condition);
        for (role, expected) in ["marketing", "sales"].into_iter().zip(expected) {
            let call = world.studio(&policy, None).await;
            let answer = issue(&world, &call, &cluster, role).await;
            assert_eq!(is_allowed(&answer), expected, "{condition} {role}");
        }
    }
}

#[tokio::test]
async fn the_key_is_absent_when_no_role_is_passed() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let absent = json!({"Null": {"elasticmapreduce:ExecutionRoleArn": "true"}});
    let policy = only(&json!("*"), &absent);
    let call = world.studio(&policy, None).await;
    let answer = issue(&world, &call, &cluster, "marketing").await;
    assert!(!is_allowed(&answer), "the key is there");
    let error = ask(&world, &policy, json!({"ClusterId": cluster}))
        .await
        .unwrap_err();
    assert_eq!(code(&error), "InvalidRequestException", "{error}");
    assert!(
        error.message.contains("ExecutionRoleArn is required"),
        "{error}"
    );
}

#[tokio::test]
async fn the_cluster_is_named_by_its_arn() {
    let world = World::new().await;
    let (cluster, other) = (world.ready_cluster().await, world.ready_cluster().await);
    let arn = |account: &str, region: &str, id: &str| {
        format!("arn:aws:elasticmapreduce:{region}:{account}:cluster/{id}")
    };
    for (resource, expected) in [
        (json!(arn(ACCOUNT, REGION, &cluster)), [true, false]),
        (json!(arn(ACCOUNT, REGION, "j-*")), [true, true]),
        (json!(arn("*", "*", &other)), [false, true]),
        (
            json!([arn(ACCOUNT, REGION, &cluster), arn(ACCOUNT, REGION, &other)]),
            [true, true],
        ),
        (json!(arn(ACCOUNT, "eu-west-1", &cluster)), [false, false]),
        (json!(arn("444455556666", REGION, &cluster)), [false, false]),
        (
            json!(format!(
                "arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:studio/*"
            )),
            [false, false],
        ),
    ] {
        let call = world.studio(&only(&resource, &json!({})), None).await;
        for (id, expected) in [&cluster, &other].into_iter().zip(expected) {
            let answer = issue(&world, &call, id, "marketing").await;
            assert_eq!(is_allowed(&answer), expected, "{resource} {id}");
        }
    }
}

#[tokio::test]
async fn both_spellings_of_the_tag_key_follow_the_tags_of_the_moment() {
    for key in [
        "elasticmapreduce:ResourceTag/group",
        "aws:ResourceTag/group",
    ] {
        let world = World::new().await;
        let cluster = world.ready_cluster().await;
        let policy = only(&json!("*"), &json!({"StringEquals": {key: "red"}}));
        let may = async || {
            let call = world.studio(&policy, None).await;
            is_allowed(&issue(&world, &call, &cluster, "marketing").await)
        };
        assert!(!may().await, "{key}: untagged");
        tag(&world, &cluster, "group", "red").await;
        assert!(may().await, "{key}: tagged");
        tag(&world, &cluster, "group", "blue").await;
        assert!(!may().await, "{key}: retagged");
        tag(&world, &cluster, "group", "red").await;
        untag(&world, &cluster, "group").await;
        assert!(!may().await, "{key}: untagged again");
    }
}

#[tokio::test]
async fn another_accounts_cluster_is_out_of_reach_of_the_widest_policy() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let tagged = world.studio(&everything(), None).await;
    assert!(issue(&world, &tagged, &cluster, "marketing").await.is_ok());
    let foreign = world.root_of(super::world::OTHER).await;
    let error = issue(&world, &foreign, &cluster, "marketing")
        .await
        .unwrap_err();
    assert_eq!(
        error.message,
        format!("Cluster id '{cluster}' is not valid.")
    );
}

#[tokio::test]
async fn an_explicit_deny_wins_over_everything() {
    let world = World::new().await;
    let cluster = world
        .ready_cluster_with(RULES, |request| {
            request["Tags"] = json!([{"Key": "group", "Value": "red"}]);
        })
        .await;
    let policy = allow(json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "elasticmapreduce:Get*", "Resource": "*",
         "Condition": {"ArnLike": {"elasticmapreduce:ExecutionRoleArn": role_arn("s*")}}},
    ]));
    let call = world.studio(&policy, None).await;
    assert!(is_allowed(
        &issue(&world, &call, &cluster, "marketing").await
    ));
    let error = issue(&world, &call, &cluster, "sales").await.unwrap_err();
    assert_eq!(code(&error), "AccessDeniedException");
    assert!(error.message.contains("explicit deny"), "{error}");
}
