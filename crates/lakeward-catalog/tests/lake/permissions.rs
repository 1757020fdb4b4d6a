//! Granting, revoking, listing; filters; settings.

use serde_json::{Value, json};

use crate::world::{ACCOUNT, World, columns, grant_input, role_arn, table};

async fn listed(world: &World, input: Value) -> Vec<(Value, Value)> {
    let answer = world
        .lake(&world.root, "ListPermissions", input)
        .await
        .unwrap();
    let entries = answer["PrincipalResourcePermissions"]
        .as_array()
        .unwrap()
        .iter();
    entries
        .map(|entry| (entry["Resource"].clone(), entry["Permissions"].clone()))
        .collect()
}

fn filter(name: &str, expression: &str) -> Value {
    json!({"TableData": {
        "TableCatalogId": ACCOUNT, "DatabaseName": "tpc", "TableName": "customer", "Name": name,
        "RowFilter": {"FilterExpression": expression}, "ColumnWildcard": {},
    }})
}

fn filter_name(name: &str) -> Value {
    json!({
        "TableCatalogId": ACCOUNT, "DatabaseName": "tpc", "TableName": "customer", "Name": name,
    })
}

#[tokio::test]
async fn select_is_listed_apart() {
    let world = World::with_tables().await;
    world.reader("marketing").await;
    let all = [
        "ALL", "ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT", "SELECT",
    ];
    world
        .grant("marketing", table("customer"), &all)
        .await
        .unwrap();
    let entries = listed(&world, json!({"Resource": table("customer")})).await;
    let on_table =
        json!({"Table": {"CatalogId": ACCOUNT, "DatabaseName": "tpc", "Name": "customer"}});
    let on_columns = json!({"TableWithColumns": {
        "CatalogId": ACCOUNT, "DatabaseName": "tpc", "Name": "customer", "ColumnWildcard": {},
    }});
    let rest = json!(["ALL", "ALTER", "DROP", "DELETE", "INSERT", "DESCRIBE"]);
    assert_eq!(entries, [(on_table, rest), (on_columns, json!(["SELECT"]))]);
}

#[tokio::test]
async fn wildcards_are_listed_under_their_name() {
    let world = World::with_tables().await;
    world.reader("marketing").await;
    let wildcard = json!({"Table": {"DatabaseName": "tpc", "TableWildcard": {}}});
    world
        .grant("marketing", wildcard.clone(), &["SELECT", "DESCRIBE"])
        .await
        .unwrap();
    let entries = listed(&world, json!({"Resource": wildcard})).await;
    assert_eq!(entries[0].0["Table"]["Name"], "ALL_TABLES");
    assert_eq!(entries[0].0["Table"]["TableWildcard"], json!({}));
    assert_eq!(entries[1].0["TableWithColumns"]["Name"], "ALL_TABLES");
    assert_eq!(
        entries[1].0["TableWithColumns"]["ColumnWildcard"],
        json!({})
    );
    world
        .revoke("marketing", entries[0].0.clone(), &["DESCRIBE"])
        .await
        .unwrap();
    world
        .revoke("marketing", entries[1].0.clone(), &["SELECT"])
        .await
        .unwrap();
    assert_eq!(listed(&world, json!({})).await, []);
}

#[tokio::test]
async fn columns_are_revoked_one_by_one() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    let names = ["c_customer_sk", "c_first_name"];
    world
        .grant("marketing", columns("customer", &names), &["SELECT"])
        .await
        .unwrap();
    world
        .revoke(
            "marketing",
            columns("customer", &["c_first_name"]),
            &["SELECT"],
        )
        .await
        .unwrap();
    let permit = world.permit(&role, "tables/customer/x");
    assert!(permit.view().shows("c_customer_sk") && !permit.view().shows("c_first_name"));
    let again = world
        .revoke(
            "marketing",
            columns("customer", &["c_first_name"]),
            &["SELECT"],
        )
        .await;
    let refusal = again.unwrap_err();
    assert_eq!(refusal.code, "InvalidInputException");
    assert_eq!(
        refusal.message,
        "No permissions revoked. Grantee does not have: [SELECT]"
    );
    world
        .revoke(
            "marketing",
            columns("customer", &["c_customer_sk"]),
            &["SELECT"],
        )
        .await
        .unwrap();
    assert!(world.is_denied(&role, "tables/customer/x"));
    assert_eq!(listed(&world, json!({})).await, []);
}

#[tokio::test]
async fn a_principal_holds_a_table_or_its_columns() {
    let world = World::with_tables().await;
    world.reader("marketing").await;
    let some = || columns("customer", &["c_first_name"]);
    world
        .grant("marketing", table("customer"), &["DESCRIBE"])
        .await
        .unwrap();
    let refusal = world
        .grant("marketing", some(), &["SELECT"])
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "InvalidInputException");
    world
        .revoke("marketing", table("customer"), &["DESCRIBE"])
        .await
        .unwrap();
    world.grant("marketing", some(), &["SELECT"]).await.unwrap();
    world
        .grant("marketing", table("customer"), &["SELECT"])
        .await
        .unwrap_err();
    world
        .grant("marketing", table("address"), &["SELECT"])
        .await
        .unwrap();
}

#[tokio::test]
async fn grants_name_what_there_is() {
    let world = World::with_tables().await;
    world.reader("marketing").await;
    for (resource, permission, code) in [
        (table("nowhere"), "SELECT", "EntityNotFoundException"),
        (
            columns("customer", &["nothing"]),
            "SELECT",
            "InvalidInputException",
        ),
        (
            columns("customer", &["c_first_name"]),
            "DROP",
            "InvalidInputException",
        ),
        (
            json!({"Database": {"Name": "tpc"}}),
            "SELECT",
            "InvalidInputException",
        ),
        (
            json!({"Catalog": {}}),
            "CREATE_LF_TAG",
            "InvalidInputException",
        ),
        (
            json!({"LFTag": {"TagKey": "k", "TagValues": ["v"]}}),
            "DESCRIBE",
            "InvalidInputException",
        ),
        (json!({}), "SELECT", "InvalidInputException"),
        (
            json!({"DataCellsFilter": filter_name("none")}),
            "SELECT",
            "EntityNotFoundException",
        ),
        (
            json!({"DataLocation": {"ResourceArn": "arn:aws:s3:::other"}}),
            "DATA_LOCATION_ACCESS",
            "InvalidInputException",
        ),
        (
            json!({"Table": {"CatalogId": "999999999999", "DatabaseName": "tpc", "Name": "customer"}}),
            "SELECT",
            "AccessDeniedException",
        ),
    ] {
        let refusal = world
            .grant("marketing", resource.clone(), &[permission])
            .await
            .unwrap_err();
        assert_eq!(refusal.code, code, "{resource}: {refusal:?}");
    }
    let refusal = world
        .grant("nobody", table("customer"), &["SELECT"])
        .await
        .unwrap_err();
    assert!(
        refusal.message.starts_with("Invalid principal"),
        "{refusal:?}"
    );
    let mut conditional = grant_input("marketing", table("customer"), &["SELECT"]);
    conditional["Condition"] = json!({"Expression": "true"});
    let refusal = world
        .lake(&world.root, "GrantPermissions", conditional)
        .await
        .unwrap_err();
    assert!(refusal.message.contains("Condition"), "{refusal:?}");
}

#[tokio::test]
async fn the_grant_option_passes_on_what_it_covers() {
    let world = World::with_tables().await;
    let lead = world.role("lead", "lakeformation:*").await;
    world.reader("marketing").await;
    let one = || columns("customer", &["c_first_name"]);
    let mut input = grant_input("lead", one(), &["SELECT"]);
    let denied =
        "Resource does not exist or requester is not authorized to access requested permissions.";
    let to_marketing = grant_input("marketing", one(), &["SELECT"]);
    world
        .lake(&world.root, "GrantPermissions", input.clone())
        .await
        .unwrap();
    for attempt in [
        to_marketing.clone(),
        grant_input("marketing", table("nowhere"), &["SELECT"]),
    ] {
        let refusal = world
            .lake(&lead, "GrantPermissions", attempt)
            .await
            .unwrap_err();
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            ("AccessDeniedException", denied)
        );
    }
    input["PermissionsWithGrantOption"] = json!(["SELECT"]);
    world
        .lake(&world.root, "GrantPermissions", input.clone())
        .await
        .unwrap();
    world
        .lake(&lead, "GrantPermissions", to_marketing.clone())
        .await
        .unwrap();
    world
        .lake(&lead, "RevokePermissions", to_marketing.clone())
        .await
        .unwrap();
    let more = grant_input(
        "marketing",
        columns("customer", &["c_birth_year"]),
        &["SELECT"],
    );
    world
        .lake(&lead, "GrantPermissions", more)
        .await
        .unwrap_err();
    input["Permissions"] = json!([]);
    world
        .lake(&world.root, "RevokePermissions", input)
        .await
        .unwrap();
    world
        .lake(&lead, "GrantPermissions", to_marketing)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_batch_reports_each_failure() {
    let world = World::with_tables().await;
    world.reader("marketing").await;
    let mut good = grant_input("marketing", table("customer"), &["SELECT"]);
    let mut bad = grant_input("marketing", table("nowhere"), &["SELECT"]);
    good["Id"] = json!("1");
    bad["Id"] = json!("2");
    let batch = json!({"Entries": [good, bad]});
    let answer = world
        .lake(&world.root, "BatchGrantPermissions", batch)
        .await
        .unwrap();
    let failures = answer["Failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0]["RequestEntry"]["Id"], "2");
    assert_eq!(failures[0]["Error"]["ErrorCode"], "EntityNotFoundException");
    assert_eq!(
        listed(&world, json!({"ResourceType": "TABLE"})).await.len(),
        1
    );
}

#[tokio::test]
async fn others_see_their_own_grants_only() {
    let world = World::with_tables().await;
    let role = world
        .role("marketing", "lakeformation:ListPermissions")
        .await;
    world.reader("sales").await;
    world
        .grant("marketing", table("customer"), &["DESCRIBE"])
        .await
        .unwrap();
    world
        .grant("sales", table("customer"), &["DESCRIBE"])
        .await
        .unwrap();
    let answer = world
        .lake(&role, "ListPermissions", json!({}))
        .await
        .unwrap();
    let entries = answer["PrincipalResourcePermissions"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        entries[0]["Principal"]["DataLakePrincipalIdentifier"],
        role_arn("marketing")
    );
}

#[tokio::test]
async fn filters_live_from_create_to_delete() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    let create = |input: Value| world.lake(&world.root, "CreateDataCellsFilter", input);
    create(filter("Adults", "c_birth_year < 2008"))
        .await
        .unwrap();
    let twice = create(filter("adults", "c_birth_year < 2008"))
        .await
        .unwrap_err();
    assert_eq!(twice.code, "AlreadyExistsException");
    let wrong = create(filter("wrong", "c_birth_year < 'x'"))
        .await
        .unwrap_err();
    assert_eq!(wrong.code, "InvalidInputException");
    assert!(wrong.message.contains("character 16"), "{wrong:?}");

    let on_filter = json!({"DataCellsFilter": filter_name("adults")});
    world
        .grant("marketing", on_filter, &["SELECT"])
        .await
        .unwrap();
    assert!(!world.permit(&role, "tables/customer/x").view().is_full());
    let related = json!({"Resource": table("customer"), "IncludeRelated": "TRUE"});
    assert_eq!(listed(&world, related).await.len(), 1);

    let got = world
        .lake(&world.root, "GetDataCellsFilter", filter_name("adults"))
        .await
        .unwrap();
    let shape = &got["DataCellsFilter"];
    assert_eq!(
        shape["RowFilter"],
        json!({"FilterExpression": "c_birth_year < 2008"})
    );
    assert_eq!(shape["ColumnWildcard"], json!({}));
    let on_table = json!({"Table": {"DatabaseName": "tpc", "Name": "customer"}});
    let list = world
        .lake(&world.root, "ListDataCellsFilter", on_table)
        .await
        .unwrap();
    assert_eq!(list["DataCellsFilters"], json!([shape]));

    let update = filter("adults", "TRUE");
    world
        .lake(&world.root, "UpdateDataCellsFilter", update)
        .await
        .unwrap();
    assert!(world.permit(&role, "tables/customer/x").view().is_full());
    world
        .lake(&world.root, "DeleteDataCellsFilter", filter_name("adults"))
        .await
        .unwrap();
    assert!(world.is_denied(&role, "tables/customer/x"));
    assert_eq!(listed(&world, json!({})).await, []);
}

#[tokio::test]
async fn a_filter_that_a_changed_table_breaks_denies() {
    let world = World::with_tables().await;
    let role = world.reader("marketing").await;
    let input = filter("adults", "c_birth_year < 2008");
    world
        .lake(&world.root, "CreateDataCellsFilter", input)
        .await
        .unwrap();
    let on_filter = json!({"DataCellsFilter": filter_name("adults")});
    world
        .grant("marketing", on_filter, &["SELECT"])
        .await
        .unwrap();
    let mut changed = crate::world::table_input("customer", "s3://lake/tables/customer/");
    changed["TableInput"]["StorageDescriptor"]["Columns"] =
        json!([{"Name": "c_customer_sk", "Type": "int"}]);
    world
        .glue(&world.root, "UpdateTable", changed)
        .await
        .unwrap();
    assert!(world.is_denied(&role, "tables/customer/x"));
    assert!(!world.may_write(&role, "tables/customer/x"));
    let named = json!({"DatabaseName": "tpc", "Name": "customer"});
    let hidden = world.glue(&role, "GetTable", named).await.unwrap_err();
    assert_eq!(hidden.code, "AccessDeniedException");
}

#[tokio::test]
async fn who_takes_over_a_name_has_none_of_its_grants() {
    let world = World::with_tables().await;
    let key = "tables/customer/part-0.parquet";
    let first = world.reader("marketing").await;
    let some = table("customer");
    world
        .grant("marketing", some.clone(), &["SELECT"])
        .await
        .unwrap();
    world.permit(&first, key);
    let role = ("RoleName", "marketing");
    let own = world
        .query("iam", &[("Action", "ListRolePolicies"), role])
        .await;
    let names: Vec<&str> = own.split("<member>").skip(1).collect();
    for name in names {
        let name = ("PolicyName", name.split('<').next().unwrap());
        world
            .query("iam", &[("Action", "DeleteRolePolicy"), role, name])
            .await;
    }
    world.query("iam", &[("Action", "DeleteRole"), role]).await;
    let second = world.reader("marketing").await;
    assert!(world.is_denied(&second, key));
    let gone = world.revoke("marketing", some.clone(), &["SELECT"]).await;
    assert!(gone.is_err(), "{gone:?}");
    world.grant("marketing", some, &["DESCRIBE"]).await.unwrap();
    assert!(world.is_denied(&second, key), "only what was given anew");
}

#[tokio::test]
async fn settings_begin_closed_and_come_back_as_put() {
    let world = World::empty().await;
    let settings = world
        .lake(&world.root, "GetDataLakeSettings", json!({}))
        .await
        .unwrap();
    assert_eq!(
        settings["DataLakeSettings"]["CreateTableDefaultPermissions"],
        json!([])
    );
    assert_eq!(settings["DataLakeSettings"]["DataLakeAdmins"], json!([]));
    let put = json!({
        "DataLakeAdmins": [{"DataLakePrincipalIdentifier": role_arn("admin")}],
        "ReadOnlyAdmins": [],
        "CreateDatabaseDefaultPermissions": [],
        "CreateTableDefaultPermissions": [{
            "Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"},
            "Permissions": ["ALL"],
        }],
        "Parameters": {"CROSS_ACCOUNT_VERSION": "4"},
        "TrustedResourceOwners": [],
        "AllowExternalDataFiltering": true,
        "ExternalDataFilteringAllowList": [{"DataLakePrincipalIdentifier": ACCOUNT}],
        "AuthorizedSessionTagValueList": ["Amazon EMR"],
    });
    let input = json!({"DataLakeSettings": put});
    world
        .lake(&world.root, "PutDataLakeSettings", input.clone())
        .await
        .unwrap();
    let settings = world
        .lake(&world.root, "GetDataLakeSettings", json!({}))
        .await
        .unwrap();
    assert_eq!(settings["DataLakeSettings"], put);

    for (member, value) in [
        ("ExternalDataFilteringAllowList", json!([])),
        (
            "CreateTableDefaultPermissions",
            json!([{
                "Principal": {"DataLakePrincipalIdentifier": role_arn("x")}, "Permissions": ["ALL"],
            }]),
        ),
    ] {
        let mut wrong = input.clone();
        wrong["DataLakeSettings"][member] = value;
        let refusal = world
            .lake(&world.root, "PutDataLakeSettings", wrong)
            .await
            .unwrap_err();
        assert_eq!(refusal.code, "InvalidInputException", "{member}");
    }
}

#[tokio::test]
async fn locations_are_registered_once() {
    let world = World::with_tables().await;
    let arn = json!({"ResourceArn": "arn:aws:s3:::lake/tables"});
    let mut again = arn.clone();
    again["UseServiceLinkedRole"] = json!(true);
    let refusal = world
        .lake(&world.root, "RegisterResource", again.clone())
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "AlreadyExistsException");
    again["HybridAccessEnabled"] = json!(true);
    let refusal = world
        .lake(&world.root, "RegisterResource", again)
        .await
        .unwrap_err();
    assert!(
        refusal.message.contains("HybridAccessEnabled"),
        "{refusal:?}"
    );
    let info = world
        .lake(&world.root, "DescribeResource", arn.clone())
        .await
        .unwrap();
    assert_eq!(info["ResourceInfo"]["ResourceArn"], arn["ResourceArn"]);
    let list = world
        .lake(&world.root, "ListResources", json!({}))
        .await
        .unwrap();
    assert_eq!(list["ResourceInfoList"], json!([info["ResourceInfo"]]));
    world
        .lake(&world.root, "DeregisterResource", arn.clone())
        .await
        .unwrap();
    let gone = world
        .lake(&world.root, "DescribeResource", arn)
        .await
        .unwrap_err();
    assert_eq!(gone.code, "EntityNotFoundException");
}

#[tokio::test]
async fn excluding_columns_has_its_limits() {
    let world = World::with_tables().await;
    world.reader("marketing").await;
    let mut input = crate::world::table_input("by_year", "s3://lake/tables/by_year");
    input["TableInput"]["PartitionKeys"] = json!([{"Name": "year", "Type": "int"}]);
    world.glue(&world.root, "CreateTable", input).await.unwrap();
    let without = |column: &str| {
        json!({"TableWithColumns": {
            "DatabaseName": "tpc", "Name": "by_year",
            "ColumnWildcard": {"ExcludedColumnNames": [column]},
        }})
    };
    let refusal = world
        .grant("marketing", without("year"), &["SELECT"])
        .await
        .unwrap_err();
    assert!(refusal.message.contains("partition keys"), "{refusal:?}");
    let mut input = grant_input("marketing", without("c_first_name"), &["SELECT"]);
    input["PermissionsWithGrantOption"] = json!(["SELECT"]);
    let refusal = world
        .lake(&world.root, "GrantPermissions", input)
        .await
        .unwrap_err();
    assert!(refusal.message.contains("ColumnNames"), "{refusal:?}");
    world
        .grant("marketing", without("c_first_name"), &["SELECT"])
        .await
        .unwrap();
}
