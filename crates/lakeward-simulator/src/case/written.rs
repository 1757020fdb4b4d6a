//! The form in which cases are written: one JSON object a line.

use std::borrow::Cow;
use std::fmt;

use lakeward_policy::{Arn, Context, Principal, Usage};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::variables::{ContextVariables, Scalar};
use super::{
    Case, Documents, NamedPolicy, Policies, Unjudged, principal, resource_kind, with_path_from,
};
use crate::words::one_line;

type Written<'a> = Vec<&'a RawValue>;

/// The members of a case. A name that isn't known is an error where it may be a misspelt list of
/// policies that would go unread; the remarks that people add to cases are let through.
#[derive(Default)]
struct Members<'a> {
    id: Option<Value>,
    identity_policies: Option<Written<'a>>,
    resource_policy: Option<&'a RawValue>,
    boundaries: Option<Written<'a>>,
    session_policies: Option<Written<'a>>,
    scps: Option<Vec<Written<'a>>>,
    rcps: Option<Vec<Written<'a>>>,
    endpoint_policies: Option<Written<'a>>,
    request: Option<WrittenRequest<'a>>,
}

/// The names of the members.
const MEMBERS: &[&str] = &[
    "id",
    "identityPolicies",
    "resourcePolicy",
    "boundaries",
    "sessionPolicies",
    "scps",
    "rcps",
    "endpointPolicies",
    "request",
];

/// What people call their remarks. These may hold anything.
const REMARKS: [&str; 4] = ["name", "description", "comment", "expected"];

/// Parts of names that speak of policies or of the request.
const TELLING: [&str; 10] = [
    "polic",
    "boundar",
    "scp",
    "rcp",
    "control",
    "endpoint",
    "session",
    "statement",
    "request",
    "context",
];

/// A member's name.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a case, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut case = Members::default();
        let mut seen = [false; MEMBERS.len()];
        while let Some(Name(name)) = map.next_key()? {
            let place = MEMBERS.iter().position(|member| **member == *name);
            if let Some((member, seen)) = place.and_then(|at| MEMBERS.get(at).zip(seen.get_mut(at)))
                && std::mem::replace(seen, true)
            {
                return Err(de::Error::duplicate_field(member));
            }
            match &*name {
                "id" => case.id = map.next_value()?,
                "identityPolicies" => case.identity_policies = map.next_value()?,
                "resourcePolicy" => case.resource_policy = map.next_value()?,
                "boundaries" => case.boundaries = map.next_value()?,
                "sessionPolicies" => case.session_policies = map.next_value()?,
                "scps" => case.scps = map.next_value()?,
                "rcps" => case.rcps = map.next_value()?,
                "endpointPolicies" => case.endpoint_policies = map.next_value()?,
                "request" => case.request = Some(map.next_value()?),
                remark => {
                    let value: &RawValue = map.next_value()?;
                    if !is_remark(remark, value) {
                        return Err(de::Error::unknown_field(remark, MEMBERS));
                    }
                }
            }
        }
        Ok(case)
    }
}

/// Whether a member that isn't known can only be a remark: its name speaks of nothing that a case
/// has, and its value is plain or a list of plain values.
fn is_remark(name: &str, value: &RawValue) -> bool {
    if REMARKS.contains(&name) {
        return true;
    }
    let name = name.to_lowercase();
    if TELLING.iter().any(|part| name.contains(part)) {
        return false;
    }
    let plain = |value: &Value| match value {
        Value::String(text) => !text.trim_start().starts_with(['{', '[']),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    };
    match serde_json::from_str(value.get()) {
        Ok(Value::Array(items)) => items.iter().all(plain),
        Ok(value) => plain(&value),
        Err(_) => false,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenRequest<'a> {
    #[serde(deserialize_with = "caller")]
    principal: Option<String>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    resource: WrittenResource<'a>,
    #[serde(default)]
    context_variables: Option<ContextVariables>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenResource<'a> {
    #[serde(borrow)]
    resource: Cow<'a, str>,
    #[serde(default, deserialize_with = "account_id")]
    account_id: Option<String>,
}

/// An account's digits, quoted or not.
fn account_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value: Option<Scalar> = Option::deserialize(deserializer)?;
    Ok(value.map(|Scalar(text)| text))
}

/// A caller, or null for nobody. That it is read by a function of its own makes it required.
fn caller<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// A policy under a name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named<'a> {
    #[serde(default)]
    name: Option<String>,
    #[serde(borrow)]
    policy: &'a RawValue,
}

pub(super) fn read(line: &[u8], documents: &mut Documents) -> Result<Case, Unjudged> {
    let text = std::str::from_utf8(line).map_err(|error| {
        let why = format!(
            "the line is not UTF-8 text (byte {})",
            error.valid_up_to() + 1
        );
        Unjudged { id: None, why }
    })?;
    let written: Members<'_> = serde_json::from_str(text).map_err(|error| Unjudged {
        id: id_of(text),
        why: one_line(&error.to_string()),
    })?;
    let id = written.id.clone();
    compile(written, documents).map_err(|why| Unjudged {
        id,
        why: one_line(&why),
    })
}

/// The id of a line that is JSON but no case.
fn id_of(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    value.get("id").filter(|id| is_id(id)).cloned()
}

fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_number()
}

fn compile(written: Members<'_>, documents: &mut Documents) -> Result<Case, String> {
    let request = written.request.ok_or("missing field `request`")?;
    if let Some(id) = written.id.as_ref().filter(|id| !is_id(id)) {
        return Err(format!("id must be a string or a number, not {id}"));
    }
    check_action(&request.action)?;
    let ContextVariables(given) = request.context_variables.unwrap_or_default();
    let principal = match &request.principal {
        None => Principal::Anonymous,
        Some(text) => {
            principal(text, &request.action, &given).map_err(|error| error.to_string())?
        }
    };
    let account = account(&request.resource, &principal)?;
    let resource = request.resource.resource.into_owned();
    let usage = resource_kind(&request.action, &resource).usage();
    let mut reader = Reader { documents };
    let policies = Policies {
        identity: reader.list(
            "identityPolicies",
            written.identity_policies,
            Usage::Identity,
        )?,
        resource: written
            .resource_policy
            .map(|raw| reader.policy("resourcePolicy", raw, usage))
            .transpose()?,
        boundaries: reader.list("boundaries", written.boundaries, Usage::Identity)?,
        session: reader.list("sessionPolicies", written.session_policies, Usage::Identity)?,
        service_control: reader.levels("scps", written.scps, Usage::ServiceControl)?,
        resource_control: reader.levels("rcps", written.rcps, Usage::ResourceControl)?,
        endpoint: reader.list(
            "endpointPolicies",
            written.endpoint_policies,
            Usage::Endpoint,
        )?,
    };
    let principal = match given.get("aws:PrincipalArn") {
        Some(_) => principal,
        None => with_path_from(principal, policies.resource_document()),
    };
    Ok(Case {
        context: complete(given, &principal, &account),
        id: written.id,
        principal,
        action: request.action.into_owned(),
        resource,
        account,
        policies,
    })
}

/// Adds the keys that follow from the caller and the resource to those that were given, which win.
pub(crate) fn complete(given: Context, principal: &Principal, account: &str) -> Context {
    let mut context = principal.context().with("aws:ResourceAccount", account);
    context.extend(given);
    context
}

pub(crate) fn check_action(action: &str) -> Result<(), String> {
    let word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    match action.split_once(':') {
        Some((service, name)) if word(service) && word(name) => Ok(()),
        _ => Err(format!(
            "{action:?} is not an action; expected service:Name, such as s3:GetObject"
        )),
    }
}

/// The account that owns the resource: as given, else the one in its ARN, else for `*` and for what
/// belongs to AWS (`arn:aws:iam::aws:policy/…`) the caller's.
fn account(resource: &WrittenResource<'_>, principal: &Principal) -> Result<String, String> {
    let WrittenResource {
        resource: text,
        account_id,
    } = resource;
    let arn = match &**text {
        "*" => None,
        text => {
            Some(Arn::parse(text).map_err(|error| format!("request.resource.resource: {error}"))?)
        }
    };
    let account = match (account_id, &arn) {
        (Some(given), _) => given.clone(),
        (None, Some(arn)) if arn.account != "aws" => arn.account.clone(),
        (None, _) => principal.account().unwrap_or_default().to_owned(),
    };
    match account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(account),
        false => Err(format!(
            "request.resource.accountId {account:?} is not an account; expected the twelve digits of the account that owns the resource"
        )),
    }
}

struct Reader<'d> {
    documents: &'d mut Documents,
}

impl Reader<'_> {
    fn levels(
        &mut self,
        name: &str,
        levels: Option<Vec<Written<'_>>>,
        usage: Usage,
    ) -> Result<Vec<Vec<NamedPolicy>>, String> {
        let levels = levels.into_iter().flatten().enumerate();
        levels
            .map(|(at, level)| self.list(&format!("{name}[{at}]"), Some(level), usage))
            .collect()
    }

    fn list(
        &mut self,
        name: &str,
        policies: Option<Written<'_>>,
        usage: Usage,
    ) -> Result<Vec<NamedPolicy>, String> {
        let policies = policies.into_iter().flatten().enumerate();
        policies
            .map(|(at, raw)| self.policy(&format!("{name}[{at}]"), raw, usage))
            .collect()
    }

    /// A policy as an object, as a string that holds its JSON, or either under a name.
    fn policy(&mut self, place: &str, raw: &RawValue, usage: Usage) -> Result<NamedPolicy, String> {
        let named = raw
            .get()
            .contains("\"policy\"")
            .then(|| serde_json::from_str::<Named<'_>>(raw.get()).ok())
            .flatten();
        let (name, raw) = match named {
            Some(Named { name, policy }) => (name, policy),
            None => (None, raw),
        };
        let text: Cow<'_, str> = match raw.get().starts_with('"') {
            true => serde_json::from_str::<String>(raw.get())
                .map_err(|error| format!("{place}: {error}"))?
                .into(),
            false => raw.get().into(),
        };
        let document = self.documents.compile(&text, usage);
        let document = document.map_err(|error| format!("{place}: {error}"))?;
        let name = name.unwrap_or_else(|| place.to_owned());
        Ok(NamedPolicy { name, document })
    }
}
