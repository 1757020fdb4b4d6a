//! Every operation, called by someone whom IAM lets do nothing.

use serde_json::{Value, json};

use crate::world::{ACCOUNT, World, grant_input, table, table_input};

fn operations() -> Vec<(&'static str, &'static str, Value)> {
    let named = json!({"DatabaseName": "tpc", "Name": "customer"});
    let filter = json!({
        "TableCatalogId": ACCOUNT, "DatabaseName": "tpc", "TableName": "customer", "Name": "f",
    });
    let mut whole_filter = filter.clone();
    whole_filter["ColumnWildcard"] = json!({});
    let grant = || grant_input("marketing", table("customer"), &["SELECT"]);
    let location = json!({"ResourceArn": "arn:aws:s3:::lake", "UseServiceLinkedRole": true});
    vec![
        (
            "glue",
            "CreateDatabase",
            json!({"DatabaseInput": {"Name": "d"}}),
        ),
        ("glue", "GetDatabase", json!({"Name": "tpc"})),
        ("glue", "GetDatabases", json!({})),
        ("glue", "DeleteDatabase", json!({"Name": "tpc"})),
        ("glue", "CreateTable", table_input("t", "s3://lake/t")),
        (
            "glue",
            "UpdateTable",
            table_input("customer", "s3://lake/tables/customer"),
        ),
        ("glue", "GetTable", named.clone()),
        ("glue", "GetTables", json!({"DatabaseName": "tpc"})),
        ("glue", "DeleteTable", named),
        (
            "glue",
            "GetPartitions",
            json!({"DatabaseName": "tpc", "TableName": "customer"}),
        ),
        ("lakeformation", "GetDataLakeSettings", json!({})),
        (
            "lakeformation",
            "PutDataLakeSettings",
            json!({"DataLakeSettings": {}}),
        ),
        ("lakeformation", "RegisterResource", location.clone()),
        ("lakeformation", "DeregisterResource", location.clone()),
        ("lakeformation", "DescribeResource", location),
        ("lakeformation", "ListResources", json!({})),
        ("lakeformation", "GrantPermissions", grant()),
        ("lakeformation", "RevokePermissions", grant()),
        (
            "lakeformation",
            "BatchGrantPermissions",
            json!({"Entries": [grant()]}),
        ),
        (
            "lakeformation",
            "BatchRevokePermissions",
            json!({"Entries": [grant()]}),
        ),
        ("lakeformation", "ListPermissions", json!({})),
        (
            "lakeformation",
            "CreateDataCellsFilter",
            json!({"TableData": whole_filter.clone()}),
        ),
        (
            "lakeformation",
            "UpdateDataCellsFilter",
            json!({"TableData": whole_filter}),
        ),
        ("lakeformation", "GetDataCellsFilter", filter.clone()),
        ("lakeformation", "ListDataCellsFilter", json!({})),
        ("lakeformation", "DeleteDataCellsFilter", filter),
    ]
}

#[tokio::test]
async fn every_operation_asks_iam_first() {
    let world = World::with_tables().await;
    let nobody = world.role("nobody", "s3:ListAllMyBuckets").await;
    for (service, operation, input) in operations() {
        let answer = match service {
            "glue" => world.glue(&nobody, operation, input).await,
            _ => world.lake(&nobody, operation, input).await,
        };
        let refusal = answer.unwrap_err();
        assert_eq!(refusal.code, "AccessDeniedException", "{operation}");
        let action = format!("{service}:{operation}");
        assert!(refusal.message.contains(&action), "{refusal:?}");
    }
}

#[test]
fn no_operation_is_left_out() {
    let catalog = std::sync::Arc::new(lakeward_catalog::Catalog::new());
    let mut known: Vec<(&str, &str)> = lakeward_catalog::services(&catalog)
        .iter()
        .flat_map(|service| {
            let name = service.signing_name();
            service
                .operations()
                .map(move |operation| (name, operation))
                .collect::<Vec<_>>()
        })
        .collect();
    let mut tested: Vec<_> = operations()
        .into_iter()
        .map(|(service, operation, _)| (service, operation))
        .collect();
    known.sort_unstable();
    tested.sort_unstable();
    assert_eq!(known, tested);
}
