//! Why something of the lake is denied, and what would allow it: never more than what was asked.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use lakeward_client::Client;
use serde_json::{Value, json};
use support::{World, lake_formation};

async fn why(admin: &Client, principal: &str, action: &str, resource: &str) -> Value {
    let question = json!({"Principal": principal, "Action": action, "Resource": resource});
    let answer = admin.json("lakeward", "Lakeward.ExplainAccess", question);
    answer.await.unwrap()
}

fn door<'v>(answer: &'v Value, name: &str) -> &'v Value {
    let doors = answer["Doors"].as_array().unwrap();
    doors.iter().find(|door| door["Door"] == name).unwrap()
}

#[tokio::test]
async fn a_view_is_explained_and_a_missing_one_takes_a_grant() {
    let (_world, demo, admin) = World::demo().await;
    let role = demo.stack.role_arn(&demo.stack.runtime_role("marketing"));
    let file = |table: &str| {
        let bucket = demo.stack.bucket();
        format!("arn:aws:s3:::{bucket}/tpc/{table}/part-00000.parquet")
    };

    let seen = why(&admin, &role, "s3:GetObject", &file("dl_tpc_customer")).await;
    assert_eq!(seen["Allowed"], true, "{seen}");
    assert_eq!(seen["Decision"], "implicitDeny");
    assert_eq!(seen["ServedBy"], "Lake Formation");
    assert_eq!(door(&seen, "Lake Formation")["Verdict"], "Allows");
    assert_eq!(seen["Remedies"], json!([]));

    let hidden = file("dl_tpc_item");
    let denied = why(&admin, &role, "s3:GetObject", &hidden).await;
    assert_eq!(denied["Allowed"], false, "{denied}");
    let remedies = denied["Remedies"].as_array().unwrap();
    assert_eq!(remedies.len(), 1, "{denied}");
    assert!(
        remedies[0].get("statement").is_none(),
        "a policy would show the file whole: {denied}"
    );
    lake_formation(&admin, "GrantPermissions", remedies[0]["grant"].clone()).await;
    let granted = why(&admin, &role, "s3:GetObject", &hidden).await;
    assert_eq!(granted["Allowed"], true, "{granted}");

    // Who sees a part of a table doesn't write there, whatever S3's policies say.
    let written = why(&admin, &role, "s3:PutObject", &file("dl_tpc_customer")).await;
    assert_eq!(written["Allowed"], false, "{written}");
    assert_eq!(door(&written, "Lake Formation")["Verdict"], "Denies");

    let table = format!(
        "arn:aws:glue:us-east-1:{}:table/tpc/dl_tpc_web_sales",
        support::ACCOUNT
    );
    let denied = why(&admin, &role, "glue:GetTable", &table).await;
    assert_eq!(denied["Allowed"], false, "{denied}");
    assert_eq!(denied["Decision"], "allowed");
    let grant = denied["Remedies"][0]["grant"].clone();
    assert_eq!(grant["Permissions"], json!(["DESCRIBE"]));
    lake_formation(&admin, "GrantPermissions", grant).await;
    let granted = why(&admin, &role, "glue:GetTable", &table).await;
    assert_eq!(granted["Allowed"], true, "{granted}");
}
