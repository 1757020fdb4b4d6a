//! Who may claim a place for a table, and who may leave one.

use lakeward_catalog::ObjectAccess;
use lakeward_client::Credentials;
use serde_json::{Value, json};

use crate::world::{ACCOUNT, Reply, World, role_arn, table, table_input};

const CUSTOMER: &str = "tables/customer/part-0.parquet";
const SALARIES: &str = "vault/hr/salaries.parquet";

/// A role that may make databases, and its own database in which it makes tables.
async fn maker(world: &World) -> Credentials {
    let role = world
        .role("maker", "glue:* lakeformation:GetDataAccess")
        .await;
    world
        .grant("maker", json!({"Catalog": {}}), &["CREATE_DATABASE"])
        .await
        .unwrap();
    let database = json!({"DatabaseInput": {"Name": "own"}});
    world.glue(&role, "CreateDatabase", database).await.unwrap();
    role
}

fn own_table(location: &str) -> Value {
    json!({"DatabaseName": "own", "TableInput": {"Name": "mine", "StorageDescriptor": {
        "Columns": [{"Name": "a", "Type": "string"}],
        "Location": location,
    }}})
}

async fn register(world: &World, arn: &str) {
    let place = json!({"ResourceArn": arn, "UseServiceLinkedRole": true});
    world
        .lake(&world.root, "RegisterResource", place)
        .await
        .unwrap();
}

async fn register_vault(world: &World) {
    register(world, "arn:aws:s3:::lake/vault/hr").await;
}

fn assert_refused(reply: Reply, location: &str) {
    assert_eq!(
        reply.unwrap_err().message,
        format!("Insufficient Lake Formation permission(s) on {location}")
    );
}

#[tokio::test]
async fn a_table_above_a_registered_location_opens_nothing_of_it() {
    let world = World::with_tables().await;
    register_vault(&world).await;
    let role = maker(&world).await;
    assert!(world.is_denied(&role, SALARIES));
    for location in ["s3://lake/vault", "s3://lake", "s3://lake/vault/hr"] {
        let made = world.glue(&role, "CreateTable", own_table(location)).await;
        assert_refused(made, location);
        assert!(world.is_denied(&role, SALARIES), "{location}");
    }
    let beside = own_table("s3://lake/vault/it");
    world.glue(&role, "CreateTable", beside).await.unwrap();
}

#[tokio::test]
async fn moving_a_table_above_a_registered_location_opens_nothing_of_it() {
    let world = World::with_tables().await;
    register_vault(&world).await;
    let role = maker(&world).await;
    world
        .glue(&role, "CreateTable", own_table("s3://lake/elsewhere/"))
        .await
        .unwrap();
    let moved = world
        .glue(&role, "UpdateTable", own_table("s3://lake/vault/"))
        .await;
    assert_refused(moved, "s3://lake/vault");
    assert!(world.is_denied(&role, SALARIES));
}

#[tokio::test]
async fn what_is_registered_below_a_table_later_is_not_the_tables() {
    let world = World::with_tables().await;
    let role = maker(&world).await;
    world
        .glue(&role, "CreateTable", own_table("s3://lake/vault/"))
        .await
        .unwrap();
    assert!(matches!(
        world.object(&role, SALARIES),
        ObjectAccess::Unregistered
    ));
    register_vault(&world).await;
    assert!(world.is_denied(&role, SALARIES));
    assert!(matches!(
        world.prefix(&role, "vault/hr/"),
        ObjectAccess::Denied(_)
    ));
    register(&world, "arn:aws:s3:::lake/vault").await;
    assert!(world.permit(&role, SALARIES).view().is_full());
}

#[tokio::test]
async fn a_database_is_not_made_above_a_registered_location() {
    let world = World::with_tables().await;
    register_vault(&world).await;
    let role = maker(&world).await;
    let above = json!({"DatabaseInput": {"Name": "above", "LocationUri": "s3://lake/vault/"}});
    let made = world.glue(&role, "CreateDatabase", above).await;
    assert_refused(made, "s3://lake/vault");
}

/// A role with a filtered view of `customer`, no view of `address`, and the right to alter, drop and make
/// tables there.
async fn half_seeing(world: &World) -> Credentials {
    let role = world
        .role("half", "glue:* lakeformation:GetDataAccess")
        .await;
    let filter = json!({
        "TableCatalogId": ACCOUNT, "DatabaseName": "tpc", "TableName": "customer", "Name": "adults",
    });
    let mut data = filter.clone();
    data["RowFilter"] = json!({"FilterExpression": "c_birth_year < 2008"});
    data["ColumnWildcard"] = json!({});
    let data = json!({"TableData": data});
    world
        .lake(&world.root, "CreateDataCellsFilter", data)
        .await
        .unwrap();
    let tables = json!({"Table": {"DatabaseName": "tpc", "TableWildcard": {}}});
    let location = json!({"DataLocation": {"ResourceArn": "arn:aws:s3:::lake/tables"}});
    let database = json!({"Database": {"Name": "tpc"}});
    for (resource, permissions) in [
        (json!({"DataCellsFilter": filter}), &["SELECT"][..]),
        (tables, &["ALTER", "DROP"]),
        (location, &["DATA_LOCATION_ACCESS"]),
        (database, &["CREATE_TABLE", "DROP"]),
    ] {
        world.grant("half", resource, permissions).await.unwrap();
    }
    role
}

#[tokio::test]
async fn who_sees_a_part_of_a_table_does_not_take_it_from_its_place() {
    let world = World::with_tables().await;
    let role = half_seeing(&world).await;
    let named = || json!({"DatabaseName": "tpc", "Name": "customer"});
    let elsewhere = table_input("customer", "s3://lake/tables/empty");
    let mut nowhere = elsewhere.clone();
    nowhere["TableInput"]["StorageDescriptor"]["Location"] = json!("");
    for (operation, input) in [
        ("UpdateTable", elsewhere),
        ("UpdateTable", nowhere),
        ("DeleteTable", named()),
        ("DeleteDatabase", json!({"Name": "tpc"})),
    ] {
        let refusal = world
            .glue(&role, operation, input.clone())
            .await
            .unwrap_err();
        assert_eq!(
            refusal.message,
            "Insufficient Lake Formation permission(s): Required Select on customer",
            "{operation} {input}"
        );
    }
    assert!(!world.permit(&role, CUSTOMER).view().is_full());

    let in_place = table_input("customer", "s3://lake/tables/customer");
    world.glue(&role, "UpdateTable", in_place).await.unwrap();
    world
        .grant("half", table("customer"), &["SELECT"])
        .await
        .unwrap();
    world.glue(&role, "DeleteTable", named()).await.unwrap();
}

#[tokio::test]
async fn dropping_needs_no_view_and_administrators_need_none_either() {
    let world = World::with_tables().await;
    let role = half_seeing(&world).await;
    let address = json!({"DatabaseName": "tpc", "Name": "address"});
    world.glue(&role, "DeleteTable", address).await.unwrap();
    let settings = json!({"DataLakeSettings": {"DataLakeAdmins": [
        {"DataLakePrincipalIdentifier": role_arn("half")},
    ]}});
    world
        .lake(&world.root, "PutDataLakeSettings", settings)
        .await
        .unwrap();
    let customer = json!({"DatabaseName": "tpc", "Name": "customer"});
    world.glue(&role, "DeleteTable", customer).await.unwrap();
}

#[tokio::test]
async fn a_denial_by_the_tags_of_a_passed_role_holds() {
    let world = World::with_tables().await;
    let role = world.role("lead", "lakeformation:* iam:PassRole").await;
    for (name, env) in [("prod", "prod"), ("test", "test")] {
        let parameters = [
            ("Action", "CreateRole"),
            ("RoleName", name),
            (
                "AssumeRolePolicyDocument",
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lakeformation.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#,
            ),
            ("Tags.member.1.Key", "env"),
            ("Tags.member.1.Value", env),
        ];
        world.query("iam", &parameters).await;
    }
    for key in ["aws:ResourceTag/env", "iam:ResourceTag/env"] {
        let denial = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Action": "iam:PassRole", "Resource": "*",
            "Condition": {"StringEquals": {key: "prod"}},
        }]})
        .to_string();
        let parameters = [
            ("Action", "PutRolePolicy"),
            ("RoleName", "lead"),
            ("PolicyName", "denial"),
            ("PolicyDocument", &denial),
        ];
        world.query("iam", &parameters).await;
        let place = |role: &str| {
            let folder = key.split_once(':').unwrap().0;
            json!({"ResourceArn": format!("arn:aws:s3:::lake/{folder}"), "RoleArn": role_arn(role)})
        };
        let refusal = world
            .lake(&role, "RegisterResource", place("prod"))
            .await
            .unwrap_err();
        assert!(refusal.message.contains("iam:PassRole"), "{refusal:?}");
        world
            .lake(&role, "RegisterResource", place("test"))
            .await
            .unwrap();
    }
}
