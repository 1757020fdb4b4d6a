//! The form in which cases are written: one JSON object a line.

use std::borrow::Cow;
use std::fmt;

use lakeward_policy::{Arn, Context, Principal, Usage};
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{
    Case, Documents, NamedPolicy, Policies, ResourceKind, Unjudged, principal, resource_kind,
};
use crate::words::one_line;

type Written<'a> = Vec<&'a RawValue>;

/// A name that isn't known is an error, lest a misspelt list of policies go unread; the remarks
/// that people add to cases are let through.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenCase<'a> {
    #[serde(default)]
    id: Option<Value>,
    #[serde(borrow, default)]
    identity_policies: Option<Written<'a>>,
    #[serde(borrow, default)]
    resource_policy: Option<&'a RawValue>,
    #[serde(borrow, default)]
    boundaries: Option<Written<'a>>,
    #[serde(borrow, default)]
    session_policies: Option<Written<'a>>,
    #[serde(borrow, default)]
    scps: Option<Vec<Written<'a>>>,
    #[serde(borrow, default)]
    rcps: Option<Vec<Written<'a>>>,
    #[serde(borrow, default)]
    endpoint_policies: Option<Written<'a>>,
    #[serde(borrow)]
    request: WrittenRequest<'a>,
    #[serde(default, rename = "name")]
    _name: IgnoredAny,
    #[serde(default, rename = "description")]
    _description: IgnoredAny,
    #[serde(default, rename = "comment")]
    _comment: IgnoredAny,
    #[serde(default, rename = "expected")]
    _expected: IgnoredAny,
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
    context_variables: ContextVariables,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenResource<'a> {
    #[serde(borrow)]
    resource: Cow<'a, str>,
    #[serde(borrow, default)]
    account_id: Option<Cow<'a, str>>,
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

/// Condition keys, each with a text or a list of texts. A key that occurs twice is an error.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContextVariables(pub Context);

impl<'de> Deserialize<'de> for ContextVariables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ContextVisitor)
    }
}

struct ContextVisitor;

impl<'de> Visitor<'de> for ContextVisitor {
    type Value = ContextVariables;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of condition keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ContextVariables, A::Error> {
        let mut context = Context::new();
        while let Some(key) = map.next_key::<String>()? {
            let Values(values) = map.next_value()?;
            if context.get(&key).is_some() {
                let twice = format!("the condition key {key:?} occurs twice");
                return Err(de::Error::custom(twice));
            }
            context.insert(&key, values);
        }
        Ok(ContextVariables(context))
    }
}

/// A text or a list of texts.
pub(crate) struct Values(pub Vec<String>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValuesVisitor)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Values, E> {
        Ok(Values(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Values, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(Values(values))
    }
}

pub(super) fn read(line: &[u8], documents: &mut Documents) -> Result<Case, Unjudged> {
    let text = std::str::from_utf8(line).map_err(|error| {
        let why = format!(
            "the line is not UTF-8 text (byte {})",
            error.valid_up_to() + 1
        );
        Unjudged { id: None, why }
    })?;
    let written: WrittenCase<'_> = serde_json::from_str(text).map_err(|error| Unjudged {
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

fn compile(written: WrittenCase<'_>, documents: &mut Documents) -> Result<Case, String> {
    let request = written.request;
    if let Some(id) = written.id.as_ref().filter(|id| !is_id(id)) {
        return Err(format!("id must be a string or a number, not {id}"));
    }
    check_action(&request.action)?;
    let ContextVariables(given) = request.context_variables;
    let principal = match &request.principal {
        None => Principal::Anonymous,
        Some(text) => {
            principal(text, &request.action, &given).map_err(|error| error.to_string())?
        }
    };
    let account = account(&request.resource, &principal)?;
    let resource = request.resource.resource.into_owned();
    let usage = match resource_kind(&request.action, &resource) {
        ResourceKind::Role => Usage::Trust,
        ResourceKind::Key | ResourceKind::Other => Usage::Resource,
    };
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

/// The account that owns the resource: as given, else the one in its ARN, else for `*` the caller's.
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
        (Some(given), _) => (**given).to_owned(),
        (None, Some(arn)) => arn.account.clone(),
        (None, None) => principal.account().unwrap_or_default().to_owned(),
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
