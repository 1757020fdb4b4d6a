use lakeward_wire::AwsError;
use serde_json::{Value, json};

use super::world::{
    ACCOUNT, RULES, World, allow, code, everything, issue, pair, pass_time, role_arn, trust,
};
use crate::emr::{
    SessionCredential, cluster::end, cluster::tagging, credential, security_configuration,
};
use lakeward_session::{Login, RuntimeRoles};

/// Connects as `david` with `source_identity`.
async fn connect(
    world: &World,
    cluster: &str,
    source_identity: Option<&str>,
) -> Result<Login, AwsError> {
    let call = world.studio(&everything(), source_identity).await;
    let output = issue(world, &call, cluster, "marketing").await?;
    let (username, password) = pair(&output);
    Ok(world.emr.login(cluster, &username, &password).unwrap())
}

/// The refusal of a connection, which must say `words`.
async fn refused(world: &World, cluster: &str, words: &[&str]) {
    let call = world.studio(&everything(), None).await;
    let error = issue(world, &call, cluster, "marketing").await.unwrap_err();
    assert_eq!(code(&error), "InvalidRequestException", "{error}");
    for word in words {
        assert!(error.message.contains(word), "no {word:?} in: {error}");
    }
}

#[tokio::test]
async fn a_pair_opens_its_cluster_and_nothing_else() {
    let world = World::new().await;
    let (cluster, other) = (world.ready_cluster().await, world.ready_cluster().await);
    let call = world.studio(&everything(), Some("david-profile")).await;
    let output = issue(&world, &call, &cluster, "marketing").await.unwrap();
    let (username, password) = pair(&output);
    for word in [&username, &password] {
        assert!(word.len() <= 64 && word.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert!(word.starts_with(|first: char| first.is_ascii_alphabetic()));
    }
    let lifetime = output["ExpiresAt"].as_f64().unwrap() - lakeward_wire::epoch(call.now());
    assert!(lifetime > 3600.0 && lifetime <= 12.0 * 3600.0 + 5.0);

    let login = world.emr.login(&cluster, &username, &password).unwrap();
    assert_eq!(login.cluster_id, cluster);
    assert_eq!(login.role_arn, role_arn("marketing"));
    assert_eq!(
        login.caller_arn,
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/studio/david")
    );
    assert_eq!(login.source_identity.as_deref(), Some("david-profile"));

    let mut wrong = password.clone();
    wrong.pop();
    for (on, user, pass) in [
        (cluster.as_str(), username.as_str(), wrong.as_str()),
        (&cluster, &username, ""),
        (&cluster, &password, &password),
        (&cluster, "", ""),
        (&other, &username, &password),
        ("", &username, &password),
    ] {
        assert_eq!(world.emr.login(on, user, pass), None, "{on} {user}");
    }
    let second = issue(&world, &call, &cluster, "sales").await.unwrap();
    assert_ne!(pair(&second).0, username);
    assert_eq!(world.emr.login(&cluster, &username, &pair(&second).1), None);
}

#[tokio::test]
async fn the_password_is_not_kept() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let call = world.studio(&everything(), None).await;
    let output = issue(&world, &call, &cluster, "marketing").await.unwrap();
    let (username, password) = pair(&output);
    let mut found_username = false;
    for entry in std::fs::read_dir(&world.folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |word: &str| {
            bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes())
        };
        assert!(!holds(&password));
        found_username |= holds(&username);
    }
    assert!(
        found_username,
        "the record was looked for in the wrong place"
    );
}

#[tokio::test]
async fn a_pair_ends_with_its_time_and_with_its_cluster() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let call = world.studio(&everything(), None).await;
    let (username, password) = pair(&issue(&world, &call, &cluster, "marketing").await.unwrap());
    pass_time(12 * 3600 - 60);
    assert!(world.emr.login(&cluster, &username, &password).is_some());
    pass_time(120);
    assert_eq!(world.emr.login(&cluster, &username, &password), None);

    pass_time(24 * 3600);
    let call = world.studio(&everything(), None).await;
    let (username, password) = pair(&issue(&world, &call, &cluster, "marketing").await.unwrap());
    let kept = world.store.snapshot().scan::<SessionCredential>("");
    assert_eq!(kept.len(), 1, "the one that was over was pruned");
    let login = world.emr.login(&cluster, &username, &password).unwrap();
    let root = world.root().await;
    world
        .run(&root, end::terminate, json!({"JobFlowIds": [cluster]}))
        .await
        .unwrap();
    assert_eq!(world.emr.login(&cluster, &username, &password), None);
    assert!(world.emr.credentials(&login).is_err());
    assert!(
        world
            .store
            .snapshot()
            .scan::<SessionCredential>("")
            .is_empty()
    );
    refused(&world, &cluster, &["TERMINAT"]).await;
}

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
async fn the_runtime_role_is_chosen_within_the_condition() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let policy = allow(json!([{
        "Effect": "Allow", "Action": "elasticmapreduce:GetClusterSessionCredentials", "Resource": "*",
        "Condition": {"StringLike": {"elasticmapreduce:ExecutionRoleArn": role_arn("market*")}}
    }]));
    let call = world.studio(&policy, None).await;
    assert!(issue(&world, &call, &cluster, "marketing").await.is_ok());
    let error = issue(&world, &call, &cluster, "sales").await.unwrap_err();
    assert_eq!(code(&error), "AccessDeniedException");
    let without = json!({"ClusterId": cluster});
    let error = world
        .run(&call, credential::issue, without.clone())
        .await
        .unwrap_err();
    assert_eq!(code(&error), "AccessDeniedException");

    let call = world.studio(&everything(), None).await;
    let error = world
        .run(&call, credential::issue, without)
        .await
        .unwrap_err();
    assert_eq!(code(&error), "InvalidRequestException");
    assert!(error.message.contains("ExecutionRoleArn"));
    for arn in [
        "marketing",
        "arn:aws:s3:::bucket",
        "arn:aws:iam::111122223333:user/marketing",
    ] {
        let input = json!({"ClusterId": cluster, "ExecutionRoleArn": arn});
        let error = world
            .run(&call, credential::issue, input)
            .await
            .unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException");
    }
    let input = json!({"ClusterId": "j-NONE", "ExecutionRoleArn": role_arn("marketing")});
    let error = world
        .run(&call, credential::issue, input)
        .await
        .unwrap_err();
    assert_eq!(error.message, "Cluster id 'j-NONE' is not valid.");
}

#[tokio::test]
async fn a_tag_decides_who_connects() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let policy = allow(json!([{
        "Effect": "Allow", "Action": "elasticmapreduce:GetClusterSessionCredentials", "Resource": "*",
        "Condition": {"StringEquals": {"elasticmapreduce:ResourceTag/team": "red"}}
    }]));
    let call = world.studio(&policy, None).await;
    assert!(issue(&world, &call, &cluster, "sales").await.is_ok());
    let root = world.root().await;
    let retag = json!({"ResourceId": cluster, "Tags": [{"Key": "team", "Value": "blue"}]});
    world.run(&root, tagging::add, retag).await.unwrap();
    let error = issue(&world, &call, &cluster, "sales").await.unwrap_err();
    assert_eq!(code(&error), "AccessDeniedException");
}

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
