//! One gate: the policies behind one door, judged together.

use crate::decision::{Door, Outcome, Reason};
use crate::document::PolicyDocument;
use crate::layers::Attached;
use crate::principal::Naming;
use crate::statement::{Match, Statement, StatementEffect, Subject};

/// The most denies, and the most near misses, that an explanation lists for one gate.
const MAX_LISTED: usize = 8;

/// Documents that are read as a union: any allow opens the gate, any deny closes everything.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Policies<'a> {
    Attached(&'a [Attached<'a>]),
    /// A resource's own policy.
    Own(&'a PolicyDocument),
    /// The root user's standing in its own account.
    Unlimited,
}

/// A gate and what the request met there.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    pub door: Door,
    /// The level of the organization, where there are several gates of a kind.
    level: Option<usize>,
    policies: Policies<'a>,
    denies: bool,
    allow: Option<Found<'a>>,
    /// How a resource's policy names the caller in its strongest allow.
    pub naming: Option<Naming>,
}

#[derive(Clone, Copy, Debug)]
struct Found<'a> {
    policy: Option<&'a str>,
    index: usize,
    statement: &'a Statement,
}

impl<'a> Policies<'a> {
    fn statements(self) -> impl Iterator<Item = Found<'a>> {
        let (attached, own) = match self {
            Policies::Attached(attached) => (attached, None),
            Policies::Own(document) => (&[][..], Some(document)),
            Policies::Unlimited => (&[][..], None),
        };
        let named = attached
            .iter()
            .map(|attached| (Some(attached.name), attached.document));
        named
            .chain(own.map(|document| (None, document)))
            .flat_map(|(policy, document)| {
                let statements = document.statements().iter().enumerate();
                statements.map(move |(index, statement)| Found {
                    policy,
                    index,
                    statement,
                })
            })
    }
}

impl<'a> Gate<'a> {
    /// Judges the request.
    pub fn judge(door: Door, policies: Policies<'a>, subject: &Subject<'_>) -> Gate<'a> {
        let mut gate = Gate {
            door,
            level: None,
            policies,
            denies: false,
            allow: None,
            naming: None,
        };
        for found in policies.statements() {
            if gate.is_settled(found.statement.effect) {
                continue;
            }
            let Match::Full(naming) = found.statement.meet(subject) else {
                continue;
            };
            match found.statement.effect {
                StatementEffect::Deny => gate.denies = true,
                StatementEffect::Allow if gate.allow.is_none() || naming > gate.naming => {
                    gate.allow = Some(found);
                    gate.naming = naming;
                }
                StatementEffect::Allow => {}
            }
        }
        gate
    }

    /// Whether another statement of this effect can't change the answer. An open gate may still
    /// find a stronger naming.
    fn is_settled(&self, effect: StatementEffect) -> bool {
        match effect {
            StatementEffect::Deny => self.denies,
            StatementEffect::Allow => {
                self.allow.is_some() && matches!(self.naming, None | Some(Naming::Caller))
            }
        }
    }

    pub fn at_level(mut self, level: usize) -> Gate<'a> {
        self.level = Some(level);
        self
    }

    /// Whether some statement denies the request.
    pub fn denies(&self) -> bool {
        self.denies
    }

    /// Whether the gate allows the request, denies aside.
    pub fn is_open(&self) -> bool {
        match self.door {
            // An endpoint's policy that names an account means its root user alone (VPC User
            // Guide, "Endpoint policies for gateway endpoints").
            Door::EndpointPolicy => self.naming > Some(Naming::Account),
            _ => self.allow.is_some() || matches!(self.policies, Policies::Unlimited),
        }
    }

    /// The statements that deny, as reasons.
    pub fn denials(&self, subject: &Subject<'_>) -> impl Iterator<Item = Reason> {
        let denying = self.policies.statements().filter(|found| {
            found.statement.effect == StatementEffect::Deny
                && matches!(found.statement.meet(subject), Match::Full(_))
        });
        denying
            .take(MAX_LISTED)
            .map(|found| self.reason(found, Outcome::Denies))
    }

    /// Why the gate is open.
    pub fn opening(&self) -> Reason {
        match self.allow {
            Some(found) => self.reason(found, Outcome::Allows),
            None => bare(self.door, Outcome::AccountRoot),
        }
    }

    /// Why the gate stays shut: that nothing allows, then the statements that nearly do.
    pub fn lack(&self, subject: &Subject<'_>) -> Vec<Reason> {
        let mut reasons = vec![Reason {
            level: self.level,
            ..bare(self.door, Outcome::NothingAllows)
        }];
        let allows = self
            .policies
            .statements()
            .filter(|found| found.statement.effect == StatementEffect::Allow);
        for found in allows {
            match found.statement.meet(subject) {
                Match::Unmet(first) => self.unmet(found, first, subject, &mut reasons),
                Match::OtherResource => reasons.push(self.reason(found, Outcome::OtherResource)),
                Match::OtherPrincipal => reasons.push(self.reason(found, Outcome::OtherPrincipal)),
                Match::Elsewhere | Match::Full(_) => {}
            }
            if reasons.len() > MAX_LISTED {
                break;
            }
        }
        reasons
    }

    /// One reason for every condition of a statement that is not met.
    fn unmet(
        &self,
        found: Found<'_>,
        first: usize,
        subject: &Subject<'_>,
        reasons: &mut Vec<Reason>,
    ) {
        let statement = found.statement;
        let conditions = statement
            .conditions
            .iter()
            .zip(&statement.written.conditions);
        let unmet = conditions
            .skip(first)
            .filter(|(condition, _)| !condition.holds(subject.context));
        reasons.extend(unmet.map(|(_, written)| Reason {
            detail: Some(format!("{} {}", written.operator, written.key)),
            condition: Some(written.clone()),
            ..self.reason(found, Outcome::ConditionUnmet)
        }));
    }

    fn reason(&self, found: Found<'_>, outcome: Outcome) -> Reason {
        Reason {
            level: self.level,
            policy: found.policy.map(str::to_owned),
            statement: Some(found.index),
            sid: found.statement.sid.as_deref().map(str::to_owned),
            line: Some(found.statement.line),
            ..bare(self.door, outcome)
        }
    }
}

pub(crate) fn bare(door: Door, outcome: Outcome) -> Reason {
    Reason {
        door,
        outcome,
        policy: None,
        statement: None,
        sid: None,
        line: None,
        level: None,
        detail: None,
        condition: None,
    }
}
