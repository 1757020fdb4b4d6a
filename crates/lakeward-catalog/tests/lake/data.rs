//! The decision that the gate serves bytes under.

use lakeward_catalog::ObjectAccess;
use serde_json::{Value, json};

use crate::world::{ACCOUNT, World, columns, table};

const CUSTOMER: &str = "tables/customer/part-0.parquet";

fn first_name() -> Value {
    columns("customer", &["c_first_name"])
}

#[tokio::test]
async fn a_place_is_unregistered_viewed_or_denied() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    world
        .grant("marketing", first_name(), &["SELECT"])
        .await
        .unwrap();
    for key in ["other/x", "tables2/customer/x", "tables_/x"] {
        let access = world.object(&role, key);
        assert!(
            matches!(access, ObjectAccess::Unregistered),
            "{key}: {access:?}"
        );
    }
    let permit = world.permit(&role, CUSTOMER);
    assert_eq!((permit.database(), permit.table()), ("tpc", "customer"));
    assert_eq!(permit.location(), "s3://lake/tables/customer/");
    world.permit(&role, "tables/customer");
    for key in [
        "tables/address/part-0.parquet",
        "tables/nowhere/x",
        "tables/customer2/x",
        "tables//customer/x",
        "tables/",
    ] {
        assert!(world.is_denied(&role, key), "{key}");
    }
}

#[tokio::test]
async fn a_hidden_object_is_denied_like_a_place_without_a_table() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    let reason = |key: &str| match world.object(&role, key) {
        ObjectAccess::Denied(error) => {
            (error.status, error.code, error.message.replace(key, "KEY"))
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(reason("tables/address/x"), reason("tables/nowhere/x"));
}

#[tokio::test]
async fn listings_stay_inside_one_table() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    world
        .grant("marketing", first_name(), &["SELECT"])
        .await
        .unwrap();
    for prefix in [
        "tables/customer/",
        "tables/customer/part-",
        "tables/customer/a/b",
    ] {
        let access = world.prefix(&role, prefix);
        assert!(
            matches!(access, ObjectAccess::View(_)),
            "{prefix}: {access:?}"
        );
    }
    for prefix in ["tables/customer", "tables/", "tables/address/"] {
        let access = world.prefix(&role, prefix);
        assert!(
            matches!(access, ObjectAccess::Denied(_)),
            "{prefix}: {access:?}"
        );
    }
    for prefix in ["", "tab", "tables"] {
        let access = world.prefix(&role, prefix);
        assert!(
            matches!(access, ObjectAccess::Unregistered),
            "{prefix}: {access:?}"
        );
    }
}

#[tokio::test]
async fn grants_and_revocations_are_felt_at_the_next_request() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    assert!(world.is_denied(&role, CUSTOMER));
    world
        .grant("marketing", table("customer"), &["SELECT"])
        .await
        .unwrap();
    assert!(world.permit(&role, CUSTOMER).view().is_full());
    world
        .revoke("marketing", table("customer"), &["SELECT"])
        .await
        .unwrap();
    assert!(world.is_denied(&role, CUSTOMER));
}

#[tokio::test]
async fn data_access_is_iams_to_allow_too() {
    let world = World::with_tables().await;
    let role = world.role("marketing", "glue:Get*").await;
    world
        .grant("marketing", table("customer"), &["SELECT"])
        .await
        .unwrap();
    let ObjectAccess::Denied(refusal) = world.object(&role, CUSTOMER) else {
        panic!("lakeformation:GetDataAccess was not asked for");
    };
    assert!(
        refusal.message.contains("lakeformation:GetDataAccess"),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn an_open_table_is_iams_alone() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    world
        .grant("IAM_ALLOWED_PRINCIPALS", table("customer"), &["ALL"])
        .await
        .unwrap();
    assert!(world.permit(&role, CUSTOMER).view().is_full());
    assert!(world.is_denied(&role, "tables/address/x"));
}

#[tokio::test]
async fn an_engines_session_needs_the_accounts_leave() {
    let world = World::with_tables().await;
    let plain = world.reader("marketing").await;
    world
        .grant("marketing", first_name(), &["SELECT"])
        .await
        .unwrap();
    let tagged = [
        ("Tags.member.1.Key", "LakeFormationAuthorizedCaller"),
        ("Tags.member.1.Value", "Amazon EMR"),
    ];
    let engine = world.assume("marketing", &tagged).await;
    let settings = |tag: &str, account: &str, allow: bool| {
        json!({"DataLakeSettings": {
            "AllowExternalDataFiltering": allow,
            "ExternalDataFilteringAllowList": [{"DataLakePrincipalIdentifier": account}],
            "AuthorizedSessionTagValueList": [tag],
        }})
    };
    assert!(world.is_denied(&engine, CUSTOMER));
    for (settings, expected) in [
        (settings("Amazon EMR", ACCOUNT, false), false),
        (settings("Other", ACCOUNT, true), false),
        (settings("Amazon EMR", "999999999999", true), false),
        (settings("Amazon EMR", ACCOUNT, true), true),
    ] {
        world
            .lake(&world.root, "PutDataLakeSettings", settings.clone())
            .await
            .unwrap();
        assert_eq!(!world.is_denied(&engine, CUSTOMER), expected, "{settings}");
        world.permit(&plain, CUSTOMER);
    }
}

#[tokio::test]
async fn full_table_access_needs_no_filtering_engine() {
    let world = World::with_tables().await;
    world.reader("marketing").await;
    world
        .grant("marketing", table("customer"), &["SELECT"])
        .await
        .unwrap();
    world
        .grant(
            "marketing",
            columns("address", &["c_first_name"]),
            &["SELECT"],
        )
        .await
        .unwrap();
    let tagged = [
        ("Tags.member.1.Key", "LakeFormationAuthorizedCaller"),
        ("Tags.member.1.Value", "Amazon EMR"),
    ];
    let engine = world.assume("marketing", &tagged).await;
    let settings = json!({"DataLakeSettings": {"AllowFullTableExternalDataAccess": true}});
    world
        .lake(&world.root, "PutDataLakeSettings", settings)
        .await
        .unwrap();
    assert!(world.permit(&engine, CUSTOMER).view().is_full());
    assert!(world.is_denied(&engine, "tables/address/x"));
}

#[tokio::test]
async fn a_partial_view_does_not_write() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    assert!(world.may_write(&role, CUSTOMER));
    world
        .grant("marketing", first_name(), &["SELECT"])
        .await
        .unwrap();
    assert!(!world.may_write(&role, CUSTOMER));
    assert!(!world.may_write(&role, "tables/customer"));
    assert!(world.may_write(&role, "tables/address/x"));
    assert!(world.may_write(&role, "scratch/x"));
    world
        .revoke("marketing", first_name(), &["SELECT"])
        .await
        .unwrap();
    world
        .grant("marketing", table("customer"), &["SELECT"])
        .await
        .unwrap();
    assert!(world.may_write(&role, CUSTOMER));
}

#[tokio::test]
async fn what_was_granted_is_there_after_a_restart() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    world
        .grant("marketing", first_name(), &["SELECT"])
        .await
        .unwrap();
    let before = world.permit(&role, CUSTOMER).view().canonical();
    let world = world.reopened().await;
    assert_eq!(world.permit(&role, CUSTOMER).view().canonical(), before);
    assert!(world.is_denied(&role, "tables/address/x"));
}
