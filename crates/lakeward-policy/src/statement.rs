//! One compiled statement and how a request meets it.

use crate::action::ActionPattern;
use crate::arn::{ArnPattern, ArnText};
use crate::condition::Condition;
use crate::context::Context;
use crate::principal::{Naming, Principal, Principals};
use crate::summary::Written;
use serde::Serialize;

/// What a statement does to the requests that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum StatementEffect {
    /// `"Effect": "Allow"`.
    Allow,
    /// `"Effect": "Deny"`.
    Deny,
}

/// A compiled statement.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub sid: Option<Box<str>>,
    /// The line on which the statement begins, counted from 1.
    pub line: usize,
    pub written: Box<Written>,
    pub effect: StatementEffect,
    /// Absent in identity policies.
    pub principal: Option<PrincipalElement>,
    pub actions: Element<ActionPattern>,
    /// Absent in trust policies, whose resource is the role itself.
    pub resources: Option<Element<ArnPattern>>,
    pub conditions: Vec<Condition>,
}

/// `X` or `NotX` with its patterns.
#[derive(Clone, Debug)]
pub(crate) struct Element<T> {
    pub negated: bool,
    pub patterns: Box<[T]>,
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug)]
pub(crate) enum PrincipalElement {
    Names(Principals),
    AllBut(Principals),
}

/// A request prepared for many statements.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub principal: &'a Principal,
    pub unique_id: Option<&'a str>,
    /// Lower-cased.
    pub action: &'a str,
    pub resource: ArnText<'a>,
    pub context: &'a Context,
    pub has_boundary: bool,
}

/// An action, lower-cased; on the stack where it fits.
pub(crate) struct FoldedAction {
    short: [u8; SHORT],
    length: usize,
    long: String,
}

/// Longer than the longest action that AWS has.
const SHORT: usize = 96;

impl FoldedAction {
    pub fn new(action: &str) -> FoldedAction {
        let mut short = [0; SHORT];
        let (length, long) = match short.get_mut(..action.len()) {
            Some(place) => {
                place.copy_from_slice(action.as_bytes());
                place.make_ascii_lowercase();
                (action.len(), String::new())
            }
            None => (0, action.to_ascii_lowercase()),
        };
        FoldedAction {
            short,
            length,
            long,
        }
    }

    pub fn as_str(&self) -> &str {
        let short = self.short.get(..self.length).unwrap_or_default();
        match std::str::from_utf8(short) {
            Ok(text) if !text.is_empty() => text,
            _ => &self.long,
        }
    }
}

/// How far a request gets with a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Match {
    /// Another action.
    Elsewhere,
    /// The action fits, the principal does not.
    OtherPrincipal,
    /// Principal and action fit, the resource does not.
    OtherResource,
    /// All but the condition with this index fits.
    Unmet(usize),
    /// Everything fits; in a resource's policy with the way the caller is named.
    Full(Option<Naming>),
}

impl<T> Element<T> {
    pub fn new(negated: bool, patterns: Vec<T>) -> Element<T> {
        let patterns = patterns.into_boxed_slice();
        Element { negated, patterns }
    }

    fn holds(&self, fits: impl Fn(&T) -> bool) -> bool {
        self.patterns.iter().any(fits) != self.negated
    }
}

impl Statement {
    /// Compares the statement with a request, cheapest part first.
    pub fn meet(&self, subject: &Subject<'_>) -> Match {
        if !self
            .actions
            .holds(|pattern| pattern.matches(subject.action))
        {
            return Match::Elsewhere;
        }
        let naming = match &self.principal {
            None => None,
            Some(element) => match element.naming(self.effect, subject) {
                Some(naming) => Some(naming),
                None => return Match::OtherPrincipal,
            },
        };
        let resource = |pattern: &ArnPattern| pattern.matches(&subject.resource, subject.context);
        if self
            .resources
            .as_ref()
            .is_some_and(|element| !element.holds(resource))
        {
            return Match::OtherResource;
        }
        match self
            .conditions
            .iter()
            .position(|condition| !condition.holds(subject.context))
        {
            Some(condition) => Match::Unmet(condition),
            None => Match::Full(naming),
        }
    }
}

impl PrincipalElement {
    /// `NotPrincipal` errs on the side of refusal: a deny spares those only whose every identity
    /// is listed, an allow reaches those only of whom none is.
    fn naming(&self, effect: StatementEffect, subject: &Subject<'_>) -> Option<Naming> {
        let (principal, id) = (subject.principal, subject.unique_id);
        match (self, effect) {
            (PrincipalElement::Names(principals), _) => principals.naming(principal, id),
            (PrincipalElement::AllBut(principals), StatementEffect::Deny) => {
                let exempt = principals.exempts(principal, id) && !subject.has_boundary;
                (!exempt).then_some(Naming::Caller)
            }
            (PrincipalElement::AllBut(principals), StatementEffect::Allow) => {
                let listed = principals.naming(principal, id).is_some();
                (!listed).then_some(Naming::Caller)
            }
        }
    }
}
