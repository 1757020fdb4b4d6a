//! Reading JSON values as the things that policies are made of.

use super::SYNTAX;
use crate::document::MalformedPolicy;
use crate::json::{Node, Value};

/// The members of an object, in their order.
pub(super) type Members<'a> = Vec<(String, Node<'a>)>;

pub(super) fn malformed(
    node: Node<'_>,
    message: impl Into<String>,
    detail: impl Into<String>,
) -> MalformedPolicy {
    let (line, column) = node.position();
    MalformedPolicy {
        message: message.into(),
        line,
        column,
        detail: detail.into(),
    }
}

pub(super) fn object<'a>(node: Node<'a>, what: &str) -> Result<Members<'a>, MalformedPolicy> {
    match node.value()? {
        Value::Object(members) => Ok(members),
        _ => Err(malformed(node, SYNTAX, format!("{what} must be an object"))),
    }
}

pub(super) fn string(node: Node<'_>, what: &str) -> Result<String, MalformedPolicy> {
    match node.value()? {
        Value::String(text) => Ok(text),
        _ => Err(malformed(node, SYNTAX, format!("{what} must be a string"))),
    }
}

/// A condition's value: numbers and booleans may stand bare.
pub(super) fn scalar(node: Node<'_>) -> Result<String, MalformedPolicy> {
    match node.value()? {
        Value::String(text) => Ok(text),
        Value::Scalar(text) => Ok(text.to_owned()),
        _ => Err(malformed(
            node,
            SYNTAX,
            "a condition value must be a string, number or boolean",
        )),
    }
}

/// A single value or a list of values.
pub(super) fn one_or_many<'a>(node: Node<'a>) -> Result<Vec<Node<'a>>, MalformedPolicy> {
    match node.value()? {
        Value::Array(items) => Ok(items),
        _ => Ok(vec![node]),
    }
}

pub(super) fn member<'a>(members: &Members<'a>, name: &str) -> Option<Node<'a>> {
    members
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, node)| *node)
}

pub(super) fn only_known(
    members: &Members<'_>,
    known: &[&str],
    what: &str,
) -> Result<(), MalformedPolicy> {
    let unknown = members
        .iter()
        .find(|(key, _)| !known.contains(&key.as_str()));
    match unknown {
        None => Ok(()),
        Some((key, node)) => Err(malformed(
            *node,
            SYNTAX,
            format!("unknown element {key:?} in {what}"),
        )),
    }
}

/// The element or its negation (true); having both is an error.
pub(super) fn either<'a>(
    node: Node<'a>,
    members: &Members<'a>,
    name: &str,
    negation: &str,
) -> Result<Option<(bool, Node<'a>)>, MalformedPolicy> {
    match (member(members, name), member(members, negation)) {
        (Some(_), Some(_)) => Err(malformed(
            node,
            SYNTAX,
            format!("{name} and {negation} exclude each other"),
        )),
        (Some(at), None) => Ok(Some((false, at))),
        (None, Some(at)) => Ok(Some((true, at))),
        (None, None) => Ok(None),
    }
}
