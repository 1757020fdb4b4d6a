//! From JSON values to compiled statements, element by element.

use std::collections::HashSet;

use crate::action::ActionPattern;
use crate::arn::{ArnPattern, ArnPatternError};
use crate::condition::{Condition, Operator};
use crate::document::{MalformedPolicy, Usage};
use crate::json::{Node, Value};
use crate::principal::Principals;
use crate::statement::{Element, PrincipalElement, Statement, StatementEffect};
use crate::variables::Syntax;

/// IAM's message for whatever has no message of its own.
pub(crate) const SYNTAX: &str = "Syntax errors in policy.";

fn malformed(
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

type Members<'a> = Vec<(String, Node<'a>)>;

fn object<'a>(node: Node<'a>, what: &str) -> Result<Members<'a>, MalformedPolicy> {
    match node.value()? {
        Value::Object(members) => Ok(members),
        _ => Err(malformed(node, SYNTAX, format!("{what} must be an object"))),
    }
}

fn string(node: Node<'_>, what: &str) -> Result<String, MalformedPolicy> {
    match node.value()? {
        Value::String(text) => Ok(text),
        _ => Err(malformed(node, SYNTAX, format!("{what} must be a string"))),
    }
}

/// A single value or a list of values.
fn one_or_many<'a>(node: Node<'a>) -> Result<Vec<Node<'a>>, MalformedPolicy> {
    match node.value()? {
        Value::Array(items) => Ok(items),
        _ => Ok(vec![node]),
    }
}

fn member<'a>(members: &Members<'a>, name: &str) -> Option<Node<'a>> {
    members
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, node)| *node)
}

fn only_known(members: &Members<'_>, known: &[&str], what: &str) -> Result<(), MalformedPolicy> {
    match members
        .iter()
        .find(|(key, _)| !known.contains(&key.as_str()))
    {
        None => Ok(()),
        Some((key, node)) => Err(malformed(
            *node,
            SYNTAX,
            format!("unknown element {key:?} in {what}"),
        )),
    }
}

/// Compiles the statements of one document.
pub(crate) struct Parser {
    usage: Usage,
    syntax: Syntax,
}

impl Parser {
    pub fn new(usage: Usage) -> Parser {
        Parser {
            usage,
            syntax: Syntax::Plain,
        }
    }

    /// Reads the whole document.
    pub fn document(mut self, root: Node<'_>) -> Result<Vec<Statement>, MalformedPolicy> {
        let members = object(root, "a policy")?;
        only_known(&members, &["Version", "Id", "Statement"], "the policy")?;
        if let Some(id) = member(&members, "Id") {
            string(id, "Id")?;
        }
        self.syntax = self.version(root, member(&members, "Version"))?;
        let missing = || {
            malformed(
                root,
                "Missing required field Statement",
                "a policy needs at least one statement",
            )
        };
        let nodes = one_or_many(member(&members, "Statement").ok_or_else(missing)?)?;
        if nodes.is_empty() {
            return Err(missing());
        }
        let mut sids = HashSet::new();
        let mut statements = Vec::with_capacity(nodes.len());
        for node in nodes {
            let statement = self.statement(node)?;
            if let Some(sid) = &statement.sid
                && !sids.insert(sid.clone())
            {
                let message = "Statement IDs (SID) in a single policy must be unique.";
                return Err(malformed(
                    node,
                    message,
                    format!("Sid {sid:?} occurs twice"),
                ));
            }
            statements.push(statement);
        }
        Ok(statements)
    }

    /// Identity policies are refused below 2012-10-17, as IAM does; others default to 2008-10-17,
    /// which knows no variables.
    fn version(&self, root: Node<'_>, node: Option<Node<'_>>) -> Result<Syntax, MalformedPolicy> {
        let version = node.map(|node| string(node, "Version")).transpose()?;
        match (version.as_deref(), self.usage) {
            (Some("2012-10-17"), _) => Ok(Syntax::Variables),
            (Some("2008-10-17") | None, Usage::Resource | Usage::Trust) => Ok(Syntax::Plain),
            (version, usage) => {
                let message = match usage {
                    Usage::Identity => "Policy document must be version 2012-10-17 or greater.",
                    Usage::Resource | Usage::Trust => {
                        "The policy must contain a valid version string"
                    }
                };
                let detail = format!("found version {:?}", version.unwrap_or_default());
                Err(malformed(node.unwrap_or(root), message, detail))
            }
        }
    }

    fn statement(&self, node: Node<'_>) -> Result<Statement, MalformedPolicy> {
        const KNOWN: [&str; 9] = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let members = object(node, "a statement")?;
        only_known(&members, &KNOWN, "a statement")?;
        let effect = effect(node, &members)?;
        Ok(Statement {
            sid: self.sid(&members)?,
            effect,
            principal: self.principal(node, &members, effect)?,
            actions: self.actions(node, &members)?,
            resources: self.resources(node, &members)?,
            conditions: self.conditions(&members)?,
        })
    }

    fn sid(&self, members: &Members<'_>) -> Result<Option<Box<str>>, MalformedPolicy> {
        let Some(node) = member(members, "Sid") else {
            return Ok(None);
        };
        let sid = string(node, "Sid")?;
        if self.usage == Usage::Identity && !sid.chars().all(|c| c.is_ascii_alphanumeric()) {
            let message = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
                           expression [0-9A-Za-z]*";
            return Err(malformed(node, message, format!("Sid {sid:?}")));
        }
        Ok((!sid.is_empty()).then(|| sid.into()))
    }

    fn principal(
        &self,
        node: Node<'_>,
        members: &Members<'_>,
        effect: StatementEffect,
    ) -> Result<Option<PrincipalElement>, MalformedPolicy> {
        let found = either(node, members, "Principal", "NotPrincipal")?;
        match (self.usage, found) {
            (Usage::Identity, None) => Ok(None),
            (Usage::Identity, Some((_, at))) => {
                let detail = "the one that an identity policy is attached to is its principal";
                Err(malformed(
                    at,
                    "Policy document should not specify a principal.",
                    detail,
                ))
            }
            (_, None) => Err(malformed(
                node,
                "Missing required field Principal",
                "the statement names nobody",
            )),
            (_, Some((true, at))) if effect == StatementEffect::Allow => Err(malformed(
                at,
                SYNTAX,
                "NotPrincipal can only be used with Deny",
            )),
            (_, Some((true, at))) => Ok(Some(PrincipalElement::AllBut(principals(at)?))),
            (_, Some((false, at))) => Ok(Some(PrincipalElement::Names(principals(at)?))),
        }
    }

    fn actions(
        &self,
        node: Node<'_>,
        members: &Members<'_>,
    ) -> Result<Element<ActionPattern>, MalformedPolicy> {
        let message = match self.usage {
            Usage::Identity => "Policy statement must contain actions.",
            Usage::Resource | Usage::Trust => "Missing required field Action",
        };
        let missing = |at| {
            malformed(
                at,
                message,
                "expected Action or NotAction with at least one action",
            )
        };
        let (negated, at) =
            either(node, members, "Action", "NotAction")?.ok_or_else(|| missing(node))?;
        let mut patterns = Vec::new();
        for item in one_or_many(at)? {
            let text = string(item, "an action")?;
            if self.usage == Usage::Trust && !text.to_ascii_lowercase().starts_with("sts:") {
                let message = "AssumeRole policy may only specify STS AssumeRole actions.";
                return Err(malformed(item, message, format!("action {text:?}")));
            }
            let pattern = ActionPattern::parse(&text);
            patterns.push(
                pattern.map_err(|error| {
                    malformed(item, error.to_string(), format!("action {text:?}"))
                })?,
            );
        }
        match patterns.is_empty() {
            true => Err(missing(at)),
            false => Ok(Element {
                negated,
                patterns: patterns.into(),
            }),
        }
    }

    fn resources(
        &self,
        node: Node<'_>,
        members: &Members<'_>,
    ) -> Result<Option<Element<ArnPattern>>, MalformedPolicy> {
        let found = either(node, members, "Resource", "NotResource")?;
        if self.usage == Usage::Trust {
            return match found {
                None => Ok(None),
                Some((_, at)) => Err(malformed(
                    at,
                    "Has prohibited field Resource",
                    "a trust policy's role is its resource",
                )),
            };
        }
        let message = match self.usage {
            Usage::Identity => "Policy statement must contain resources.",
            Usage::Resource | Usage::Trust => "Missing required field Resource",
        };
        let missing = |at| {
            malformed(
                at,
                message,
                "expected Resource or NotResource with at least one ARN",
            )
        };
        let (negated, at) = found.ok_or_else(|| missing(node))?;
        let items = one_or_many(at)?;
        if items.is_empty() {
            return Err(missing(at));
        }
        let patterns = items
            .into_iter()
            .map(|item| self.resource(item))
            .collect::<Result<_, _>>()?;
        Ok(Some(Element { negated, patterns }))
    }

    fn resource(&self, node: Node<'_>) -> Result<ArnPattern, MalformedPolicy> {
        let text = string(node, "a resource")?;
        match ArnPattern::parse(&text, self.syntax) {
            Ok(ArnPattern::Whole(_)) | Err(ArnPatternError::Shape) => {
                let message = format!("Resource {text} must be in ARN format or \"*\".");
                Err(malformed(
                    node,
                    message,
                    "expected arn:partition:service:region:account:resource",
                ))
            }
            Ok(pattern) => Ok(pattern),
            Err(ArnPatternError::Template(error)) => {
                Err(malformed(node, SYNTAX, error.to_string()))
            }
        }
    }

    fn conditions(&self, members: &Members<'_>) -> Result<Vec<Condition>, MalformedPolicy> {
        let Some(node) = member(members, "Condition") else {
            return Ok(Vec::new());
        };
        let mut conditions = Vec::new();
        for (operator, block) in object(node, "Condition")? {
            for (key, at) in object(block, &format!("condition operator {operator}"))? {
                let values = one_or_many(at)?
                    .into_iter()
                    .map(scalar)
                    .collect::<Result<Vec<_>, _>>()?;
                let condition = Condition::parse(&operator, &key, &values, self.syntax);
                conditions
                    .push(condition.map_err(|error| malformed(at, SYNTAX, error.to_string()))?);
            }
            // An empty block still has to name an operator that exists.
            Operator::parse(&operator)
                .map_err(|error| malformed(block, SYNTAX, error.to_string()))?;
        }
        Ok(conditions)
    }
}

fn effect(node: Node<'_>, members: &Members<'_>) -> Result<StatementEffect, MalformedPolicy> {
    let at = member(members, "Effect").ok_or_else(|| {
        malformed(
            node,
            "Missing required field Effect",
            "expected Allow or Deny",
        )
    })?;
    match string(at, "Effect")?.as_str() {
        "Allow" => Ok(StatementEffect::Allow),
        "Deny" => Ok(StatementEffect::Deny),
        other => Err(malformed(
            at,
            SYNTAX,
            format!("Effect must be Allow or Deny, not {other:?}"),
        )),
    }
}

/// The element or its negation (true); having both is an error.
fn either<'a>(
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

fn scalar(node: Node<'_>) -> Result<String, MalformedPolicy> {
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

fn principals(node: Node<'_>) -> Result<Principals, MalformedPolicy> {
    let invalid = |at, what: String| {
        malformed(
            at,
            format!("Invalid principal in policy{what}"),
            "nobody has that name",
        )
    };
    let members = match node.value()? {
        Value::String(text) if text == "*" => return Ok(Principals::everyone()),
        Value::String(text) => return Err(invalid(node, format!(": \"{text}\""))),
        _ => object(node, "Principal")?,
    };
    let mut principals = Principals::default();
    for (kind, at) in members {
        for item in one_or_many(at)? {
            let value = string(item, "a principal")?;
            if !principals.add(&kind, &value) {
                return Err(invalid(item, format!(": \"{kind}\":\"{value}\"")));
            }
        }
    }
    match principals.is_empty() {
        true => Err(invalid(node, String::new())),
        false => Ok(principals),
    }
}
