//! The policy simulator: what would the engine say?
//!
//! It asks the engine that decides real requests, with everything that bears on the principal. So
//! it knows more than AWS's: roles' trust policies and the organization's policies take part, and
//! what follows from the principal (`aws:PrincipalArn`, its tags) and the moment needs no entry.

mod case;
mod policies;
mod position;
mod subject;
mod view;

use std::{collections::BTreeSet, sync::Arc};

use lakeward_policy::{Context, PolicyDocument, Usage};
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use self::{
    case::{GivenPolicy, Simulation},
    policies::Policies,
    subject::Subject,
    view::EvaluationResult,
};
use super::{
    paging::{self, End},
    target::Target,
};
use crate::{Call, Identity, Service};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("SimulatePrincipalPolicy", identity, simulate_principal)
        .operation("SimulateCustomPolicy", identity, simulate_custom)
        .operation(
            "GetContextKeysForPrincipalPolicy",
            identity,
            keys_of_principal,
        )
        .operation("GetContextKeysForCustomPolicy", identity, keys_of_custom)
}

/// The most questions of one call, of which each page answers some.
const MOST_CASES: usize = 100_000;

/// What both simulators are asked.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simulate {
    /// Only of a principal's simulation.
    #[serde(default)]
    policy_source_arn: String,
    #[serde(default)]
    policy_input_list: Vec<String>,
    #[serde(default)]
    permissions_boundary_policy_input_list: Vec<String>,
    /// Only of a custom simulation: the levels of an organization, root first.
    #[serde(default)]
    ordered_organization_policy_input_list: Vec<OrganizationLevel>,
    #[serde(default)]
    policy_exclusion_list: Vec<Exclusion>,
    #[serde(default)]
    action_names: Vec<String>,
    #[serde(default)]
    resource_arns: Vec<String>,
    resource_policy: Option<String>,
    resource_owner: Option<String>,
    caller_arn: Option<String>,
    #[serde(default)]
    context_entries: Vec<ContextEntry>,
    max_items: Option<u32>,
    marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OrganizationLevel {
    #[serde(default)]
    service_control_policy_input_list: Vec<String>,
}

#[derive(Deserialize)]
struct Exclusion {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEntry {
    context_key_name: String,
    #[serde(default)]
    context_key_values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    /// Only of a principal's keys.
    #[serde(default)]
    policy_source_arn: String,
    #[serde(default)]
    policy_input_list: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Results {
    evaluation_results: Vec<EvaluationResult>,
    #[serde(flatten)]
    end: End,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyList {
    context_key_names: BTreeSet<String>,
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "InvalidInput", message)
}

/// A policy of the input, by its place there.
fn parse(list: &str, at: usize, text: &str, usage: Usage) -> Result<PolicyDocument, AwsError> {
    PolicyDocument::parse(text, usage).map_err(|malformed| {
        invalid(format!(
            "{list}.{}: {} (line {}, column {})",
            at + 1,
            malformed.message,
            malformed.line,
            malformed.column
        ))
    })
}

async fn simulate_principal(
    _identity: Arc<Identity>,
    call: Call,
    input: Simulate,
) -> Result<Results, AwsError> {
    let source = &input.policy_source_arn;
    let _permit = subject::target(&call, source).authorize(&call, "iam:SimulatePrincipalPolicy")?;
    if !input.policy_exclusion_list.is_empty() {
        return Err(invalid(
            "PolicyExclusionList is not implemented by this server; leave it out.",
        ));
    }
    let source = subject::Source::find(&call, source)?;
    let subject = match &input.caller_arn {
        Some(arn) => Subject::named(call.snapshot(), arn)?,
        None => source.subject(),
    };
    let mut policies = Policies::of(call.snapshot(), &source)?;
    policies.add(&input.policy_input_list)?;
    policies.replace_boundary(&input.permissions_boundary_policy_input_list)?;
    aside(call, input, subject, policies).await
}

async fn simulate_custom(
    _identity: Arc<Identity>,
    call: Call,
    input: Simulate,
) -> Result<Results, AwsError> {
    let _permit = Target::new("*".to_owned()).authorize(&call, "iam:SimulateCustomPolicy")?;
    if input.policy_input_list.is_empty() {
        return Err(invalid("PolicyInputList must have at least one policy."));
    }
    let subject = match &input.caller_arn {
        Some(arn) => Subject::named(call.snapshot(), arn)?,
        None => Subject::anybody(call.account()),
    };
    let mut policies = Policies::default();
    policies.add(&input.policy_input_list)?;
    policies.replace_boundary(&input.permissions_boundary_policy_input_list)?;
    for level in &input.ordered_organization_policy_input_list {
        policies.add_level(&level.service_control_policy_input_list)?;
    }
    aside(call, input, subject, policies).await
}

/// Simulates on a thread that nobody else's requests wait for: a call may hold a thousand questions.
async fn aside(
    call: Call,
    input: Simulate,
    subject: Subject,
    policies: Policies,
) -> Result<Results, AwsError> {
    let run = move || run(&call, &input, subject, policies);
    tokio::task::spawn_blocking(run)
        .await
        .map_err(AwsError::internal)?
}

fn run(
    call: &Call,
    input: &Simulate,
    subject: Subject,
    policies: Policies,
) -> Result<Results, AwsError> {
    let everything = ["*".to_owned()];
    let resources = match &*input.resource_arns {
        [] => &everything[..],
        given => given,
    };
    check(&input.action_names, resources)?;
    let simulation = Simulation {
        call,
        subject,
        policies,
        entries: entries(&input.context_entries),
        resource_policy: input.resource_policy.as_deref().map(GivenPolicy::new),
        resource_owner: input
            .resource_owner
            .as_deref()
            .map(account_of)
            .transpose()?,
    };
    let cases = input
        .action_names
        .iter()
        .flat_map(|action| resources.iter().map(move |resource| (action, resource)))
        .enumerate();
    let list = format!("Simulate {} {}", call.account(), input.policy_source_arn);
    let marker = input.marker.as_deref();
    let page = paging::cut(&list, marker, input.max_items, cases, |(at, _)| {
        format!("{at:06}")
    })?;
    let evaluation_results = page
        .items
        .into_iter()
        .map(|(_, (action, resource))| simulation.evaluate(action, resource))
        .collect::<Result<_, _>>()?;
    Ok(Results {
        evaluation_results,
        end: page.end,
    })
}

fn check(actions: &[String], resources: &[String]) -> Result<(), AwsError> {
    if actions.is_empty() {
        return Err(invalid("ActionNames must have at least one action."));
    }
    if actions.len().saturating_mul(resources.len()) > MOST_CASES {
        return Err(invalid(format!(
            "At most {MOST_CASES} pairs of an action and a resource are simulated by one call."
        )));
    }
    let whole = |action: &String| {
        let named = action.split_once(':');
        named.is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
            && !action.contains(['*', '?'])
            && action.len() <= 128
    };
    match actions.iter().find(|action| !whole(action)) {
        Some(action) => Err(invalid(format!(
            "Invalid action {action}: give the name of one operation, such as s3:GetObject."
        ))),
        None => Ok(()),
    }
}

fn entries(entries: &[ContextEntry]) -> Context {
    let mut context = Context::new();
    for entry in entries {
        context.insert(&entry.context_key_name, entry.context_key_values.clone());
    }
    context
}

/// An account by its id, or by its root's ARN.
fn account_of(owner: &str) -> Result<String, AwsError> {
    let id = owner
        .strip_prefix("arn:aws:iam::")
        .map_or(owner, |rest| rest.split(':').next().unwrap_or_default());
    if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(id.to_owned());
    }
    Err(invalid(format!(
        "Invalid ResourceOwner {owner}: give an account id, or the ARN of an account's root."
    )))
}

async fn keys_of_principal(
    _identity: Arc<Identity>,
    call: Call,
    input: Keys,
) -> Result<KeyList, AwsError> {
    let source = &input.policy_source_arn;
    let action = "iam:GetContextKeysForPrincipalPolicy";
    let _permit = subject::target(&call, source).authorize(&call, action)?;
    let source = subject::Source::find(&call, source)?;
    let mut policies = Policies::of(call.snapshot(), &source)?;
    policies.add(&input.policy_input_list)?;
    Ok(KeyList {
        context_key_names: policies.context_keys(),
    })
}

async fn keys_of_custom(
    _identity: Arc<Identity>,
    call: Call,
    input: Keys,
) -> Result<KeyList, AwsError> {
    let action = "iam:GetContextKeysForCustomPolicy";
    let _permit = Target::new("*".to_owned()).authorize(&call, action)?;
    let mut context_key_names = BTreeSet::new();
    for (at, text) in input.policy_input_list.iter().enumerate() {
        // A resource's policy is taken here, too.
        let document = parse("PolicyInputList", at, text, Usage::Identity)
            .or_else(|error| PolicyDocument::parse(text, Usage::Resource).map_err(|_| error))?;
        context_key_names.extend(document.context_keys());
    }
    Ok(KeyList { context_key_names })
}
