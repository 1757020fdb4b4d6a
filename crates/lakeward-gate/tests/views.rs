//! A table through a role's view: the same answer at every door, and nothing that is hidden.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

use arrow::array::{AsArray, RecordBatch};
use bytes::Bytes;
use http::Method;
use lakeward_client::Credentials;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use world::{ACCOUNT, World, data_access, world};

const FILE: &str = "/lake/tpc/customer/part-0.parquet";
const LIST: &str = "/lake?list-type=2&prefix=tpc/customer/";

async fn lake() -> (World, Credentials) {
    let world = world().await;
    world.with_tables().await;
    let role = world.role("marketing", json!([data_access()])).await;
    world.grant_columns("marketing", &["id", "region"]).await;
    (world, role)
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    bytes
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

fn table(bytes: &Bytes) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())
        .unwrap()
        .build()
        .unwrap();
    reader.map(Result::unwrap).collect()
}

fn columns(batches: &[RecordBatch]) -> Vec<String> {
    let schema = batches[0].schema();
    schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect()
}

#[tokio::test]
async fn only_granted_columns_arrive() {
    let (world, role) = lake().await;
    let raw = world.get(&world.root, FILE, &[]).await.expect(200);
    assert!(contains(&raw.body, "SECRET-7"));
    let got = world.get(&role, FILE, &[]).await.expect(200);
    assert!(!contains(&got.body, "SECRET"));
    assert!(!contains(&got.body, "name"));
    let batches = table(&got.body);
    assert_eq!(columns(&batches), ["id", "region"]);
    assert_eq!(
        batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
        1000
    );
    assert_eq!(got.header("cache-control"), "private, no-store");
    assert_ne!(got.header("etag"), raw.header("etag"));
}

#[tokio::test]
async fn list_head_and_get_agree() {
    let (world, role) = lake().await;
    let got = world.get(&role, FILE, &[]).await.expect(200);
    let head = world.head(&role, FILE).await.expect(200);
    let list = world.get(&role, LIST, &[]).await.expect(200);
    let old = world
        .get(&role, "/lake?prefix=tpc/customer/", &[])
        .await
        .expect(200);
    assert_eq!(list.all("Key"), ["tpc/customer/part-0.parquet"]);
    for listing in [&list, &old] {
        assert_eq!(listing.one("Size"), got.body.len().to_string());
        assert_eq!(
            listing.one("ETag").replace("&quot;", "\""),
            got.header("etag")
        );
    }
    for name in ["etag", "last-modified", "content-length", "content-type"] {
        assert_eq!(head.header(name), got.header(name), "{name}");
    }
    assert_eq!(head.header("content-length"), got.body.len().to_string());
}

#[tokio::test]
async fn every_range_is_that_of_the_whole() {
    let (world, role) = lake().await;
    let whole = world.get(&role, FILE, &[]).await.expect(200).body;
    let size = whole.len();
    for (from, to) in [
        (0, 3),
        (0, size - 1),
        (size - 8, size - 1),
        (100, 2000),
        (size / 2, size / 2),
    ] {
        let range = format!("bytes={from}-{to}");
        let part = world
            .get(&role, FILE, &[("range", &range)])
            .await
            .expect(206);
        assert!(part.body == whole.slice(from..=to), "{range}");
        assert_eq!(
            part.header("content-range"),
            format!("bytes {from}-{to}/{size}")
        );
    }
    let tail = world
        .get(&role, FILE, &[("range", "bytes=-8")])
        .await
        .expect(206);
    assert_eq!(tail.body, whole.slice(size - 8..));
    let etag = world.head(&role, FILE).await.header("etag").to_owned();
    world
        .get(&role, FILE, &[("if-match", &etag)])
        .await
        .expect(200);
    let raw = world
        .head(&world.root, FILE)
        .await
        .header("etag")
        .to_owned();
    world
        .get(&role, FILE, &[("if-match", &raw)])
        .await
        .expect(412);
    let shown = [("response-cache-control", "public"), ("x-id", "GetObject")];
    let query: Vec<_> = shown.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let got = world
        .get(&role, &format!("{FILE}?{}", query.join("&")), &[])
        .await
        .expect(200);
    assert_eq!(got.header("cache-control"), "private, no-store");
}

#[tokio::test]
async fn row_filters_drop_rows() {
    let world = world().await;
    world.with_tables().await;
    let role = world.role("north", json!([data_access()])).await;
    world
        .lake("CreateDataCellsFilter", json!({"TableData": {
            "TableCatalogId": ACCOUNT, "DatabaseName": "tpc", "TableName": "customer", "Name": "north",
            "RowFilter": {"FilterExpression": "region = 'NORTH'"}, "ColumnWildcard": {"ExcludedColumnNames": ["name"]}}}))
        .await;
    world
        .lake("GrantPermissions", json!({
            "Principal": {"DataLakePrincipalIdentifier": format!("arn:aws:iam::{ACCOUNT}:role/north")},
            "Resource": {"DataCellsFilter": {"TableCatalogId": ACCOUNT, "DatabaseName": "tpc", "TableName": "customer", "Name": "north"}},
            "Permissions": ["SELECT"]}))
        .await;
    let got = world.get(&role, FILE, &[]).await.expect(200);
    let list = world.get(&role, LIST, &[]).await.expect(200);
    assert_eq!(list.one("Size"), got.body.len().to_string());
    assert!(!contains(&got.body, "SOUTH") && !contains(&got.body, "SECRET"));
    let batches = table(&got.body);
    assert_eq!(
        batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
        500
    );
    for batch in &batches {
        let region = batch.column_by_name("region").unwrap().as_string::<i32>();
        assert!(region.iter().all(|value| value == Some("NORTH")));
    }
}

#[tokio::test]
async fn hidden_and_missing_look_alike() {
    let (world, role) = lake().await;
    let root = &world.root;
    for key in ["_SUCCESS", "notes.csv", "_metadata"] {
        world
            .put(root, &format!("/lake/tpc/customer/{key}"), "SECRET")
            .await
            .expect(200);
    }
    // Inside the granted table a hidden file is not there, like one that never was.
    let missing = world
        .get(&role, "/lake/tpc/customer/none", &[])
        .await
        .expect(404);
    for key in ["_SUCCESS", "notes.csv", "_metadata"] {
        let hidden = world
            .get(&role, &format!("/lake/tpc/customer/{key}"), &[])
            .await
            .expect(404);
        assert_eq!(
            (hidden.code(), hidden.one("Message")),
            (missing.code(), missing.one("Message"))
        );
        world
            .head(&role, &format!("/lake/tpc/customer/{key}"))
            .await
            .expect(404);
    }
    assert_eq!(world.get(&role, LIST, &[]).await.all("Key").len(), 1);
    // A folder of its own name, as clients that think in folders ask for it.
    world.head(&role, "/lake/tpc/customer").await.expect(404);
    // Everywhere else it is denied whether or not something is there.
    let texts = [
        "tpc/item/part-0.parquet",
        "tpc/item/none",
        "tpc/none/x",
        "tpc",
        "elsewhere",
    ]
    .map(|key| {
        let (world, role) = (&world, &role);
        async move {
            let answer = world
                .get(role, &format!("/lake/{key}"), &[])
                .await
                .expect(403);
            answer.one("Message").replace(key, "")
        }
    });
    let texts = futures::future::join_all(texts).await;
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    for prefix in ["", "tpc/", "tpc/item/", "tpc/customer", "tpc/none/"] {
        let path = format!("/lake?list-type=2&prefix={prefix}");
        world.get(&role, &path, &[]).await.expect(403);
    }
}

#[tokio::test]
async fn a_partial_view_never_writes() {
    let world = world().await;
    world.with_tables().await;
    let anything = json!([data_access(), {"Effect": "Allow", "Resource": "*",
        "Action": ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]}]);
    let role = world.role("writer", anything).await;
    world.grant_columns("writer", &["id"]).await;
    let before = world
        .head(&world.root, FILE)
        .await
        .header("etag")
        .to_owned();
    world.put(&role, FILE, "x").await.expect(403);
    world
        .put(&role, "/lake/tpc/customer/new.parquet", "x")
        .await
        .expect(403);
    world.delete(&role, FILE).await.expect(403);
    world
        .s3(&role, Method::POST, &format!("{FILE}?uploads"), &[], "")
        .await
        .expect(403);
    let body = "<Delete><Object><Key>tpc/customer/part-0.parquet</Key></Object></Delete>";
    let many = world
        .s3(&role, Method::POST, "/lake?delete", &[], body)
        .await
        .expect(200);
    assert_eq!(many.code(), "AccessDenied");
    let copy = [("x-amz-copy-source", FILE)];
    world
        .s3(&role, Method::PUT, "/lake/mine/copy", &copy, "")
        .await
        .expect(403);
    world.put(&role, "/lake/mine/k", "x").await.expect(200);
    assert_eq!(world.head(&world.root, FILE).await.header("etag"), before);
}

#[tokio::test]
async fn a_full_grant_reads_raw_bytes() {
    let (world, _) = lake().await;
    let role = world.role("analyst", json!([data_access()])).await;
    world
        .lake("GrantPermissions", json!({
            "Principal": {"DataLakePrincipalIdentifier": format!("arn:aws:iam::{ACCOUNT}:role/analyst")},
            "Resource": {"Table": {"DatabaseName": "tpc", "Name": "customer"}}, "Permissions": ["SELECT"]}))
        .await;
    let raw = world.get(&world.root, FILE, &[]).await.expect(200);
    let got = world.get(&role, FILE, &[]).await.expect(200);
    assert!(got.body == raw.body);
    assert_eq!(got.header("etag"), raw.header("etag"));
}

#[tokio::test]
async fn own_permissions_read_raw_and_listings_follow_get() {
    let (world, _) = lake().await;
    let admin = world
        .role(
            "engineer",
            json!([{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"]}]),
        )
        .await;
    let raw = world.get(&admin, FILE, &[]).await.expect(200);
    assert!(contains(&raw.body, "SECRET-7"));
    let lister = world
        .role("lister", json!([data_access(), {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lake"}]))
        .await;
    world.grant_columns("lister", &["id"]).await;
    let list = world
        .get(&lister, "/lake?list-type=2", &[])
        .await
        .expect(200);
    assert_eq!(list.all("Key").len(), 2);
    let got = world.get(&lister, FILE, &[]).await.expect(200);
    assert_eq!(
        list.all("ETag")[0].replace("&quot;", "\""),
        got.header("etag")
    );
    world
        .get(&lister, "/lake/tpc/item/part-0.parquet", &[])
        .await
        .expect(403);
}

#[tokio::test]
async fn revocation_is_felt_at_the_next_request() {
    let (world, role) = lake().await;
    let before = world.head(&role, FILE).await.expect(200);
    world.grant_columns("marketing", &["name"]).await;
    let after = world.head(&role, FILE).await.expect(200);
    assert_ne!(before.header("etag"), after.header("etag"));
    world
        .lake("RevokePermissions", json!({
            "Principal": {"DataLakePrincipalIdentifier": format!("arn:aws:iam::{ACCOUNT}:role/marketing")},
            "Resource": {"TableWithColumns": {"DatabaseName": "tpc", "Name": "customer", "ColumnNames": ["id", "region", "name"]}},
            "Permissions": ["SELECT"]}))
        .await;
    world.get(&role, FILE, &[]).await.expect(403);
}

#[tokio::test]
async fn no_grant_opens_what_the_bucket_forbids() {
    let (world, role) = lake().await;
    world.get(&role, FILE, &[]).await.expect(200);
    let forbid = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"],
        "Condition": {"StringNotEquals": {"aws:PrincipalType": "Account"}}}});
    let put = world.put(&world.root, "/lake?policy", forbid.to_string());
    put.await.expect(204);
    world.get(&role, FILE, &[]).await.expect(403);
    world.head(&role, FILE).await.expect(403);
    let list = "/lake?list-type=2&prefix=tpc/customer/";
    world.get(&role, list, &[]).await.expect(403);
    world.delete(&world.root, "/lake?policy").await.expect(204);
    world.get(&role, FILE, &[]).await.expect(200);
    world.get(&role, list, &[]).await.expect(200);
}

#[tokio::test]
async fn a_file_that_only_looks_like_parquet_is_refused() {
    let (world, role) = lake().await;
    let path = "/lake/tpc/customer/part-1.parquet";
    world
        .put(&world.root, path, "PAR1 SECRET SECRET SECRET PAR1")
        .await
        .expect(200);
    let answer = world.get(&role, path, &[]).await.expect(403);
    assert_eq!(answer.code(), "AccessDenied");
    assert!(!answer.text().contains("SECRET"));
    world.head(&role, path).await.expect(200);
}

#[tokio::test]
async fn readers_at_once_share_a_plan() {
    let (world, role) = lake().await;
    let reads = (0..16).map(|_| world.get(&role, FILE, &[]));
    let answers = futures::future::join_all(reads).await;
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
}

#[tokio::test]
async fn a_grant_opens_nothing_of_another_accounts_bucket() {
    let world = world().await;
    world.with_tables().await;
    let neighbour = world.neighbour().await;
    let columns = [json!({"Name": "id", "Type": "bigint"})];
    neighbour.with_customer_table(&columns).await;
    let thief = neighbour.role("thief", json!([data_access()])).await;
    neighbour.grant_columns("thief", &["id"]).await;
    for path in [
        "/lake/tpc/customer/part-0.parquet",
        "/lake?list-type=2&prefix=tpc/customer/",
    ] {
        let answer = neighbour.get(&thief, path, &[]).await.expect(403);
        assert_eq!(answer.code(), "AccessDenied", "{path}");
    }
}

#[tokio::test]
async fn what_was_served_is_counted_raw_and_filtered_apart() {
    let (world, role) = lake().await;
    let counts = || {
        let traffic = world.gate.traffic();
        (traffic.raw.get(), traffic.filtered.get())
    };
    let before = counts();
    let raw = world.get(&world.root, FILE, &[]).await.expect(200).body;
    let raw = raw.len() as u64;
    assert_eq!(counts(), (before.0 + raw, before.1));
    let part = [("range", "bytes=10-109")];
    world.get(&role, FILE, &part).await.expect(206);
    world.head(&role, FILE).await.expect(200);
    assert_eq!(counts(), (before.0 + raw, before.1 + 100));
    let stranger = world.role("stranger", json!([data_access()])).await;
    world.get(&stranger, FILE, &[]).await.expect(403);
    assert_eq!(counts(), (before.0 + raw, before.1 + 100));
}
