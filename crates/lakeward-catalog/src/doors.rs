//! What Lake Formation says to a question that was asked and not tried.

use jiff::Timestamp;
use lakeward_grants::{Rows, TableView, VisibleColumns};
use lakeward_identity::explain::{DoorAnswer, Doors, Foreign, ResourcePolicy, Verdict};
use lakeward_policy::Arn;
use lakeward_store::Snapshot;

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
        let answer = said.map(|(verdict, reason)| DoorAnswer {
            door: LAKE_FORMATION.to_owned(),
            verdict,
            reasons: vec![reason.into()],
        });
        answer.into_iter().collect()
    }
}

type Said = Option<(Verdict, String)>;

/// Bytes at a registered location: a reader whom S3's policies don't let in is served its view.
fn object(access: &Access<'_>, bucket: &str, key: &str, action: &str) -> Said {
    let folders = folders_of_object(bucket, key);
    let folders = || folders.iter().map(String::as_str);
    if !access.lake().is_registered(folders()) {
        let reason = "the object is at no registered location: S3's policies alone decide";
        return Some((Verdict::Silent, reason.to_owned()));
    }
    let Some(place) = access.lake().table_at(folders()) else {
        let reason = "the object is in no table's folder: there is no view of it";
        return Some((Verdict::NothingAllows, reason.to_owned()));
    };
    let (database, table) = (&place.database, &place.table);
    if action.eq_ignore_ascii_case("s3:GetObject") {
        return Some(view(access, database, table));
    }
    let record = access.lake().table(database, table)?;
    access.sees_a_part(&record).then(|| {
        let reason = format!("who sees only a part of {database}.{table} doesn't write there");
        (Verdict::Denies, reason)
    })
}

fn view(access: &Access<'_>, database: &str, table: &str) -> (Verdict, String) {
    let seen = access
        .lake()
        .table(database, table)
        .map(|record| access.view(&record));
    match seen {
        Some(Ok(Some(view))) => (
            Verdict::Allows,
            format!(
                "a grant on {database}.{table}, {}; served where S3's policies don't allow and IAM allows lakeformation:GetDataAccess",
                extent(&view)
            ),
        ),
        Some(Err(error)) => (
            Verdict::Denies,
            format!("a data cells filter doesn't fit {database}.{table}: {error}"),
        ),
        _ => (
            Verdict::NothingAllows,
            format!("no grant of SELECT on {database}.{table}"),
        ),
    }
}

fn metadata(access: &Access<'_>, database: &str, table: &str) -> (Verdict, String) {
    if access.may_describe_table(database, table) {
        let reason = format!("a grant, or an administrator's right, on {database}.{table}");
        return (Verdict::Allows, reason);
    }
    let reason = format!("no grant on {database}.{table}");
    (Verdict::NothingAllows, reason)
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
