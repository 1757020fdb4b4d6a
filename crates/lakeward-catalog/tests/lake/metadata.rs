//! What Glue tells whom.

use serde_json::{Value, json};

use crate::world::{Refusal, World, columns, grant_input, role_arn, table, table_input};

fn named(table: &str) -> Value {
    json!({"DatabaseName": "tpc", "Name": table})
}

fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item["Name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_hidden_table_looks_like_a_missing_one() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    let without_name = |name: &str, refusal: Refusal| Refusal {
        message: refusal.message.replace(name, "NAME"),
        ..refusal
    };
    let hidden = world.glue(&role, "GetTable", named("address")).await;
    let missing = world.glue(&role, "GetTable", named("nowhere")).await;
    let hidden = without_name("address", hidden.unwrap_err());
    assert_eq!(hidden, without_name("nowhere", missing.unwrap_err()));
    assert_eq!(hidden.code, "AccessDeniedException");
    assert_eq!(
        hidden.message,
        "Insufficient Lake Formation permission(s): Required Select on NAME"
    );
    let hidden = world
        .glue(&role, "GetDatabase", json!({"Name": "tpc"}))
        .await;
    let missing = world
        .glue(&role, "GetDatabase", json!({"Name": "nowhere"}))
        .await;
    assert_eq!(
        without_name("tpc", hidden.unwrap_err()),
        without_name("nowhere", missing.unwrap_err())
    );
}

#[tokio::test]
async fn those_who_see_everything_are_told_what_is_missing() {
    let world = World::with_tables().await;
    for who in ["GetTable", "DeleteTable"] {
        let missing = world.glue(&world.root, who, named("nowhere")).await;
        assert_eq!(missing.unwrap_err().code, "EntityNotFoundException");
    }
    let whole = world
        .glue(&world.root, "GetTable", named("customer"))
        .await
        .unwrap();
    assert_eq!(whole["Table"]["Parameters"]["numRows"], "10");
    assert_eq!(whole["Table"]["IsRegisteredWithLakeFormation"], true);
    assert_eq!(whole["Table"]["DatabaseName"], "tpc");
}

#[tokio::test]
async fn a_column_grant_shows_those_columns_and_nothing_that_tells_of_others() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    let some = columns("customer", &["C_CUSTOMER_SK", "c_birth_year"]);
    world.grant("marketing", some, &["SELECT"]).await.unwrap();
    let answer = world
        .glue(&role, "GetTable", named("Customer"))
        .await
        .unwrap();
    let table = &answer["Table"];
    let storage = &table["StorageDescriptor"];
    assert_eq!(
        names(&storage["Columns"]),
        ["c_customer_sk", "c_birth_year"]
    );
    assert_eq!(table["Parameters"], json!({"classification": "parquet"}));
    assert_eq!(
        storage["SerdeInfo"]["Parameters"],
        json!({"serialization.format": "1"})
    );
    assert_eq!(storage["Location"], "s3://lake/tables/customer/");
    let text = answer.to_string();
    for secret in ["c_first_name", "numRows", "1992"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let tables = world
        .glue(&role, "GetTables", json!({"DatabaseName": "tpc"}))
        .await
        .unwrap();
    assert_eq!(names(&tables["TableList"]), ["customer"]);
    assert_eq!(&tables["TableList"][0], table);
    let databases = world.glue(&role, "GetDatabases", json!({})).await.unwrap();
    assert_eq!(names(&databases["DatabaseList"]), ["tpc"]);
}

#[tokio::test]
async fn the_catalog_and_the_data_agree_on_the_columns() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    let but_one = json!({"TableWithColumns": {
        "DatabaseName": "tpc", "Name": "customer",
        "ColumnWildcard": {"ExcludedColumnNames": ["c_first_name"]},
    }});
    world
        .grant("marketing", but_one, &["SELECT"])
        .await
        .unwrap();
    let table = world
        .glue(&role, "GetTable", named("customer"))
        .await
        .unwrap();
    let shown = names(&table["Table"]["StorageDescriptor"]["Columns"]).join(",");
    let permit = world.permit(&role, "tables/customer/part-0.parquet");
    for column in ["c_customer_sk", "c_first_name", "c_birth_year"] {
        assert_eq!(
            permit.view().shows(column),
            shown.contains(column),
            "{column}"
        );
    }
    assert!(!permit.view().is_full());
}

#[tokio::test]
async fn describing_a_database_does_not_reveal_its_tables() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    let database = json!({"Database": {"Name": "tpc"}});
    world
        .grant("marketing", database, &["DESCRIBE"])
        .await
        .unwrap();
    world
        .glue(&role, "GetDatabase", json!({"Name": "TPC"}))
        .await
        .unwrap();
    let tables = world
        .glue(&role, "GetTables", json!({"DatabaseName": "tpc"}))
        .await
        .unwrap();
    assert_eq!(tables["TableList"], json!([]));
    let table = world.glue(&role, "GetTable", named("customer")).await;
    assert_eq!(table.unwrap_err().code, "AccessDeniedException");
}

#[tokio::test]
async fn describing_a_table_shows_its_columns_without_data() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    world
        .grant("marketing", table("customer"), &["DESCRIBE"])
        .await
        .unwrap();
    let answer = world
        .glue(&role, "GetTable", named("customer"))
        .await
        .unwrap();
    assert_eq!(
        names(&answer["Table"]["StorageDescriptor"]["Columns"]).len(),
        3
    );
    assert!(world.is_denied(&role, "tables/customer/part-0.parquet"));
}

#[tokio::test]
async fn a_grant_without_iam_is_not_enough() {
    let world = World::with_tables().await;
    let role = world.role("marketing", "glue:GetDatabase").await;
    world
        .grant("marketing", table("customer"), &["SELECT"])
        .await
        .unwrap();
    let refusal = world
        .glue(&role, "GetTable", named("customer"))
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "AccessDeniedException");
    assert!(refusal.message.contains("glue:GetTable"), "{refusal:?}");
}

#[tokio::test]
async fn a_place_belongs_to_one_table() {
    let world = World::with_tables().await;
    for location in [
        "s3://lake/tables/customer",
        "s3://lake/tables/customer/2024/",
        "s3://lake/tables/",
        "s3://lake",
        "s3a://lake/tables/customer/",
    ] {
        let second = table_input("second", location);
        let refusal = world
            .glue(&world.root, "CreateTable", second)
            .await
            .unwrap_err();
        assert_eq!(refusal.code, "InvalidInputException", "{location}");
        assert!(!refusal.message.contains("tpc"), "{refusal:?}");
    }
    let beside = table_input("second", "s3://lake/tables/customer_2");
    world
        .glue(&world.root, "CreateTable", beside)
        .await
        .unwrap();
    let moved = table_input("second", "s3://lake/tables/customer/x");
    let refusal = world
        .glue(&world.root, "UpdateTable", moved)
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "InvalidInputException");
    let moved = table_input("second", "s3://lake/tables/customer_2/new");
    world.glue(&world.root, "UpdateTable", moved).await.unwrap();
    let freed = table_input("third", "s3://lake/tables/customer_2/old");
    world.glue(&world.root, "CreateTable", freed).await.unwrap();
}

#[tokio::test]
async fn creators_own_what_they_make_and_only_that() {
    let world = World::with_tables().await;
    let maker = world.role("maker", "glue:* lakeformation:*").await;
    let database = json!({"DatabaseInput": {"Name": "mine"}});
    let refusal = world
        .glue(&maker, "CreateDatabase", database.clone())
        .await
        .unwrap_err();
    assert_eq!(
        refusal.message,
        "Insufficient Lake Formation permission(s): Required Create Database on Catalog"
    );
    world
        .grant("maker", json!({"Catalog": {}}), &["CREATE_DATABASE"])
        .await
        .unwrap();
    world
        .glue(&maker, "CreateDatabase", database)
        .await
        .unwrap();
    let mut input = table_input("own", "s3://elsewhere/own");
    input["DatabaseName"] = json!("mine");
    world.glue(&maker, "CreateTable", input).await.unwrap();
    let own = json!({"DatabaseName": "mine", "Name": "own"});
    let table = world.glue(&maker, "GetTable", own.clone()).await.unwrap();
    assert_eq!(table["Table"]["IsRegisteredWithLakeFormation"], false);
    assert_eq!(table["Table"]["CreatedBy"], role_arn("maker"));

    let elsewhere = world
        .glue(&maker, "CreateTable", table_input("x", "s3://lake/x"))
        .await;
    assert_eq!(
        elsewhere.unwrap_err().message,
        "Insufficient Lake Formation permission(s): Required Create Table on tpc"
    );
    world
        .glue(&maker, "DeleteTable", named("customer"))
        .await
        .unwrap_err();
    world.glue(&maker, "DeleteTable", own).await.unwrap();
    world
        .glue(&maker, "DeleteDatabase", json!({"Name": "tpc"}))
        .await
        .unwrap_err();
    world
        .glue(&maker, "DeleteDatabase", json!({"Name": "mine"}))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_registered_location_must_be_granted_to_put_tables_there() {
    let world = World::with_tables().await;
    let maker = world.role("maker", "glue:*").await;
    let database = json!({"Database": {"Name": "tpc"}});
    world
        .grant("maker", database, &["CREATE_TABLE"])
        .await
        .unwrap();
    let input = table_input("new", "s3://lake/tables/new");
    let refusal = world
        .glue(&maker, "CreateTable", input.clone())
        .await
        .unwrap_err();
    assert_eq!(
        refusal.message,
        "Insufficient Lake Formation permission(s) on s3://lake/tables/new"
    );
    let location = json!({"DataLocation": {"ResourceArn": "arn:aws:s3:::lake/tables"}});
    world
        .grant("maker", location, &["DATA_LOCATION_ACCESS"])
        .await
        .unwrap();
    world.glue(&maker, "CreateTable", input).await.unwrap();
}

#[tokio::test]
async fn a_table_made_again_starts_closed() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    world
        .grant("marketing", table("customer"), &["SELECT"])
        .await
        .unwrap();
    world
        .glue(&world.root, "DeleteTable", named("customer"))
        .await
        .unwrap();
    assert!(world.is_denied(&role, "tables/customer/part-0.parquet"));
    let again = table_input("customer", "s3://lake/tables/customer");
    world.glue(&world.root, "CreateTable", again).await.unwrap();
    assert!(world.is_denied(&role, "tables/customer/part-0.parquet"));
}

#[tokio::test]
async fn only_tables_without_partitions_answer_about_them() {
    let world = World::with_tables().await;
    let ask = |table: &str| json!({"DatabaseName": "tpc", "TableName": table});
    let none = world
        .glue(&world.root, "GetPartitions", ask("customer"))
        .await
        .unwrap();
    assert_eq!(none["Partitions"], json!([]));
    let mut input = table_input("by_year", "s3://lake/tables/by_year");
    input["TableInput"]["PartitionKeys"] = json!([{"Name": "year", "Type": "int"}]);
    world.glue(&world.root, "CreateTable", input).await.unwrap();
    let refusal = world
        .glue(&world.root, "GetPartitions", ask("by_year"))
        .await
        .unwrap_err();
    assert!(refusal.message.contains("not implemented"), "{refusal:?}");
}

#[tokio::test]
async fn what_a_definition_says_beyond_our_knowledge_is_refused() {
    let world = World::with_tables().await;
    for (member, value) in [
        ("TargetTable", json!({"Name": "customer"})),
        ("ViewDefinition", json!({"IsProtected": true})),
    ] {
        let mut input = table_input("new", "s3://lake/tables/new");
        input["TableInput"][member] = value;
        let refusal = world
            .glue(&world.root, "CreateTable", input)
            .await
            .unwrap_err();
        assert!(refusal.message.contains(member), "{refusal:?}");
    }
    let mut doubled = table_input("new", "s3://lake/tables/new");
    doubled["TableInput"]["PartitionKeys"] = json!([{"Name": "C_FIRST_NAME"}]);
    let refusal = world
        .glue(&world.root, "CreateTable", doubled)
        .await
        .unwrap_err();
    assert!(refusal.message.contains("twice"), "{refusal:?}");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::with_tables().await;
    let first = json!({"DatabaseName": "tpc", "MaxResults": 1});
    let first = world.glue(&world.root, "GetTables", first).await.unwrap();
    assert_eq!(names(&first["TableList"]), ["address"]);
    let rest = json!({"DatabaseName": "tpc", "NextToken": first["NextToken"]});
    let rest = world.glue(&world.root, "GetTables", rest).await.unwrap();
    assert_eq!(names(&rest["TableList"]), ["customer"]);
    assert!(rest.get("NextToken").is_none());
}

#[tokio::test]
async fn administrators_see_all_and_make_tables_only_where_they_may() {
    let world = World::with_tables().await;
    let admin = world.role("admin", "glue:* lakeformation:*").await;
    let settings = json!({"DataLakeSettings": {"DataLakeAdmins": [
        {"DataLakePrincipalIdentifier": role_arn("admin")},
    ]}});
    world
        .lake(&world.root, "PutDataLakeSettings", settings)
        .await
        .unwrap();
    let table_seen = world
        .glue(&admin, "GetTable", named("customer"))
        .await
        .unwrap();
    assert_eq!(
        names(&table_seen["Table"]["StorageDescriptor"]["Columns"]).len(),
        3
    );
    world
        .glue(&admin, "DeleteTable", named("customer"))
        .await
        .unwrap_err();
    assert!(world.is_denied(&admin, "tables/customer/part-0.parquet"));
    let to_itself = grant_input("admin", table("customer"), &["SELECT", "DROP"]);
    world
        .lake(&admin, "GrantPermissions", to_itself)
        .await
        .unwrap();
    assert!(world.permit(&admin, "tables/customer/x").view().is_full());
    world
        .glue(&admin, "DeleteTable", named("customer"))
        .await
        .unwrap();
}
