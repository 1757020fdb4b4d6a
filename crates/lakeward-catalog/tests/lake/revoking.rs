//! Taking a permission from someone who holds ALL.

use serde_json::{Value, json};

use crate::world::{World, grant_input, table};

const CUSTOMER: &str = "tables/customer/part-0.parquet";

/// What is held on `customer`: permissions, and those with the grant option.
async fn held(world: &World) -> Vec<(Value, Value)> {
    let answer = world
        .lake(
            &world.root,
            "ListPermissions",
            json!({"Resource": table("customer")}),
        )
        .await
        .unwrap();
    let entries = answer["PrincipalResourcePermissions"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| {
            (
                entry["Permissions"].clone(),
                entry["PermissionsWithGrantOption"].clone(),
            )
        })
        .collect()
}

#[tokio::test]
async fn revoking_select_from_one_who_holds_all_is_felt() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    for granted in [&["ALL", "SELECT"][..], &["ALL"]] {
        world
            .grant("marketing", table("customer"), granted)
            .await
            .unwrap();
        assert!(world.permit(&role, CUSTOMER).view().is_full());
        world
            .revoke("marketing", table("customer"), &["SELECT"])
            .await
            .unwrap();
        assert!(world.is_denied(&role, CUSTOMER));
        let rest = json!(["ALTER", "DROP", "DELETE", "INSERT", "DESCRIBE"]);
        assert_eq!(held(&world).await, [(rest, json!([]))]);
    }
    let again = world
        .revoke("marketing", table("customer"), &["SELECT"])
        .await;
    assert_eq!(
        again.unwrap_err().message,
        "No permissions revoked. Grantee does not have: [SELECT]"
    );
}

#[tokio::test]
async fn the_grant_option_of_all_loses_what_is_revoked() {
    let world = World::with_tables().await;
    let lead = world.role("lead", "lakeformation:*").await;
    world.reader("marketing").await;
    let mut input = grant_input("lead", table("customer"), &["ALL"]);
    input["PermissionsWithGrantOption"] = json!(["ALL"]);
    world
        .lake(&world.root, "GrantPermissions", input.clone())
        .await
        .unwrap();
    input["Permissions"] = json!([]);
    input["PermissionsWithGrantOption"] = json!(["SELECT"]);
    world
        .lake(&world.root, "RevokePermissions", input)
        .await
        .unwrap();
    let rest = json!(["ALTER", "DROP", "DELETE", "INSERT", "DESCRIBE"]);
    assert_eq!(held(&world).await, [(json!(["ALL"]), rest)]);
    let pass_on = |permission: &str| grant_input("marketing", table("customer"), &[permission]);
    world
        .lake(&lead, "GrantPermissions", pass_on("SELECT"))
        .await
        .unwrap_err();
    world
        .lake(&lead, "GrantPermissions", pass_on("INSERT"))
        .await
        .unwrap();
}

#[tokio::test]
async fn revoking_all_leaves_what_was_granted_by_name() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    let grant =
        |permissions: &'static [&str]| world.grant("marketing", table("customer"), permissions);
    let revoke =
        |permissions: &'static [&str]| world.revoke("marketing", table("customer"), permissions);
    grant(&["ALL", "SELECT"]).await.unwrap();
    revoke(&["ALL"]).await.unwrap();
    assert_eq!(held(&world).await, [(json!(["SELECT"]), json!([]))]);
    grant(&["ALL"]).await.unwrap();
    revoke(&["ALL", "SELECT"]).await.unwrap();
    assert_eq!(held(&world).await, []);
    assert!(world.is_denied(&role, CUSTOMER));
}
