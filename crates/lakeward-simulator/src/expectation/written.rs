//! The form of an expectation file.

use std::collections::BTreeMap;
use std::fmt;

use lakeward_policy::Context;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::Spanned;

/// A policy: a path to its file, its JSON text, the document itself, or one of them with a name.
pub(super) type WrittenPolicy = Spanned<Value>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenSuite {
    /// Of resources whose ARNs have no account.
    #[serde(default)]
    pub account_id: Option<String>,
    #[serde(default)]
    pub principals: BTreeMap<String, Spanned<WrittenPrincipal>>,
    #[serde(default)]
    pub resources: BTreeMap<String, Spanned<WrittenResource>>,
    #[serde(default)]
    pub context_variables: Variables,
    pub expect: Vec<Spanned<WrittenExpectation>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenPrincipal {
    /// None is an anonymous caller.
    #[serde(default)]
    pub principal: Option<String>,
    #[serde(default)]
    pub identity_policies: Vec<WrittenPolicy>,
    #[serde(default)]
    pub boundaries: Vec<WrittenPolicy>,
    #[serde(default)]
    pub session_policies: Vec<WrittenPolicy>,
    #[serde(default)]
    pub scps: Vec<Vec<WrittenPolicy>>,
    #[serde(default)]
    pub endpoint_policies: Vec<WrittenPolicy>,
    #[serde(default)]
    pub context_variables: Variables,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenResource {
    /// The ARNs that the policy is about; `*` and `?` as in policies.
    pub resource: Texts,
    #[serde(default)]
    pub account_id: Option<String>,
    #[serde(default)]
    pub resource_policy: Option<WrittenPolicy>,
    #[serde(default)]
    pub rcps: Vec<Vec<WrittenPolicy>>,
    #[serde(default)]
    pub context_variables: Variables,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenExpectation {
    #[serde(default)]
    pub name: Option<String>,
    pub who: Texts,
    #[serde(default)]
    pub may: Texts,
    #[serde(default)]
    pub may_not: Texts,
    #[serde(default)]
    pub on: Texts,
    #[serde(default)]
    pub denied: Option<Denied>,
    #[serde(default)]
    pub context_variables: Variables,
}

/// How something is expected to be denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Denied {
    Explicitly,
    Implicitly,
}

/// One text or a list of texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts(pub Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element()? {
            texts.push(text);
        }
        Ok(Texts(texts))
    }
}

/// Condition keys; `true` and numbers needn't be quoted.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(pub Context);

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut context = Context::new();
        for (key, value) in BTreeMap::<String, Value>::deserialize(deserializer)? {
            let values = match value {
                Value::Array(values) => values.iter().map(scalar).collect(),
                value => scalar(&value).map(|value| vec![value]),
            };
            let refuse = || de::Error::custom(format!("the values of {key} must be texts"));
            context.insert(&key, values.ok_or_else(refuse)?);
        }
        Ok(Variables(context))
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
