//! Policy variables: `${key}`, `${key, 'default'}` and the escapes `${*}`, `${?}`, `${$}`.
//!
//! Source: IAM User Guide, "IAM policy elements: Variables and tags".

use crate::context::Context;

/// Whether a document's version knows variables (2012-10-17 and later do).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Plain,
    Variables,
}

/// Why a `${…}` is not a variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VariableError {
    #[error("a policy variable is not closed by }}")]
    Unclosed,
    #[error("{0:?} is not a policy variable: expected a condition key such as aws:username")]
    Name(String),
    #[error("the default value of policy variable {0:?} must stand in single quotes")]
    Default(String),
}

/// A reference to a condition key of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    key: Box<str>,
    default: Option<Box<str>>,
}

impl Variable {
    /// The character that `${*}`, `${?}` and `${$}` stand for.
    pub fn escaped(inner: &str) -> Option<char> {
        match inner {
            "*" => Some('*'),
            "?" => Some('?'),
            "$" => Some('$'),
            _ => None,
        }
    }

    /// Parses what stands between `${` and `}`.
    pub fn parse(inner: &str) -> Result<Variable, VariableError> {
        let (key, default) = match inner.split_once(',') {
            Some((key, default)) => (key.trim(), Some(quoted(key, default.trim())?)),
            None => (inner.trim(), None),
        };
        let named = key
            .split_once(':')
            .is_some_and(|(vendor, name)| !vendor.is_empty() && !name.is_empty());
        if !named || key.contains(['$', '{', '*', '?']) {
            return Err(VariableError::Name(inner.to_owned()));
        }
        Ok(Variable {
            key: key.to_lowercase().into(),
            default,
        })
    }

    /// The value for this request; none when the key is absent or has several values.
    pub fn value<'a>(&'a self, context: &'a Context) -> Option<&'a str> {
        match context.folded(&self.key) {
            Some([value]) => Some(value),
            Some([_, _, ..]) => None,
            Some([]) | None => self.default.as_deref(),
        }
    }
}

fn quoted(key: &str, default: &str) -> Result<Box<str>, VariableError> {
    default
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
        .filter(|text| !text.contains('\''))
        .map(Into::into)
        .ok_or_else(|| VariableError::Default(key.to_owned()))
}

/// The condition keys that the variables of a text stand for, as written.
pub(crate) fn keys(text: &str) -> impl Iterator<Item = String> {
    let inside = text.split("${").skip(1);
    inside
        .filter_map(|rest| rest.split_once('}'))
        .filter(|(inner, _)| Variable::escaped(inner).is_none())
        .map(|(inner, _)| {
            let (key, _) = inner.split_once(',').unwrap_or((inner, ""));
            key.trim().to_owned()
        })
}
