//! Why a call was denied, and what would allow it.
//!
//! The wire carries AWS's own text. The explanation is for those who may see it: sealed in a header
//! of the denial (`seal`), in the audit trail, and by `ExplainAccess` and `ListDenials`.

mod denials;
mod doors;
mod message;
mod outcome;
mod question;
mod service;
mod subject;

pub use doors::{Bearing, DoorAnswer, Doors, Foreign, ResourcePolicy, Verdict};
pub use service::service;

pub(crate) use message::{open_message, seal};

use lakeward_policy::{Context, Decision, Request};
use serde_json::{Map, Value, json};

use crate::{Call, audit::Judgement};

/// The header of a refusal that holds its sealed explanation, for STS's
/// `DecodeAuthorizationMessage`.
pub const HEADER: &str = "x-lakeward-authorization-message";

/// Condition keys as data: each with its values.
pub(crate) fn context(context: &Context) -> Value {
    let keys = context.iter();
    let members: Map<String, Value> = keys
        .map(|(key, values)| (key.to_owned(), Value::from(values.to_vec())))
        .collect();
    Value::Object(members)
}

/// The smallest changes that would have allowed what `call` was denied.
pub(crate) fn remedies(call: &Call, judgement: &Judgement, decision: &Decision) -> Value {
    if judgement.action.starts_with("s3:") && asked_the_lake(call) {
        return json!([{"door": "Lake Formation", "advice": GRANT}]);
    }
    let request = Request {
        principal: call.principal_ref(),
        unique_id: call.caller().unique_id(),
        action: &judgement.action,
        resource: &judgement.resource,
        context: &judgement.context,
    };
    Value::Array(outcome::remedies(decision, &request))
}

/// What to do about bytes at a registered location.
const GRANT: &str = "Grant SELECT on the object's table in Lake Formation, or on some of its columns or rows \
                     (lakeward why --principal … --action … --resource … names the grant); an S3 policy would show \
                     the file whole.";

/// Whether Lake Formation was asked too: it would have served a view.
fn asked_the_lake(call: &Call) -> bool {
    let judgements = call.judgements();
    judgements
        .iter()
        .any(|one| one.action == "lakeformation:GetDataAccess")
}
