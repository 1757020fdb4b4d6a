//! The lake: bucket, objects, catalog, registration and grants.

use anyhow::Result;
use bytes::Bytes;
use http::Method;
use lakeward_client::{Client, ClientError};
use serde_json::{Value, json};

use super::{
    stack::{DATABASE, Stack},
    tables::{self, TABLES, Table},
};
use crate::cli::Progress;

/// What marketing must not see of a customer: names, login, e-mail and birth data.
pub const SENSITIVE_COLUMNS: [&str; 9] = [
    "c_salutation",
    "c_first_name",
    "c_last_name",
    "c_login",
    "c_email_address",
    "c_birth_day",
    "c_birth_month",
    "c_birth_year",
    "c_birth_country",
];
/// The region of a sale is the web site it was made on.
pub const SALES_COLUMN: &str = "ws_web_site_sk";
/// The region that sales sees.
pub const SALES_VALUE: i32 = 1;
const ELECTRONICS_ROWS: &str = "i_category = 'Electronics'";

/// Makes everything; what exists already is left as it is.
pub(super) async fn create(
    admin: &Client,
    stack: &Stack,
    scale: f64,
    progress: &Progress,
) -> Result<()> {
    settings(admin, stack).await?;
    let bucket = format!("/{}", stack.bucket());
    tolerate(
        admin.s3(Method::PUT, &bucket, Bytes::new()).await,
        &["BucketAlreadyOwnedByYou"],
    )?;
    let location = json!({"ResourceArn": format!("arn:aws:s3:::{}/{DATABASE}", stack.bucket()), "UseServiceLinkedRole": true});
    tolerate(
        lake_formation(admin, "RegisterResource", location).await,
        &["AlreadyExistsException"],
    )?;
    let database = json!({"DatabaseInput": {"Name": DATABASE, "LocationUri": format!("s3://{}/{DATABASE}/", stack.bucket())}});
    tolerate(
        glue(admin, "CreateDatabase", database).await,
        &["AlreadyExistsException"],
    )?;
    for name in TABLES {
        progress.step(format!("Generating {name}"));
        let table = tokio::task::spawn_blocking(move || tables::generate(name, scale)).await??;
        create_table(admin, stack, name, table).await?;
    }
    progress.step("Granting");
    grants(admin, stack).await
}

/// EMR sessions get Lake Formation's data only when these settings name their session tag.
async fn settings(admin: &Client, stack: &Stack) -> Result<(), ClientError> {
    let administrator = stack.user_arn(&format!("{}-admin", stack.name));
    let settings = json!({"DataLakeSettings": {
        "DataLakeAdmins": [{"DataLakePrincipalIdentifier": administrator}],
        "CreateDatabaseDefaultPermissions": [],
        "CreateTableDefaultPermissions": [],
        "AllowExternalDataFiltering": true,
        "ExternalDataFilteringAllowList": [{"DataLakePrincipalIdentifier": stack.account}],
        "AuthorizedSessionTagValueList": ["Amazon EMR"],
    }});
    lake_formation(admin, "PutDataLakeSettings", settings)
        .await
        .map(drop)
}

async fn create_table(
    admin: &Client,
    stack: &Stack,
    name: &str,
    table: Table,
) -> Result<(), ClientError> {
    let path = format!("/{}/{DATABASE}/{name}/part-00000.parquet", stack.bucket());
    admin.s3(Method::PUT, &path, table.parquet.into()).await?;
    let columns: Vec<Value> = table
        .schema
        .columns
        .iter()
        .map(|column| json!({"Name": column.name, "Type": column.data_type}))
        .collect();
    let input = json!({
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet"},
        "StorageDescriptor": {
            "Columns": columns,
            "Location": format!("s3://{}/{DATABASE}/{name}/", stack.bucket()),
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
        },
    });
    let table = json!({"DatabaseName": DATABASE, "TableInput": input});
    tolerate(
        glue(admin, "CreateTable", table).await,
        &["AlreadyExistsException"],
    )
}

async fn grants(admin: &Client, stack: &Stack) -> Result<()> {
    let customer = json!({"TableWithColumns": {
        "DatabaseName": DATABASE, "Name": "dl_tpc_customer",
        "ColumnWildcard": {"ExcludedColumnNames": SENSITIVE_COLUMNS},
    }});
    grant(admin, stack, "marketing", "SELECT", customer).await?;
    let region = format!("{SALES_COLUMN} = {SALES_VALUE}");
    for (purpose, table, rows) in [
        ("sales", "dl_tpc_web_sales", &*region),
        ("electronics", "dl_tpc_item", ELECTRONICS_ROWS),
    ] {
        let filter = json!({"TableData": {
            "TableCatalogId": stack.account, "DatabaseName": DATABASE, "TableName": table, "Name": purpose,
            "RowFilter": {"FilterExpression": rows}, "ColumnWildcard": {},
        }});
        tolerate(
            lake_formation(admin, "CreateDataCellsFilter", filter).await,
            &["AlreadyExistsException"],
        )?;
        let cells = json!({"DataCellsFilter": {
            "TableCatalogId": stack.account, "DatabaseName": DATABASE, "TableName": table, "Name": purpose,
        }});
        grant(admin, stack, purpose, "SELECT", cells).await?;
    }
    for purpose in super::compute::PURPOSES {
        grant(
            admin,
            stack,
            purpose,
            "DESCRIBE",
            json!({"Database": {"Name": DATABASE}}),
        )
        .await?;
    }
    Ok(())
}

async fn grant(
    admin: &Client,
    stack: &Stack,
    purpose: &str,
    permission: &str,
    resource: Value,
) -> Result<(), ClientError> {
    let role = stack.role_arn(&stack.runtime_role(purpose));
    let grant = json!({
        "Principal": {"DataLakePrincipalIdentifier": role},
        "Resource": resource,
        "Permissions": [permission],
    });
    lake_formation(admin, "GrantPermissions", grant)
        .await
        .map(drop)
}

async fn glue(admin: &Client, operation: &str, input: Value) -> Result<Value, ClientError> {
    admin
        .json("glue", &format!("AWSGlue.{operation}"), input)
        .await
}

async fn lake_formation(
    admin: &Client,
    operation: &str,
    input: Value,
) -> Result<Value, ClientError> {
    admin.rest_json("lakeformation", operation, input).await
}

/// An answer of `codes` is fine: an earlier set-up came so far.
pub(super) fn tolerate<T>(
    answer: Result<T, ClientError>,
    codes: &[&str],
) -> Result<(), ClientError> {
    match answer {
        Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(()),
        answer => answer.map(drop),
    }
}
