//! What Lake Formation says to a question that was asked and not tried.

use jiff::Timestamp;
use lakeward_grants::{Rows, TableView, VisibleColumns};
use lakeward_identity::explain::{Bearing, DoorAnswer, Doors, Foreign, ResourcePolicy, Verdict};
use lakeward_policy::Arn;
use lakeward_store::Snapshot;
use serde_json::{Value, json};

use crate::Catalog;
use crate::access::{Access, Caller};
use crate::location::folders_of_object;

const LAKE_FORMATION: &str = "Lake Formation";

impl Doors for Catalog {
    fn names(&self) -> Vec<&'static str> {
        vec![LAKE_FORMATION]
    }

    fn resource_policy(&self, _: &Snapshot, _: &str) -> Option<ResourcePolicy> {
        None
    }

    fn ask(&self, snapshot: &Snapshot, question: Foreign<'_>) -> Vec<DoorAnswer> {
        let Ok(arn) = Arn::parse(question.resource) else {
            return Vec::new();
        };
        let caller = Caller {
            principal: question.principal.to_owned(),
            account: question.account.to_owned(),
            is_root: question.principal.ends_with(":root"),
            now: lakeward_wire::epoch(Timestamp::now()),
        };
        let access = Access::new(snapshot, &caller);
        let said = match (&*arn.service, arn.resource.split_once('/')) {
            ("s3", Some((bucket, key))) => object(&access, bucket, key, question.action),
            ("glue", Some(("table", name))) => name
                .split_once('/')
                .map(|(database, table)| metadata(&access, database, table)),
            _ => None,
        };
        said.into_iter().collect()
    }
}

/// What the catalog's answers to one question have in common.
fn answer(verdict: Verdict, bearing: Bearing, reason: impl Into<String>) -> DoorAnswer {
    DoorAnswer {
        door: LAKE_FORMATION.to_owned(),
        verdict,
        reasons: vec![Value::String(reason.into())],
        bearing,
        remedy: None,
    }
}

/// Bytes at a registered location: a reader whom S3's policies don't let in is served its view.
fn object(access: &Access<'_>, bucket: &str, key: &str, action: &str) -> Option<DoorAnswer> {
    let folders = folders_of_object(bucket, key);
    let folders = || folders.iter().map(String::as_str);
    if !access.lake().is_registered(folders()) {
        let reason = "the object is at no registered location: S3's policies alone decide";
        return Some(answer(Verdict::Silent, Bearing::default(), reason));
    }
    let Some(place) = access.lake().table_at(folders()) else {
        let reason = "the object is in no table's folder: there is no view of it, and S3's policies alone decide";
        return Some(answer(Verdict::Silent, Bearing::default(), reason));
    };
    let (database, table) = (&place.database, &place.table);
    if action.eq_ignore_ascii_case("s3:GetObject") {
        return Some(view(access, database, table));
    }
    let record = access.lake().table(database, table)?;
    access.sees_a_part(&record).then(|| {
        let reason = format!("who sees only a part of {database}.{table} doesn't write there");
        answer(Verdict::Denies, Bearing::AsWell, reason)
    })
}

fn view(access: &Access<'_>, database: &str, table: &str) -> DoorAnswer {
    let bearing = Bearing::Instead("lakeformation:GetDataAccess");
    let seen = access
        .lake()
        .table(database, table)
        .map(|record| access.view(&record));
    match seen {
        Some(Ok(Some(view))) => {
            let extent = extent(&view);
            let reason = format!(
                "a grant on {database}.{table}, {extent}: served where S3's policies don't allow the whole"
            );
            answer(Verdict::Allows, bearing, reason)
        }
        Some(Err(error)) => {
            let reason = format!("a data cells filter doesn't fit {database}.{table}: {error}");
            answer(Verdict::Denies, bearing, reason)
        }
        _ => DoorAnswer {
            remedy: Some(grant(access, database, table, "SELECT")),
            ..answer(
                Verdict::NothingAllows,
                bearing,
                format!("no grant of SELECT on {database}.{table}"),
            )
        },
    }
}

fn metadata(access: &Access<'_>, database: &str, table: &str) -> DoorAnswer {
    if access.may_describe_table(database, table) {
        let reason = format!("a grant, or an administrator's right, on {database}.{table}");
        return answer(Verdict::Allows, Bearing::AsWell, reason);
    }
    DoorAnswer {
        remedy: Some(grant(access, database, table, "DESCRIBE")),
        ..answer(
            Verdict::NothingAllows,
            Bearing::AsWell,
            format!("no grant on {database}.{table}"),
        )
    }
}

/// The grant that would open the door, as `GrantPermissions` takes it.
fn grant(access: &Access<'_>, database: &str, table: &str, permission: &str) -> Value {
    let principal = &access.caller().principal;
    json!({
        "door": LAKE_FORMATION,
        "advice": format!(
            "Grant {permission} on {database}.{table} in Lake Formation (lakeformation grant-permissions), or on some of \
             its columns or rows; an S3 policy would show the files whole."
        ),
        "grant": {
            "Principal": {"DataLakePrincipalIdentifier": principal},
            "Resource": {"Table": {"DatabaseName": database, "Name": table}},
            "Permissions": [permission],
        },
    })
}

fn extent(view: &TableView) -> String {
    let columns = match &view.columns {
        VisibleColumns::All => "all columns".to_owned(),
        VisibleColumns::Only(names) => {
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            format!("columns {}", names.join(", "))
        }
    };
    let rows = match &view.rows {
        Rows::All => "all rows",
        Rows::Where(_) => "some rows",
    };
    format!("{columns}, {rows}")
}
