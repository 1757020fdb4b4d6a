//! The chain from the instance profile to the runtime role, link by link, and what its end carries.

use lakeward_session::RuntimeRoles;
use serde_json::{Value, json};

use super::{
    connect::{connect, issue, refused},
    world::{ACCOUNT, RULES, World, allow, code, everything, role_arn, trust},
};
use crate::emr::security_configuration;

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
