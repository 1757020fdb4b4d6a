//! Inline policies.

use crate::world::*;

const KINDS: [(&str, &str, &str); 3] = [
    ("User", "UserName", "ListUserPolicies"),
    ("Role", "RoleName", "ListRolePolicies"),
    ("Group", "GroupName", "ListGroupPolicies"),
];

async fn with_one_of_each() -> World {
    let world = world().await;
    world.admin("CreateUser", &[("UserName", "x")]).await;
    world.admin("CreateGroup", &[("GroupName", "x")]).await;
    world
        .role("x", &trust(r#"{"Service":"ec2.amazonaws.com"}"#))
        .await;
    world
}

#[tokio::test]
async fn all_three_hold_policies_alike() {
    let world = with_one_of_each().await;
    let text = document(&may("s3:*"));
    for (kind, member, list) in KINDS {
        let name = (member, "x");
        for policy in ["a", "b", "c"] {
            let put = [name, ("PolicyName", policy), ("PolicyDocument", &*text)];
            world.admin(&format!("Put{kind}Policy"), &put).await;
        }
        let get = [name, ("PolicyName", "b")];
        let found = world.admin(&format!("Get{kind}Policy"), &get).await;
        assert_eq!(decoded(found.text("PolicyDocument").unwrap()), text);
        assert_eq!(found.text(member), Some("x"));
        let page = world.admin(list, &[name, ("MaxItems", "2")]).await;
        assert_eq!(page.texts("member"), ["a", "b"]);
        let marker = page.text("Marker").unwrap();
        let page = world.admin(list, &[name, ("Marker", marker)]).await;
        assert_eq!(page.texts("member"), ["c"]);
        world.admin(&format!("Delete{kind}Policy"), &get).await;
        for action in ["Get", "Delete"] {
            let code = world.refused(&format!("{action}{kind}Policy"), &get).await;
            assert_eq!(code, "NoSuchEntity", "{action} {kind}");
        }
        let broken = [name, ("PolicyName", "b"), ("PolicyDocument", "{}")];
        let code = world.refused(&format!("Put{kind}Policy"), &broken).await;
        assert_eq!(code, "MalformedPolicyDocument");
    }
}

#[tokio::test]
async fn the_quotas_count_all_policies_without_their_white_space() {
    let world = with_one_of_each().await;
    let sized = |size: usize| {
        let empty = document(r#"{"Sid":"","Effect":"Allow","Action":"s3:*","Resource":"*"}"#);
        let sid = "S".repeat(size - empty.len());
        empty.replace(r#""Sid":"""#, &format!(r#""Sid":"{sid}""#))
    };
    for ((kind, member, _), quota) in KINDS.into_iter().zip([2048, 10_240, 5120]) {
        let (half, action) = (quota / 2, format!("Put{kind}Policy"));
        let put = async |name: &str, text: String| {
            let text = text.replace("{\"", "{\n    \"");
            let put = [
                (member, "x"),
                ("PolicyName", name),
                ("PolicyDocument", &*text),
            ];
            world.iam(&world.root, &action, &put).await
        };
        assert_eq!(put("one", sized(half)).await.status, 200, "{kind}");
        let over = put("two", sized(half + 1)).await;
        assert_eq!(over.code(), "LimitExceeded", "{kind}");
        assert!(over.message().contains(&quota.to_string()));
        assert_eq!(put("two", sized(half)).await.status, 200, "{kind}");
        assert_eq!(
            put("one", sized(half)).await.status,
            200,
            "replacing doesn't add"
        );
    }
}
