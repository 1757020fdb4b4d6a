//! Sessions and statements as Livy's JSON shows them.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::ui;
use lakeward_session::{Batch, Output, Session, Statement, StatementState};

/// Lines of the log that a session object carries.
const LOG_LINES: usize = 10;

/// A session object. `log` and `appInfo` are always there: sparkmagic reads them unasked, and makes
/// links of the addresses, which lead to pages of the Livy at `base`.
pub(super) fn session(session: &Session, base: &str) -> Value {
    let summary = session.summary();
    let mut object = session.request.details.clone();
    let fields = json!({
        "id": summary.id,
        "name": summary.name,
        "appId": summary.application_id,
        "owner": summary.owner.username,
        "proxyUser": summary.owner.role_name(),
        "state": summary.state,
        "kind": session.request.kind,
        "appInfo": {
            "driverLogUrl": ui::session_log(base, session.id),
            "sparkUiUrl": ui::session_page(base, session.id),
        },
        "log": session.log_tail(LOG_LINES),
    });
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    Value::Object(object)
}

/// A batch object.
pub(super) fn batch(batch: &Batch, base: &str) -> Value {
    let total = batch.log(0, 0).1;
    let (log, _) = batch.log(total.saturating_sub(LOG_LINES), LOG_LINES);
    json!({
        "id": batch.id(),
        "name": batch.name(),
        "owner": batch.owner().username,
        "proxyUser": batch.owner().role_name(),
        "state": batch.state(),
        "appId": batch.application_id(),
        "appInfo": { "driverLogUrl": ui::batch_log(base, batch.id()), "sparkUiUrl": null },
        "log": log,
    })
}

/// A statement object.
#[derive(Serialize)]
pub(super) struct StatementObject {
    id: u64,
    code: Arc<str>,
    state: StatementState,
    output: Option<OutputObject>,
    progress: f64,
    started: i64,
    completed: i64,
}

impl From<Statement> for StatementObject {
    fn from(statement: Statement) -> Self {
        let output = statement.output.map(|output| OutputObject {
            execution_count: statement.id,
            output,
        });
        Self {
            id: statement.id,
            code: statement.code,
            state: statement.state,
            output,
            progress: statement.progress,
            started: statement.started,
            completed: statement.completed,
        }
    }
}

struct OutputObject {
    execution_count: u64,
    output: Arc<Output>,
}

#[derive(Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Shape<'a> {
    Ok {
        execution_count: u64,
        data: &'a RawValue,
    },
    Error {
        execution_count: u64,
        ename: &'a str,
        evalue: &'a str,
        traceback: &'a [String],
    },
}

impl Serialize for OutputObject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let execution_count = self.execution_count;
        let shape = match &*self.output {
            Output::Ok { data } => Shape::Ok {
                execution_count,
                data,
            },
            Output::Error {
                ename,
                evalue,
                traceback,
            } => Shape::Error {
                execution_count,
                ename,
                evalue,
                traceback,
            },
        };
        shape.serialize(serializer)
    }
}
