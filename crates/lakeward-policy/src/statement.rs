//! One compiled statement and how a request meets it.

use crate::action::ActionPattern;
use crate::arn::{ArnPattern, ArnText};
use crate::condition::Condition;
use crate::context::Context;
use crate::principal::{Naming, Principal, Principals};

/// What a statement does to the requests that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatementEffect {
    Allow,
    Deny,
}

/// A compiled statement.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub sid: Option<Box<str>>,
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
    /// Lower-cased.
    pub action: String,
    pub resource: ArnText<'a>,
    pub context: &'a Context,
    pub has_boundary: bool,
}

/// How far a request gets with a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Match<'s> {
    /// Another principal or action.
    Elsewhere,
    /// Principal and action fit, the resource does not.
    OtherResource,
    /// All but this condition fits.
    Unmet(&'s Condition),
    /// Everything fits; in a resource's policy with the way the caller is named.
    Full(Option<Naming>),
}

impl<T> Element<T> {
    fn holds(&self, fits: impl Fn(&T) -> bool) -> bool {
        self.patterns.iter().any(fits) != self.negated
    }
}

impl Statement {
    /// Compares the statement with a request, cheapest part first.
    pub fn meet<'s>(&'s self, subject: &Subject<'_>) -> Match<'s> {
        if !self
            .actions
            .holds(|pattern| pattern.matches(&subject.action))
        {
            return Match::Elsewhere;
        }
        let naming = match &self.principal {
            None => None,
            Some(element) => match element.naming(subject) {
                Some(naming) => Some(naming),
                None => return Match::Elsewhere,
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
            .find(|condition| !condition.holds(subject.context))
        {
            Some(condition) => Match::Unmet(condition),
            None => Match::Full(naming),
        }
    }

    /// Whether the statement speaks of this action (lower-cased), whatever else it asks for.
    pub fn covers(&self, action: &str) -> bool {
        self.actions.holds(|pattern| pattern.matches(action))
    }
}

impl PrincipalElement {
    fn naming(&self, subject: &Subject<'_>) -> Option<Naming> {
        match self {
            PrincipalElement::Names(principals) => principals.naming(subject.principal),
            PrincipalElement::AllBut(principals) => {
                let exempt = principals.exempts(subject.principal) && !subject.has_boundary;
                (!exempt).then_some(Naming::Caller)
            }
        }
    }
}
