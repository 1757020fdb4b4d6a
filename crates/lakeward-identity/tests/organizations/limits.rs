//! What service and resource control policies stop.

use serde_json::json;

use crate::world::*;

#[tokio::test]
async fn a_service_control_policy_binds_a_members_root_and_roles_but_not_the_management_account() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let session = world.access(&member).await;
    let member_root = world.root_of(&member).await;
    let user = world
        .user(
            "ana",
            Some(json!({"Effect": "Allow", "Action": "*", "Resource": "*"})),
        )
        .await;
    for who in [&session, &member_root, &user, &world.boss] {
        assert!(world.lists_users(who).await);
        world.reads(who, MANAGEMENT).await.unwrap();
    }
    let deny = world.policy(SCP, "nothing", deny_everything()).await;
    world.attach(&deny, &root).await;
    for who in [&session, &member_root] {
        assert!(!world.lists_users(who).await);
        for account in [&*member, MANAGEMENT] {
            let refusal = world.reads(who, account).await.unwrap_err();
            assert!(
                refusal.ends_with("with an explicit deny in a service control policy"),
                "{refusal}"
            );
        }
    }
    for who in [&user, &world.boss] {
        assert!(world.lists_users(who).await);
        world.reads(who, &member).await.unwrap();
    }
    world.detach(&deny, &root).await;
    assert!(world.lists_users(&session).await);
    assert!(world.lists_users(&member_root).await);
}

#[tokio::test]
async fn what_no_policy_of_a_level_allows_is_denied() {
    let world = world().await;
    let Organized { member, .. } = world.organize().await;
    let member_root = world.root_of(&member).await;
    let allow = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"});
    let only_s3 = world.policy(SCP, "only-s3", allow).await;
    world.attach(&only_s3, &member).await;
    // The policies of one level are a union.
    assert!(world.lists_users(&member_root).await);
    world.detach("p-FullAWSAccess", &member).await;
    assert!(!world.lists_users(&member_root).await);
    world.reads(&member_root, &member).await.unwrap();
}

#[tokio::test]
async fn a_moved_account_has_its_new_limits_at_the_next_request() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let member_root = world.root_of(&member).await;
    let outer = world.unit(&root, "outer").await;
    let inner = world.unit(&outer, "inner").await;
    let deny = world.policy(SCP, "no-users", deny_users()).await;
    world.attach(&deny, &outer).await;
    assert!(world.lists_users(&member_root).await);
    let to = |from: &str, to: &str| json!({"AccountId": member, "SourceParentId": from, "DestinationParentId": to});
    world.boss("MoveAccount", to(&root, &inner)).await;
    assert!(!world.lists_users(&member_root).await);
    let parents = world.boss("ListParents", json!({"ChildId": member})).await;
    assert_eq!(
        parents["Parents"],
        json!([{"Id": inner, "Type": "ORGANIZATIONAL_UNIT"}])
    );
    world.boss("MoveAccount", to(&inner, &root)).await;
    assert!(world.lists_users(&member_root).await);
    let wrong = world
        .org(&world.boss, "MoveAccount", to(&inner, &outer))
        .await;
    assert_eq!(wrong.refusal(), "SourceParentNotFoundException");
}

#[tokio::test]
async fn a_resource_control_policy_protects_a_members_resources_from_everyone() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let member_root = world.root_of(&member).await;
    let stranger = world.root_of(OTHER).await;
    let deny = world
        .policy(
            RCP,
            "private",
            json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                   "Condition": {"StringNotEquals": {"aws:PrincipalAccount": member}}}),
        )
        .await;
    world.reads(&stranger, &member).await.unwrap();
    world.attach(&deny, &root).await;
    let refusal = world.reads(&stranger, &member).await.unwrap_err();
    assert!(
        refusal.ends_with("with an explicit deny in a resource control policy"),
        "{refusal}"
    );
    world.reads(&world.boss, &member).await.unwrap_err();
    world.reads(&member_root, &member).await.unwrap();
    // The management account's resources aren't protected, nor are those outside.
    world.reads(&stranger, MANAGEMENT).await.unwrap();
    world.reads(&member_root, OTHER).await.unwrap();
    let input = json!({"RootId": root, "PolicyType": RCP});
    world.boss("DisablePolicyType", input).await;
    world.reads(&stranger, &member).await.unwrap();
}

#[tokio::test]
async fn policies_know_who_belongs_to_the_organization() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let stranger = world.root_of(OTHER).await;
    let described = world.boss("DescribeOrganization", json!({})).await;
    let id = described["Organization"]["Id"].as_str().unwrap();
    let deny = |key: &str, value: &str| {
        json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
               "Condition": {"StringNotLikeIfExists": {key: value}}})
    };
    let ours = json!([
        deny("aws:PrincipalOrgID", id),
        deny("aws:ResourceOrgID", id),
        deny("aws:ResourceOrgPaths", &format!("{id}/{root}/")),
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
         "Condition": {"Null": {"aws:PrincipalOrgID": "true"}}},
    ]);
    let ours = world.policy(RCP, "ours", ours).await;
    world.reads(&stranger, &member).await.unwrap();
    world.attach(&ours, &root).await;
    world.reads(&stranger, &member).await.unwrap_err();
    world.reads(&world.boss, &member).await.unwrap();
    world.detach(&ours, &root).await;
    let elsewhere = deny("aws:PrincipalOrgPaths", &format!("{id}/r-none/*"));
    let elsewhere = world.policy(RCP, "elsewhere", elsewhere).await;
    world.attach(&elsewhere, &root).await;
    world.reads(&world.boss, &member).await.unwrap_err();
}
