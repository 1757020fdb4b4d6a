//! Any engine, nothing to bypass: with plain temporary keys of a runtime role, every engine gets
//! what the role was granted, and the bytes that it gets hold nothing else.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use bytes::Bytes;
use http::Method;
use lakeward::{
    cli::Progress,
    demo::Demo,
    python::{self, Kit},
};
use lakeward_client::{Client, Credentials};
use serde_json::{Value, json};
use support::{
    World, also_trust, assume, iam, lake_formation,
    table::{Table, column_bytes, contains, footer_columns},
    user,
    wire::{Answer, Exchange},
};
use tokio::{process::Command, time::timeout};

const CUSTOMER: &str = "dl_tpc_customer";
const ADDRESS: &str = "dl_tpc_customer_address";
const ITEM: &str = "dl_tpc_item";
const WEB_SALES: &str = "dl_tpc_web_sales";
const TABLES: [&str; 8] = [
    CUSTOMER,
    ADDRESS,
    WEB_SALES,
    ITEM,
    "dl_tpc_web_page",
    "dl_tpc_promotion",
    "dl_tpc_household_demographics",
    "dl_tpc_income_band",
];
const ROLES: [(&str, &str); 3] = [
    ("marketing", CUSTOMER),
    ("sales", WEB_SALES),
    ("electronics", ITEM),
];
/// What marketing must not see of a customer.
const SENSITIVE: [&str; 9] = [
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
/// Shorter texts occur by chance.
const TELLING: usize = 6;
const ENGINE_TIME: Duration = Duration::from_secs(180);

/// The example, and someone who may take every runtime role's keys.
struct Lake {
    world: World,
    demo: Demo,
    admin: Client,
    tester: Client,
}

impl Lake {
    async fn open() -> Self {
        let (world, demo, admin) = World::demo().await;
        let stack = &demo.stack;
        let roles = ROLES.map(|(purpose, _)| stack.role_arn(&stack.runtime_role(purpose)));
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles},
        ]});
        let keys = user(&admin, "tester", Some(policy)).await;
        let machines = stack.role_arn(&stack.instance_role());
        for (purpose, _) in ROLES {
            let trusted = [&*machines, &stack.user_arn("tester")];
            also_trust(&admin, &stack.runtime_role(purpose), &trusted).await;
        }
        Self {
            tester: admin.with_credentials(keys),
            world,
            demo,
            admin,
        }
    }

    fn role(&self, purpose: &str) -> String {
        let stack = &self.demo.stack;
        stack.role_arn(&stack.runtime_role(purpose))
    }

    async fn keys(&self, purpose: &str) -> Credentials {
        assume(&self.tester, &self.role(purpose)).await
    }

    fn key(&self, table: &str) -> String {
        format!(
            "/{}/tpc/{table}/part-00000.parquet",
            self.demo.stack.bucket()
        )
    }

    async fn get(&self, keys: &Credentials, table: &str) -> Answer {
        self.ask(keys, Method::GET, &self.key(table)).await
    }

    async fn head(&self, keys: &Credentials, table: &str) -> Answer {
        self.ask(keys, Method::HEAD, &self.key(table)).await
    }

    async fn list(&self, keys: &Credentials, table: &str) -> Answer {
        let bucket = self.demo.stack.bucket();
        let path = format!("/{bucket}?list-type=2&prefix=tpc%2F{table}%2F");
        self.ask(keys, Method::GET, &path).await
    }

    async fn ask(&self, keys: &Credentials, method: Method, path: &str) -> Answer {
        let sender = &self.world.sender;
        sender.signed(&Exchange::s3(method, path), keys).await
    }

    /// The object as it was stored.
    async fn original(&self, table: &str) -> Bytes {
        let raw = self.get(self.admin.credentials(), table).await;
        assert_eq!(raw.status, 200, "{}", raw.text());
        raw.body
    }

    /// The object as a role gets it.
    async fn served(&self, purpose: &str, table: &str) -> Bytes {
        let keys = self.keys(purpose).await;
        let body = self.admin.with_credentials(keys);
        body.s3(Method::GET, &self.key(table), Bytes::new())
            .await
            .unwrap()
    }

    /// What marketing was granted, from the original.
    async fn granted_customers(&self) -> Table {
        let original = Table::of(&self.original(CUSTOMER).await);
        let shown = |name: &&String| !SENSITIVE.contains(&name.as_str());
        let shown: Vec<String> = original.columns.iter().filter(shown).cloned().collect();
        assert_eq!(shown.len() + SENSITIVE.len(), original.columns.len());
        original.select(&shown)
    }

    /// What electronics was granted, from the original.
    async fn granted_items(&self) -> Table {
        let original = Table::of(&self.original(ITEM).await);
        let granted = original.only("i_category", "Electronics");
        assert!(!granted.rows.is_empty() && granted.rows.len() < original.rows.len());
        granted
    }
}

/// What one engine got, or why not.
type Found = Result<Table, String>;

/// Runs a Python program of this repository; answers its output, or fails with what it said.
async fn python(kit: Kit, prepare: impl FnOnce(&mut Command)) -> String {
    let progress = Progress::new();
    let program = tokio::task::spawn_blocking(move || python::ensure(kit, &progress));
    let mut command = Command::new(program.await.unwrap().unwrap());
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env(
            "PYTHONPATH",
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../python"),
        )
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true);
    prepare(&mut command);
    let output = timeout(ENGINE_TIME, command.output())
        .await
        .expect("the engine did not end")
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Reads a table's objects with pyarrow, DuckDB and Polars.
async fn libraries(lake: &Lake, keys: &Credentials, table: &str) -> Vec<(String, Found)> {
    let folder = lake.world.room.path();
    let request = folder.join("request.json");
    let asked = json!({
        "endpoint": lake.world.instance.addresses.endpoint_url(), "ca_bundle": lake.world.instance.ca,
        "region": support::REGION, "access_key": keys.access_key_id(), "secret_key": keys.secret_access_key(),
        "session_token": keys.session_token(), "bucket": lake.demo.stack.bucket(),
        "prefix": format!("tpc/{table}/"), "rows": 1_000_000,
    });
    std::fs::write(&request, asked.to_string()).unwrap();
    let answers = python(Kit::Client, |command| {
        command
            .args(["-m", "lakeward_check.engines", "--request"])
            .arg(&request)
            .arg("--raw")
            .arg(folder)
            .env("HOME", folder);
    })
    .await;
    answers
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|answer| answer["engine"] != "raw")
        .map(|answer| {
            let engine = answer["engine"].as_str().unwrap().to_owned();
            (engine, found(&answer))
        })
        .collect()
}

/// Reads a table's objects, and the table by name, with a session's Sail.
async fn sail(lake: &Lake, keys: &Credentials, table: &str) -> Vec<(String, Found)> {
    let folder = lake.world.room.path();
    let (request, answer) = (folder.join("request.json"), folder.join("answer.json"));
    let path = format!("s3://{}/tpc/{table}/", lake.demo.stack.bucket());
    let asked = json!({"paths": [path], "tables": [format!("tpc.{table}")], "answer": answer});
    std::fs::write(&request, asked.to_string()).unwrap();
    let ca = &lake.world.instance.ca;
    python(Kit::Session, |command| {
        command
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/python/sail_read.py"
            ))
            .arg(&request)
            .env("HOME", folder)
            .env("AWS_REGION", support::REGION)
            .env("AWS_DEFAULT_REGION", support::REGION)
            .env(
                "AWS_ENDPOINT_URL",
                lake.world.instance.addresses.endpoint_url(),
            )
            .env("SSL_CERT_FILE", ca)
            .env("AWS_CA_BUNDLE", ca)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_MAX_ATTEMPTS", "3")
            .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
            .env(
                "AWS_SESSION_TOKEN",
                keys.session_token().unwrap_or_default(),
            );
    })
    .await;
    let answers: Value = serde_json::from_slice(&std::fs::read(&answer).unwrap()).unwrap();
    let answers = answers.as_object().unwrap().iter();
    answers
        .map(|(what, answer)| (format!("sail {what}"), found(answer)))
        .collect()
}

fn found(answer: &Value) -> Found {
    if let Some(error) = answer["error"].as_str() {
        return Err(error.to_owned());
    }
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let list =
        |value: &Value| -> Vec<String> { value.as_array().unwrap().iter().map(text).collect() };
    Ok(Table {
        columns: list(&answer["columns"]),
        rows: answer["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(list)
            .collect(),
    })
}

/// The same columns in the same order, and the same rows in any.
fn assert_same(who: &str, seen: &Table, granted: &Table) {
    assert_eq!(seen.columns, granted.columns, "{who}");
    assert_eq!(seen.rows.len(), granted.rows.len(), "{who}");
    let sorted = |table: &Table| {
        let mut rows = table.rows.clone();
        rows.sort();
        rows
    };
    for (seen, granted) in sorted(seen).iter().zip(&sorted(granted)) {
        assert_eq!(seen, granted, "{who}");
    }
}

fn assert_refused(who: &str, found: &Found) {
    let Err(error) = found else {
        panic!("{who} could read {ADDRESS}: {found:?}");
    };
    let error = error.to_lowercase();
    let denied = ["403", "denied", "forbidden", "not authorized"];
    assert!(
        denied.iter().any(|word| error.contains(word)),
        "{who}: {error}"
    );
}

#[tokio::test]
async fn pyarrow_duckdb_and_polars_read_what_was_granted() {
    let lake = Lake::open().await;
    let marketing = lake.keys("marketing").await;
    let customers = lake.granted_customers().await;
    let engines = libraries(&lake, &marketing, CUSTOMER).await;
    let names: Vec<&str> = engines.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["pyarrow", "duckdb", "polars"]);
    for (engine, found) in &engines {
        assert_same(engine, found.as_ref().unwrap(), &customers);
    }
    for (engine, found) in libraries(&lake, &marketing, ADDRESS).await {
        assert_refused(&engine, &found);
    }
    let electronics = lake.keys("electronics").await;
    let items = lake.granted_items().await;
    for (engine, found) in libraries(&lake, &electronics, ITEM).await {
        assert_same(&engine, found.as_ref().unwrap(), &items);
    }
}

#[tokio::test]
async fn the_sessions_sail_reads_what_was_granted() {
    let lake = Lake::open().await;
    let marketing = lake.keys("marketing").await;
    let customers = lake.granted_customers().await;
    for (how, found) in sail(&lake, &marketing, CUSTOMER).await {
        assert_same(&how, found.as_ref().unwrap(), &customers);
    }
    for (how, found) in sail(&lake, &marketing, ADDRESS).await {
        assert_refused(&how, &found);
    }
    let electronics = lake.keys("electronics").await;
    let items = lake.granted_items().await;
    for (how, found) in sail(&lake, &electronics, ITEM).await {
        assert_same(&how, found.as_ref().unwrap(), &items);
    }
}

#[tokio::test]
async fn the_bytes_hold_no_hidden_column() {
    let lake = Lake::open().await;
    let (original, served) = (
        lake.original(CUSTOMER).await,
        lake.served("marketing", CUSTOMER).await,
    );
    for column in SENSITIVE {
        assert!(contains(&original, column.as_bytes()), "{column}");
        assert!(!contains(&served, column.as_bytes()), "{column}");
    }
    let table = Table::of(&original);
    let hidden: BTreeSet<&str> = SENSITIVE
        .iter()
        .flat_map(|column| table.values(column))
        .filter(|value| value.len() >= TELLING)
        .collect();
    let leaked = occurring(&served, &hidden);
    assert!(leaked.is_empty(), "{leaked:?}");
    // The search finds them where they are, as far as compression left them in one piece.
    assert!(!occurring(&original, &hidden).is_empty());

    // Nor any piece of a hidden column as it is stored, but for what a shown one has as well
    // (numbers that count up look alike).
    let shown = lake.granted_customers().await;
    let names: Vec<&str> = shown.columns.iter().map(String::as_str).collect();
    let shown_pages = column_bytes(&original, &names);
    let common: HashSet<&[u8]> = shown_pages
        .iter()
        .flat_map(|page| page.windows(PIECE))
        .collect();
    let pages = column_bytes(&original, &SENSITIVE);
    let telling = pages.iter().flat_map(|page| telling_pieces(page));
    let telling: Vec<&[u8]> = telling.filter(|piece| !common.contains(piece)).collect();
    let count = telling.len();
    assert!(count > 1000, "{count} pieces are too few to tell");
    let pieces: HashSet<&[u8]> = served.windows(PIECE).collect();
    for piece in telling {
        assert!(!pieces.contains(piece), "a piece of a hidden column");
    }
    assert_same("the served file", &Table::of(&served), &shown);
}

#[tokio::test]
async fn the_bytes_hold_no_hidden_row() {
    let lake = Lake::open().await;
    let (original, served) = (
        lake.original(ITEM).await,
        lake.served("electronics", ITEM).await,
    );
    let (table, granted) = (Table::of(&original), lake.granted_items().await);
    let visible: String = granted
        .rows
        .iter()
        .flatten()
        .map(|value| format!("{value}\n"))
        .collect();
    let place = table.place("i_category");
    let hidden: BTreeSet<&str> = table
        .rows
        .iter()
        .filter(|row| row[place] != "Electronics")
        .flatten()
        .map(String::as_str)
        // The beginning is enough: the codec may cut a long text in two.
        .map(|value| value.get(..24).unwrap_or(value))
        .filter(|value| value.len() >= TELLING && !visible.contains(value))
        .collect();
    assert!(hidden.contains("Jewelry"), "the table has other categories");
    let leaked = occurring(&served, &hidden);
    assert!(leaked.is_empty(), "{leaked:?}");
    assert!(!occurring(&original, &hidden).is_empty());
    assert_same("the served file", &Table::of(&served), &granted);
}

const PIECE: usize = 16;

/// Pieces of stored bytes that don't look alike by chance: runs of zeros and small numbers do.
fn telling_pieces(page: &[u8]) -> Vec<&[u8]> {
    let telling = |piece: &&[u8]| piece.iter().collect::<HashSet<_>>().len() > PIECE / 2;
    page.chunks_exact(PIECE).filter(telling).collect()
}

/// Those of the values that occur in the bytes.
fn occurring<'v>(bytes: &[u8], values: &BTreeSet<&'v str>) -> Vec<&'v str> {
    // One pass for the first bytes of all values, then a look at the candidates only.
    let mut by_start: std::collections::HashMap<&[u8], Vec<&'v str>> = Default::default();
    for value in values {
        let start = &value.as_bytes()[..TELLING];
        by_start.entry(start).or_default().push(value);
    }
    let mut seen = BTreeSet::new();
    for (at, window) in bytes.windows(TELLING).enumerate() {
        for value in by_start.get(window).into_iter().flatten() {
            if bytes[at..].starts_with(value.as_bytes()) {
                seen.insert(*value);
            }
        }
    }
    seen.into_iter().collect()
}

#[tokio::test]
async fn what_is_not_granted_is_403_and_what_is_has_one_size_and_etag() {
    let lake = Lake::open().await;
    for (purpose, granted) in ROLES {
        let keys = lake.keys(purpose).await;
        for table in TABLES {
            let answers = [
                lake.get(&keys, table).await,
                lake.head(&keys, table).await,
                lake.list(&keys, table).await,
            ];
            let expected = if table == granted { 200 } else { 403 };
            let seen = answers.each_ref().map(|answer| answer.status);
            assert_eq!(seen, [expected; 3], "{purpose} at {table}");
            if table != granted {
                assert_eq!(answers[0].code(), "AccessDenied");
                continue;
            }
            let [got, head, listed] = &answers;
            assert_eq!(listed.all("Key").len(), 1);
            let sizes = [
                got.body.len().to_string(),
                head.header("content-length"),
                listed.one("Size"),
            ];
            assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
            let etag = listed.one("ETag").replace("&quot;", "\"");
            let etags = [got.header("etag"), head.header("etag"), etag];
            assert!(
                etags.iter().all(|etag| *etag == etags[0] && etag.len() > 2),
                "{etags:?}"
            );
            let raw = lake.head(lake.admin.credentials(), table).await;
            assert_ne!(raw.header("etag"), etags[0], "a view is not the original");
        }
    }
}

#[tokio::test]
async fn a_partial_view_writes_nothing_under_its_table() {
    let lake = Lake::open().await;
    let bucket = lake.demo.stack.bucket();
    let writer = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": format!("arn:aws:s3:::{bucket}/*"),
    }]})
    .to_string();
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", &*lake.demo.stack.runtime_role("marketing")),
        ("PolicyName", "writer"),
        ("PolicyDocument", &writer),
    ];
    iam(&lake.admin, &put).await;
    let keys = lake.keys("marketing").await;
    let elsewhere = format!("/{bucket}/scratch/notes.txt");
    assert_eq!(lake.ask(&keys, Method::PUT, &elsewhere).await.status, 200);
    let before = lake.head(lake.admin.credentials(), CUSTOMER).await;
    let prefix = format!("/{bucket}/tpc/{CUSTOMER}");
    for (method, path) in [
        (Method::PUT, lake.key(CUSTOMER)),
        (Method::PUT, format!("{prefix}/part-00001.parquet")),
        (Method::PUT, format!("{prefix}/deep/er")),
        (Method::DELETE, lake.key(CUSTOMER)),
        (Method::POST, format!("{prefix}/part-00001.parquet?uploads")),
    ] {
        let refused = lake.ask(&keys, method.clone(), &path).await;
        assert_eq!(
            (refused.status, refused.code()),
            (403, "AccessDenied".to_owned()),
            "{method} {path}"
        );
    }
    let after = lake.head(lake.admin.credentials(), CUSTOMER).await;
    assert_eq!(before.header("etag"), after.header("etag"));
}

/// The columns that Lake Formation's own answers give a role on a table.
async fn lake_formation_columns(
    lake: &Lake,
    purpose: &str,
    table: &str,
    all: &[String],
) -> Vec<String> {
    let held = json!({"Principal": {"DataLakePrincipalIdentifier": lake.role(purpose)}});
    let listed = lake_formation(&lake.admin, "ListPermissions", held).await;
    let filters = lake_formation(&lake.admin, "ListDataCellsFilter", json!({})).await;
    let filters = filters["DataCellsFilters"].as_array().unwrap();
    let mut shown = BTreeSet::new();
    for grant in listed["PrincipalResourcePermissions"].as_array().unwrap() {
        let resource = &grant["Resource"];
        let columns = &resource["TableWithColumns"];
        let cells = &resource["DataCellsFilter"];
        let filter = filters
            .iter()
            .find(|filter| filter["Name"] == cells["Name"]);
        let selection = match (columns["Name"] == table, cells["TableName"] == table) {
            (true, _) => columns,
            (_, true) => filter.unwrap(),
            _ => continue,
        };
        let names = |list: &Value| -> Vec<String> {
            let list = list.as_array().into_iter().flatten();
            list.map(|name| name.as_str().unwrap().to_owned()).collect()
        };
        let excluded = names(&selection["ColumnWildcard"]["ExcludedColumnNames"]);
        if selection["ColumnWildcard"].is_object() {
            shown.extend(all.iter().filter(|name| !excluded.contains(name)).cloned());
        }
        shown.extend(names(&selection["ColumnNames"]));
    }
    all.iter()
        .filter(|name| shown.contains(*name))
        .cloned()
        .collect()
}

#[tokio::test]
async fn glue_s3_and_lake_formation_agree() {
    let lake = Lake::open().await;
    for (purpose, _) in ROLES {
        let keys = lake.keys(purpose).await;
        let role = lake.admin.with_credentials(keys.clone());
        let listed = support::glue(&role, "GetTables", json!({"DatabaseName": "tpc"})).await;
        let listed = listed["TableList"].as_array().unwrap();
        for table in TABLES {
            let all = footer_columns(&lake.original(table).await);
            let input = json!({"DatabaseName": "tpc", "Name": table});
            let described = role.json("glue", "AWSGlue.GetTable", input).await.ok();
            let columns_of = |table: &Value| -> Vec<String> {
                let columns = table["StorageDescriptor"]["Columns"].as_array().unwrap();
                columns
                    .iter()
                    .map(|column| column["Name"].as_str().unwrap().to_owned())
                    .collect()
            };
            let glue = described.map_or_else(Vec::new, |found| columns_of(&found["Table"]));
            let in_list = listed.iter().find(|found| found["Name"] == table);
            let in_list = in_list.map_or_else(Vec::new, columns_of);
            let object = lake.get(&keys, table).await;
            let s3 = match object.status {
                200 => footer_columns(&object.body),
                _ => Vec::new(),
            };
            let lake_formation = lake_formation_columns(&lake, purpose, table, &all).await;
            assert_eq!(glue, s3, "{purpose} at {table}: GetTable and the object");
            assert_eq!(
                in_list, s3,
                "{purpose} at {table}: GetTables and the object"
            );
            assert_eq!(
                lake_formation, s3,
                "{purpose} at {table}: the grants and the object"
            );
        }
    }
}

#[tokio::test]
async fn a_change_of_grants_is_felt_at_the_next_request() {
    let lake = Lake::open().await;
    let keys = lake.keys("marketing").await;
    let grant = |columns: Value| {
        let mut table = json!({"DatabaseName": "tpc", "Name": CUSTOMER});
        for (name, value) in columns.as_object().unwrap() {
            table[name] = value.clone();
        }
        json!({
            "Principal": {"DataLakePrincipalIdentifier": lake.role("marketing")},
            "Resource": {"TableWithColumns": table},
            "Permissions": ["SELECT"],
        })
    };
    let whole = grant(json!({"ColumnWildcard": {"ExcludedColumnNames": SENSITIVE}}));
    let narrow = grant(json!({"ColumnNames": ["c_customer_sk", "c_customer_id"]}));
    let before = lake.get(&keys, CUSTOMER).await;
    assert_eq!(before.status, 200);

    lake_formation(&lake.admin, "RevokePermissions", whole.clone()).await;
    let refused = [
        lake.get(&keys, CUSTOMER).await,
        lake.head(&keys, CUSTOMER).await,
        lake.list(&keys, CUSTOMER).await,
    ];
    assert_eq!(refused.map(|answer| answer.status), [403; 3]);

    lake_formation(&lake.admin, "GrantPermissions", narrow.clone()).await;
    let less = lake.get(&keys, CUSTOMER).await;
    assert_eq!(
        footer_columns(&less.body),
        ["c_customer_sk", "c_customer_id"]
    );
    assert_ne!(less.header("etag"), before.header("etag"));

    lake_formation(&lake.admin, "RevokePermissions", narrow).await;
    lake_formation(&lake.admin, "GrantPermissions", whole).await;
    let again = lake.get(&keys, CUSTOMER).await;
    assert_eq!(again.header("etag"), before.header("etag"));
    assert!(again.body == before.body);
}
