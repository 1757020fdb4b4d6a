//! `lakeward`: the service that explains.

use std::{collections::BTreeMap, sync::Arc};

use lakeward_policy::{Arn, Context};
use lakeward_wire::{AwsError, Protocol};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    denials,
    doors::Doors,
    question::{Explanation, Question},
    subject::Subject,
};
use crate::{Call, Identity, Service, audit::Filter};

const MOST_DENIALS: usize = 50;
const USUAL_DENIALS: usize = 10;
/// The most condition keys that a question brings along, and values of one.
const MOST_KEYS: usize = 100;

struct Explainer {
    identity: Arc<Identity>,
    others: Vec<Arc<dyn Doors>>,
}

/// The service table. `others` are the doors beside the policies that IAM keeps.
#[must_use]
pub fn service(identity: &Arc<Identity>, others: Vec<Arc<dyn Doors>>) -> Service {
    let explainer = Arc::new(Explainer {
        identity: Arc::clone(identity),
        others,
    });
    Service::new("lakeward", Protocol::AwsJson { target: "Lakeward" })
        .operation("ExplainAccess", &explainer, explain_access)
        .operation("ListDenials", &explainer, list_denials)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExplainAccess {
    principal: String,
    action: String,
    #[serde(default = "anything")]
    resource: String,
    #[serde(default)]
    context: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListDenials {
    principal: Option<String>,
    max_results: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Denials {
    denials: Vec<Value>,
    /// There may be older ones.
    truncated: bool,
}

fn anything() -> String {
    "*".to_owned()
}

async fn explain_access(
    explainer: Arc<Explainer>,
    call: Call,
    input: ExplainAccess,
) -> Result<Explanation, AwsError> {
    input.check()?;
    let subject = Subject::parse(&input.principal)?;
    let arn = subject.policy_arn(call.snapshot());
    let _permit = call.authorize("lakeward:ExplainAccess", &arn, Context::new())?;
    let caller = subject.caller(call.snapshot(), call.now()).ok_or_else(|| {
        AwsError::new(
            400,
            "ResourceNotFoundException",
            format!("There is no principal {}", input.principal),
        )
    })?;
    let others: Vec<&dyn Doors> = explainer.others.iter().map(|doors| &**doors).collect();
    let question = Question {
        caller: &caller,
        action: &input.action,
        resource: &input.resource,
        given: input.context,
    };
    question.explain(&call, &others)
}

impl ExplainAccess {
    fn check(&self) -> Result<(), AwsError> {
        let named = self
            .action
            .split_once(':')
            .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
        if !named || self.action.contains(['*', '?']) {
            return Err(AwsError::validation(format!(
                "Action `{}` is not one action, such as s3:GetObject",
                self.action
            )));
        }
        if self.resource != "*" && Arn::parse(&self.resource).is_err() {
            return Err(AwsError::validation(format!(
                "Resource `{}` is neither an ARN nor *",
                self.resource
            )));
        }
        let values = self
            .context
            .values()
            .map(Vec::len)
            .max()
            .unwrap_or_default();
        if self.context.len() > MOST_KEYS || values > MOST_KEYS {
            return Err(AwsError::validation(format!(
                "Context has more than {MOST_KEYS} keys, or a key has more values"
            )));
        }
        Ok(())
    }
}

async fn list_denials(
    explainer: Arc<Explainer>,
    call: Call,
    input: ListDenials,
) -> Result<Denials, AwsError> {
    let subject = input.principal.as_deref().map(Subject::parse).transpose()?;
    // Everyone's denials are for those who may see everyone's.
    let arn = match &subject {
        Some(subject) => subject.policy_arn(call.snapshot()),
        None => "*".to_owned(),
    };
    let _permit = call.authorize("lakeward:ListDenials", &arn, Context::new())?;
    let count = input.max_results.unwrap_or(USUAL_DENIALS);
    if !(1..=MOST_DENIALS).contains(&count) {
        return Err(AwsError::validation(format!(
            "MaxResults must be from 1 to {MOST_DENIALS}"
        )));
    }
    let filter = Filter {
        account: Some(call.account().to_owned()),
        principal: input.principal,
        ..Filter::default()
    };
    let folder = explainer.identity.audit().folder().to_owned();
    let read = tokio::task::spawn_blocking(move || denials::last(&folder, filter, count));
    let (denials, truncated) = read.await.map_err(AwsError::internal)??;
    Ok(Denials { denials, truncated })
}
