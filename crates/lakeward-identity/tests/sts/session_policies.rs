//! Policies and tags passed to a session.

use crate::{
    desk::{EVERYTHING, OPEN, admin, assume, policy, role_may, root_does},
    world::{ACCOUNT, world},
};

#[tokio::test]
async fn managed_session_policies_are_a_union_and_read_at_each_use() {
    let world = world().await;
    let ana = admin(&world, "ana").await;
    world.role("reader", OPEN).await;
    role_may(&world, "reader", EVERYTHING).await;
    let listing = |what: &str| {
        policy(&format!(
            r#"{{"Effect":"Allow","Action":"iam:List{what}","Resource":"*"}}"#
        ))
    };
    let make = [
        ("Action", "CreatePolicy"),
        ("PolicyName", "limit"),
        ("PolicyDocument", &*listing("Users")),
    ];
    root_does(&world, &make).await;
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy/limit");
    let both = [
        ("PolicyArns.member.1.arn", &*arn),
        ("Policy", &*listing("Roles")),
    ];
    let granted = assume(&world, &ana, "reader", &both).await;
    assert_eq!(granted.status, 200, "{}", granted.body);
    let packed: u32 = granted.text("PackedPolicySize").unwrap().parse().unwrap();
    assert!((1..=100).contains(&packed), "{packed}");
    let session = granted.credentials();
    let answers = async || {
        let mut answers = Vec::new();
        for operation in ["ListUsers", "ListRoles", "ListGroups"] {
            let reply = world.query(&session, "iam", &[("Action", operation)]).await;
            answers.push(reply.status.as_u16());
        }
        answers
    };
    assert_eq!(answers().await, [200, 200, 403]);
    let change = [
        ("Action", "CreatePolicyVersion"),
        ("PolicyArn", &*arn),
        ("SetAsDefault", "true"),
        ("PolicyDocument", &*listing("Groups")),
    ];
    root_does(&world, &change).await;
    assert_eq!(answers().await, [403, 200, 200]);
    root_does(
        &world,
        &[
            ("Action", "DeletePolicyVersion"),
            ("PolicyArn", &*arn),
            ("VersionId", "v1"),
        ],
    )
    .await;
    root_does(&world, &[("Action", "DeletePolicy"), ("PolicyArn", &*arn)]).await;
    assert_eq!(
        answers().await,
        [403, 403, 403],
        "what is gone might have denied"
    );
}

#[tokio::test]
async fn too_much_to_pack_is_refused() {
    let world = world().await;
    let ana = admin(&world, "ana").await;
    world.role("reader", OPEN).await;
    let mut seed: u64 = 7;
    let tags: Vec<(String, String)> = (1..=50)
        .flat_map(|i| {
            let mut random = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                format!("{:x}", seed >> 16)
            };
            let value = format!("{}{}{}", random(), random(), random());
            [
                (format!("Tags.member.{i}.Key"), format!("key{i}")),
                (format!("Tags.member.{i}.Value"), value),
            ]
        })
        .collect();
    let tags: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (&**k, &**v)).collect();
    let refused = assume(&world, &ana, "reader", &tags).await;
    assert_eq!(refused.code(), "PackedPolicyTooLarge", "{}", refused.body);
    assert!(
        refused.body.contains("% of allotted space."),
        "{}",
        refused.body
    );
}
