//! The chain from the instance profile to the runtime role, link by link, and what its end carries.

use lakeward_session::RuntimeRoles;
use serde_json::{Value, json};

use super::{
    connect::{connect, issue, refused},
    world::{ACCOUNT, OTHER, RULES, World, allow, code, everything, request, role_arn, trust},
};
use crate::emr::{cluster::launch, credential, security_configuration};

#[tokio::test]
async fn keys_are_of_the_runtime_role_and_carry_what_the_rules_say() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let login = connect(&world, &cluster, Some("david-profile"))
        .await
        .unwrap();
    let keys = world.emr.credentials(&login).unwrap();
    let token = keys.session_token.expose();
    let now = jiff::Timestamp::now();
    let caller = world
        .identity
        .authenticate(&keys.access_key_id, Some(token), now)
        .unwrap();
    let session = caller.session().unwrap();
    assert_eq!(session.role_arn, role_arn("marketing"));
    assert_eq!(session.name, format!("{cluster}-david"));
    assert_eq!(session.source_identity.as_deref(), Some("david-profile"));
    assert_eq!(session.tags["LakeFormationAuthorizedCaller"], "Amazon EMR");
    assert!(!format!("{keys:?}").contains(token));
}

#[tokio::test]
async fn the_source_identity_stays_behind_unless_it_is_to_be_propagated() {
    let world = World::new().await;
    let rules = RULES.replace(
        r#""PropagateSourceIdentity": true"#,
        r#""PropagateSourceIdentity": false"#,
    );
    let cluster = world.ready_cluster_with(&rules, |_| {}).await;
    let login = connect(&world, &cluster, Some("david-profile"))
        .await
        .unwrap();
    let keys = world.emr.credentials(&login).unwrap();
    let token = Some(keys.session_token.expose());
    let now = jiff::Timestamp::now();
    let caller = world
        .identity
        .authenticate(&keys.access_key_id, token, now)
        .unwrap();
    assert_eq!(caller.session().unwrap().source_identity, None);
}

#[tokio::test]
async fn without_lake_formation_the_session_has_no_tag() {
    let world = World::new().await;
    let rules = RULES.replace(r#""AuthorizedSessionTagValue": "Amazon EMR""#, "@");
    let rules = rules.replace(
        r#",
        "LakeFormationConfiguration": {@}"#,
        "",
    );
    assert!(!rules.contains("LakeFormation"));
    let cluster = world.ready_cluster_with(&rules, |_| {}).await;
    // So the permission to pass tags isn't needed either.
    let trusted = trust(
        json!({"AWS": role_arn("machine")}),
        json!("sts:AssumeRole"),
        json!({}),
    );
    world.role("marketing", &trusted, &[]).await;
    let login = connect(&world, &cluster, None).await.unwrap();
    let keys = world.emr.credentials(&login).unwrap();
    let token = Some(keys.session_token.expose());
    let now = jiff::Timestamp::now();
    let caller = world
        .identity
        .authenticate(&keys.access_key_id, token, now)
        .unwrap();
    assert!(caller.session().unwrap().tags.is_empty());
}

const AGREED: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

fn machine_trust() -> String {
    trust(
        json!({"Service": "ec2.amazonaws.com"}),
        json!("sts:AssumeRole"),
        json!({}),
    )
}

#[tokio::test]
async fn the_runtime_role_must_trust_the_instance_profile() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let login = connect(&world, &cluster, None).await.unwrap();
    let elsewhere = trust(json!({"AWS": role_arn("sales")}), json!(AGREED), json!({}));
    world.role("marketing", &elsewhere, &[]).await;
    refused(
        &world,
        &cluster,
        &["role/marketing", "trust policy", "role/machine"],
    )
    .await;
    // A session that is open feels it at its next renewal.
    assert!(world.emr.credentials(&login).is_err());

    let no_tags = trust(
        json!({"AWS": role_arn("machine")}),
        json!("sts:AssumeRole"),
        json!({}),
    );
    world.role("marketing", &no_tags, &[]).await;
    refused(&world, &cluster, &["sts:TagSession", "trust policy"]).await;
    let call = world.studio(&everything(), None).await;
    let error = issue(&world, &call, &cluster, "no-such-role")
        .await
        .unwrap_err();
    assert!(error.message.contains("must exist"), "{error}");
}

#[tokio::test]
async fn the_instance_profile_must_be_allowed_to_assume_the_runtime_role() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let may = |actions: &[&str]| {
        allow(json!([{"Effect": "Allow", "Action": actions, "Resource": role_arn("marketing")}]))
    };
    for (actions, missing) in [
        (vec!["s3:GetObject"], "sts:AssumeRole"),
        (vec!["sts:AssumeRole"], "sts:TagSession"),
    ] {
        world
            .role("machine", &machine_trust(), &[may(&actions)])
            .await;
        refused(&world, &cluster, &["role/machine", "must allow", missing]).await;
    }
    world
        .role(
            "machine",
            &machine_trust(),
            &[may(&["sts:AssumeRole", "sts:TagSession"])],
        )
        .await;
    assert!(connect(&world, &cluster, None).await.is_ok());
    let error = connect(&world, &cluster, Some("david-profile"))
        .await
        .unwrap_err();
    assert_eq!(code(&error), "InvalidRequestException");
    assert!(error.message.contains("sts:SetSourceIdentity"), "{error}");
}

#[tokio::test]
async fn the_instance_profile_must_have_a_role_that_ec2_may_use() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let not_ec2 = trust(
        json!({"Service": "lambda.amazonaws.com"}),
        json!("sts:AssumeRole"),
        json!({}),
    );
    world.role("machine", &not_ec2, &[everything()]).await;
    refused(&world, &cluster, &["role/machine", "ec2.amazonaws.com"]).await;
    let key = format!("{ACCOUNT}/profile");
    world
        .change(|change| change.delete::<lakeward_identity::InstanceProfile>(&key))
        .await;
    refused(&world, &cluster, &["instance profile profile"]).await;
}

#[tokio::test]
async fn the_external_id_of_the_rules_meets_the_trust_policy() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let name = world.describe(&cluster).await["SecurityConfiguration"].clone();
    let root = world.root().await;
    let output = world
        .run(
            &root,
            security_configuration::describe,
            json!({"Name": name}),
        )
        .await
        .unwrap();
    let text = output["SecurityConfiguration"].as_str().unwrap();
    let document: Value = serde_json::from_str(text).unwrap();
    let external_id = document["AuthorizationConfiguration"]["IAMConfiguration"]
        ["ApplicationScopedIAMRoleConfiguration"]["ExternalId"]
        .as_str()
        .unwrap();
    let with = |external_id: &str| {
        let condition = json!({"StringEquals": {
            "sts:ExternalId": external_id, "aws:RequestTag/LakeFormationAuthorizedCaller": "Amazon EMR"
        }});
        trust(
            json!({"AWS": role_arn("machine")}),
            json!(AGREED),
            condition,
        )
    };
    world.role("marketing", &with(external_id), &[]).await;
    assert!(connect(&world, &cluster, None).await.is_ok());
    world.role("marketing", &with("SOMEONEELSE"), &[]).await;
    refused(&world, &cluster, &["sts:ExternalId", "trust policy"]).await;
}

/// A trust policy that lets `service` assume the role, and another statement.
fn service_trust(service: &str, effect: &str, condition: Value) -> String {
    let statement = |effect: &str, condition: Value| {
        json!({"Effect": effect, "Principal": {"Service": service},
            "Action": "sts:AssumeRole", "Condition": condition})
    };
    let mut statements = vec![statement(effect, condition)];
    if effect == "Deny" {
        statements.push(statement("Allow", json!({})));
    }
    allow(json!(statements))
}

/// Conditions that hold for any request of today, on keys that every request has.
fn true_conditions() -> [Value; 5] {
    [
        json!({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
        json!({"NumericGreaterThan": {"aws:EpochTime": "1577836800"}}),
        json!({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}),
        json!({"Bool": {"aws:SecureTransport": "true"}}),
        json!({"Null": {"sts:RoleSessionName": "false"}}),
    ]
}

#[tokio::test]
async fn conditions_of_a_service_roles_trust_policy_are_felt() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let root = world.root().await;
    let run = || world.run(&root, launch::run_job_flow, request());
    for condition in true_conditions() {
        let ec2 = |effect| service_trust("ec2.amazonaws.com", effect, condition.clone());
        world.role("machine", &ec2("Deny"), &[everything()]).await;
        refused(&world, &cluster, &["role/machine", "ec2.amazonaws.com"]).await;
        world.role("machine", &ec2("Allow"), &[everything()]).await;
        let connected = connect(&world, &cluster, None).await;
        assert!(connected.is_ok(), "{condition}: {connected:?}");

        let emr =
            |effect| service_trust("elasticmapreduce.amazonaws.com", effect, condition.clone());
        world.role("service", &emr("Deny"), &[]).await;
        let error = run().await.unwrap_err();
        assert!(error.message.contains("role/service is invalid"), "{error}");
        world.role("service", &emr("Allow"), &[]).await;
        run().await.unwrap();
    }
    let by_instance = json!({"StringLike": {"sts:RoleSessionName": "i-*"}});
    let trust = service_trust("ec2.amazonaws.com", "Allow", by_instance);
    world.role("machine", &trust, &[everything()]).await;
    assert!(connect(&world, &cluster, None).await.is_ok());
}

/// What the audit trail holds of `AssumeRole` for a role, oldest first.
fn assumed(world: &World, role: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(world.folder.join("audit.jsonl")).unwrap();
    let records = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let of_role = |record: &Value| {
        record["eventName"] == "AssumeRole" && record["requestParameters"]["roleArn"] == role
    };
    records.filter(of_role).collect()
}

#[tokio::test]
async fn every_link_leaves_a_record_of_who_asked_from_where() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    connect(&world, &cluster, None).await.unwrap();
    let address = world.describe(&cluster).await["MasterPublicDnsName"].clone();

    let machine = assumed(&world, &role_arn("machine"));
    let record = machine.last().unwrap();
    assert_eq!(
        record["userIdentity"],
        json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"})
    );
    assert_eq!(record["sourceIPAddress"], "ec2.amazonaws.com");
    assert_eq!(record["recipientAccountId"], ACCOUNT);
    let decision = &record["additionalEventData"]["decisions"][0];
    assert_eq!(decision["allowed"], true);
    assert_eq!(decision["resource"], role_arn("machine"));
    let marketing = assumed(&world, &role_arn("marketing"));
    assert_eq!(marketing.last().unwrap()["sourceIPAddress"], address);

    let nobody = trust(
        json!({"Service": "lambda.amazonaws.com"}),
        json!("sts:AssumeRole"),
        json!({}),
    );
    world.role("machine", &nobody, &[everything()]).await;
    refused(&world, &cluster, &["role/machine"]).await;
    let machine = assumed(&world, &role_arn("machine"));
    let record = machine.last().unwrap();
    assert_eq!(record["errorCode"], "AccessDeniedException");
    let decision = &record["additionalEventData"]["decisions"][0];
    assert_eq!(decision["allowed"], false);
}

#[tokio::test]
async fn the_chain_asks_from_the_clusters_address() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let address = world.describe(&cluster).await["MasterPublicDnsName"].clone();
    let with_deny = |operator: &str| {
        allow(json!([
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*",
                "Condition": {operator: {"aws:SourceIp": address}}}
        ]))
    };
    let elsewhere = with_deny("NotIpAddress");
    world.role("machine", &machine_trust(), &[elsewhere]).await;
    assert!(connect(&world, &cluster, None).await.is_ok());
    let here = with_deny("IpAddress");
    world.role("machine", &machine_trust(), &[here]).await;
    refused(&world, &cluster, &["role/machine", "explicit deny"]).await;

    world
        .role("machine", &machine_trust(), &[everything()])
        .await;
    let from_cluster = |address: &Value| {
        let condition = json!({"IpAddress": {"aws:SourceIp": address}});
        trust(
            json!({"AWS": role_arn("machine")}),
            json!(AGREED),
            condition,
        )
    };
    world.role("marketing", &from_cluster(&address), &[]).await;
    assert!(connect(&world, &cluster, None).await.is_ok());
    world
        .role("marketing", &from_cluster(&json!("127.0.0.1")), &[])
        .await;
    refused(&world, &cluster, &["trust policy"]).await;
}

#[tokio::test]
async fn a_runtime_role_of_another_account_is_that_accounts_resource() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let by_machine = trust(
        json!({"AWS": role_arn("machine")}),
        json!(AGREED),
        json!({}),
    );
    world.role_in(OTHER, "theirs", &by_machine, &[]).await;
    let theirs = format!("arn:aws:iam::{OTHER}:role/theirs");
    let only_in = |account: &str| {
        allow(
            json!([{"Effect": "Allow", "Action": AGREED, "Resource": theirs,
            "Condition": {"StringEquals": {"aws:ResourceAccount": account}}}]),
        )
    };
    let connect = async || {
        let call = world.studio(&everything(), None).await;
        let input = json!({"ClusterId": cluster, "ExecutionRoleArn": theirs});
        world.run(&call, credential::issue, input).await
    };
    let right = only_in(OTHER);
    world.role("machine", &machine_trust(), &[right]).await;
    connect().await.unwrap();
    let wrong = only_in(ACCOUNT);
    world.role("machine", &machine_trust(), &[wrong]).await;
    let error = connect().await.unwrap_err();
    assert!(
        error.message.contains("must allow sts:AssumeRole"),
        "{error}"
    );
}
