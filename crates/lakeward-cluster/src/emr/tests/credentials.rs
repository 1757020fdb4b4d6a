use lakeward_session::{NoLogin, RuntimeRoles};
use serde_json::json;

use super::{
    connect::{issue, pair, refused},
    world::{ACCOUNT, World, allow, code, everything, pass_time, role_arn},
};
use crate::emr::{SessionCredential, cluster::end, cluster::tagging, credential};

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
        assert_eq!(
            world.emr.login(on, user, pass),
            Err(NoLogin::Unknown),
            "{on} {user}"
        );
    }
    let second = issue(&world, &call, &cluster, "sales").await.unwrap();
    assert_ne!(pair(&second).0, username);
    let mixed = world.emr.login(&cluster, &username, &pair(&second).1);
    assert_eq!(mixed, Err(NoLogin::Unknown));
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
    assert!(world.emr.login(&cluster, &username, &password).is_ok());
    pass_time(120);
    assert!(world.emr.login(&cluster, &username, &password).is_err());

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
    assert!(world.emr.login(&cluster, &username, &password).is_err());
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
