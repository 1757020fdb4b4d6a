//! From JSON values to compiled statements, element by element.

mod principals;
mod reading;
mod resources;

use std::collections::HashSet;

use crate::action::ActionPattern;
use crate::arn::ArnPattern;
use crate::condition::{Condition, Operator};
use crate::document::{MalformedPolicy, Usage};
use crate::json::Node;
use crate::statement::{Element, PrincipalElement, Statement, StatementEffect};
use crate::summary::{Written, WrittenCondition};
use crate::variables::Syntax;
use reading::{
    Members, either, malformed, member, object, one_or_many, only_known, scalar, string,
};

/// IAM's message for whatever has no message of its own.
pub(crate) const SYNTAX: &str = "Syntax errors in policy.";

const ELEMENTS: [&str; 9] = [
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

/// Compiles the statements of one document.
pub(crate) struct Parser {
    usage: Usage,
    syntax: Syntax,
    /// Whether the document was saved before: what is no longer taken is still judged.
    kept: bool,
}

impl Parser {
    pub fn new(usage: Usage) -> Parser {
        Parser {
            usage,
            syntax: Syntax::Plain,
            kept: false,
        }
    }

    /// For documents that were saved before.
    pub fn of_kept(usage: Usage) -> Parser {
        Parser {
            kept: true,
            ..Parser::new(usage)
        }
    }

    /// Reads the whole document.
    pub fn document(mut self, root: Node<'_>) -> Result<(Syntax, Vec<Statement>), MalformedPolicy> {
        let members = object(root, "a policy")?;
        only_known(&members, &["Version", "Id", "Statement"], "the policy")?;
        if let Some(id) = member(&members, "Id") {
            string(id, "Id")?;
        }
        self.syntax = self.version(root, member(&members, "Version"))?;
        let nodes = member(&members, "Statement").map(one_or_many);
        let nodes = nodes.transpose()?.unwrap_or_default();
        if nodes.is_empty() {
            let detail = "a policy needs at least one statement";
            return Err(malformed(root, "Missing required field Statement", detail));
        }
        let statements = self.statements(nodes)?;
        Ok((self.syntax, statements))
    }

    /// The languages' versions. IAM refuses identity policies below 2012-10-17; other documents
    /// default to 2008-10-17, which knows no variables.
    fn version(&self, root: Node<'_>, node: Option<Node<'_>>) -> Result<Syntax, MalformedPolicy> {
        let version = node.map(|node| string(node, "Version")).transpose()?;
        match (version.as_deref(), self.kept || self.usage.may_be_old()) {
            (Some("2012-10-17"), _) => Ok(Syntax::Variables),
            (Some("2008-10-17") | None, true) => Ok(Syntax::Plain),
            (version, may_be_old) => {
                let message = match may_be_old {
                    false => "Policy document must be version 2012-10-17 or greater.",
                    true => "The policy must contain a valid version string",
                };
                let detail = format!("found version {:?}", version.unwrap_or_default());
                Err(malformed(node.unwrap_or(root), message, detail))
            }
        }
    }

    fn statements(&self, nodes: Vec<Node<'_>>) -> Result<Vec<Statement>, MalformedPolicy> {
        let mut sids = HashSet::new();
        let mut statements = Vec::with_capacity(nodes.len());
        let (mut line, mut counted) = (1, 0);
        for node in nodes {
            line += node.lines_since(counted);
            counted = node.offset();
            let statement = self.statement(node, line)?;
            if let Some(sid) = &statement.sid
                && !sids.insert(sid.clone())
            {
                let message = "Statement IDs (SID) in a single policy must be unique.";
                let detail = format!("Sid {sid:?} occurs twice");
                return Err(malformed(node, message, detail));
            }
            statements.push(statement);
        }
        Ok(statements)
    }

    fn statement(&self, node: Node<'_>, line: usize) -> Result<Statement, MalformedPolicy> {
        let members = object(node, "a statement")?;
        only_known(&members, &ELEMENTS, "a statement")?;
        let effect = effect(node, &members)?;
        let mut written = Written::default();
        Ok(Statement {
            sid: self.sid(&members)?,
            line,
            effect,
            principal: self.principal(node, &members, effect, &mut written)?,
            actions: self.actions(node, &members, &mut written)?,
            resources: self.resources(node, &members, &mut written)?,
            conditions: self.conditions(&members, &mut written)?,
            written: Box::new(written),
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
        written: &mut Written,
    ) -> Result<Option<PrincipalElement>, MalformedPolicy> {
        let found = either(node, members, "Principal", "NotPrincipal")?;
        let (negated, at) = match (self.usage.has_principal(), found) {
            (false, None) => return Ok(None),
            (false, Some((_, at))) => {
                let message = "Policy document should not specify a principal.";
                let detail = "the one that the policy is attached to is its principal";
                return Err(malformed(at, message, detail));
            }
            (true, None) => {
                let message = "Missing required field Principal";
                return Err(malformed(node, message, "the statement names nobody"));
            }
            (true, Some(found)) => found,
        };
        if negated && self.usage == Usage::Trust && !self.kept {
            let detail = "a trust policy names in Principal who may assume the role";
            return Err(malformed(at, "Has prohibited field NotPrincipal", detail));
        }
        if negated && effect == StatementEffect::Allow && !self.may_allow_all_but() {
            let detail = "NotPrincipal can only be used with Deny";
            return Err(malformed(at, SYNTAX, detail));
        }
        let (principals, names) = principals::read(at)?;
        (written.not_principal, written.principals) = (negated, names);
        if self.usage == Usage::ResourceControl && (negated || !principals.is_everyone()) {
            let detail = "a resource control policy speaks to everyone: \"Principal\": \"*\"";
            return Err(malformed(at, SYNTAX, detail));
        }
        Ok(Some(match negated {
            true => PrincipalElement::AllBut(principals),
            false => PrincipalElement::Names(principals),
        }))
    }

    /// Whether `NotPrincipal` may stand with `Allow`: AWS takes no new ones, yet judges those of
    /// resources that it has.
    ///
    /// Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal".
    fn may_allow_all_but(&self) -> bool {
        self.kept && matches!(self.usage, Usage::Resource | Usage::Endpoint)
    }

    fn actions(
        &self,
        node: Node<'_>,
        members: &Members<'_>,
        written: &mut Written,
    ) -> Result<Element<ActionPattern>, MalformedPolicy> {
        let message = match self.usage.has_principal() {
            false => "Policy statement must contain actions.",
            true => "Missing required field Action",
        };
        let detail = "expected Action or NotAction with at least one action";
        let missing = |at| malformed(at, message, detail);
        let (negated, at) =
            either(node, members, "Action", "NotAction")?.ok_or_else(|| missing(node))?;
        let mut patterns = Vec::new();
        for item in one_or_many(at)? {
            let text = string(item, "an action")?;
            patterns.push(self.action(item, &text)?);
            written.actions.push(text);
        }
        written.not_action = negated;
        match patterns.is_empty() {
            true => Err(missing(at)),
            false => Ok(Element::new(negated, patterns)),
        }
    }

    fn action(&self, node: Node<'_>, text: &str) -> Result<ActionPattern, MalformedPolicy> {
        let detail = || format!("action {text:?}");
        if self.usage == Usage::Trust && !text.to_ascii_lowercase().starts_with("sts:") {
            let message = "AssumeRole policy may only specify STS AssumeRole actions.";
            return Err(malformed(node, message, detail()));
        }
        ActionPattern::parse(text).map_err(|error| malformed(node, error.to_string(), detail()))
    }

    fn resources(
        &self,
        node: Node<'_>,
        members: &Members<'_>,
        written: &mut Written,
    ) -> Result<Option<Element<ArnPattern>>, MalformedPolicy> {
        let found = either(node, members, "Resource", "NotResource")?;
        if self.usage == Usage::Trust {
            let Some((_, at)) = found else {
                return Ok(None);
            };
            let detail = "a trust policy's role is its resource";
            return Err(malformed(at, "Has prohibited field Resource", detail));
        }
        let message = match self.usage.has_principal() {
            false => "Policy statement must contain resources.",
            true => "Missing required field Resource",
        };
        let detail = "expected Resource or NotResource with at least one ARN";
        let missing = |at| malformed(at, message, detail);
        let (negated, at) = found.ok_or_else(|| missing(node))?;
        let mut patterns = Vec::new();
        for item in one_or_many(at)? {
            let text = string(item, "a resource")?;
            patterns.push(resources::read(item, &text, self.syntax, self.usage)?);
            written.resources.push(text);
        }
        written.not_resource = negated;
        match patterns.is_empty() {
            true => Err(missing(at)),
            false => Ok(Some(Element::new(negated, patterns))),
        }
    }

    fn conditions(
        &self,
        members: &Members<'_>,
        written: &mut Written,
    ) -> Result<Vec<Condition>, MalformedPolicy> {
        let Some(node) = member(members, "Condition") else {
            return Ok(Vec::new());
        };
        let mut conditions = Vec::new();
        for (operator, block) in object(node, "Condition")? {
            // An empty block still has to name an operator that exists.
            Operator::parse(&operator)
                .map_err(|error| malformed(block, SYNTAX, error.to_string()))?;
            for (key, at) in object(block, &format!("condition operator {operator}"))? {
                let values = one_or_many(at)?;
                let values: Vec<_> = values.into_iter().map(scalar).collect::<Result<_, _>>()?;
                let condition = Condition::parse(&operator, &key, &values, self.syntax);
                let condition =
                    condition.map_err(|error| malformed(at, SYNTAX, error.to_string()))?;
                conditions.push(condition);
                written.conditions.push(WrittenCondition {
                    operator: operator.clone(),
                    key,
                    values,
                });
            }
        }
        Ok(conditions)
    }
}

impl Usage {
    /// Whether documents of this kind may be of version 2008-10-17 or of none.
    fn may_be_old(self) -> bool {
        matches!(self, Usage::Resource | Usage::Trust | Usage::Endpoint)
    }

    fn has_principal(self) -> bool {
        !matches!(self, Usage::Identity | Usage::ServiceControl)
    }
}

fn effect(node: Node<'_>, members: &Members<'_>) -> Result<StatementEffect, MalformedPolicy> {
    let missing = || {
        malformed(
            node,
            "Missing required field Effect",
            "expected Allow or Deny",
        )
    };
    let at = member(members, "Effect").ok_or_else(missing)?;
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
