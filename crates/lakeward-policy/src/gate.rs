//! One gate: the policies behind one door, judged together.

use crate::decision::{Door, Outcome, Reason};
use crate::document::PolicyDocument;
use crate::evaluate::Attached;
use crate::principal::Naming;
use crate::statement::{Match, Statement, StatementEffect, Subject};

/// The most near misses that an explanation lists for one gate.
const MAX_NEAR_MISSES: usize = 8;

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
    policies: Policies<'a>,
    deny: Option<Found<'a>>,
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
    /// Judges the request; stops at the first deny.
    pub fn judge(door: Door, policies: Policies<'a>, subject: &Subject<'_>) -> Gate<'a> {
        let mut gate = Gate {
            door,
            policies,
            deny: None,
            allow: None,
            naming: None,
        };
        for found in policies.statements() {
            // Once the gate is open only a deny or a stronger naming can change the answer.
            let settled =
                gate.allow.is_some() && matches!(gate.naming, None | Some(Naming::Caller));
            if settled && found.statement.effect == StatementEffect::Allow {
                continue;
            }
            let Match::Full(naming) = found.statement.meet(subject) else {
                continue;
            };
            match found.statement.effect {
                StatementEffect::Deny => {
                    gate.deny = Some(found);
                    return gate;
                }
                StatementEffect::Allow if gate.allow.is_none() || naming > gate.naming => {
                    gate.allow = Some(found);
                    gate.naming = naming;
                }
                StatementEffect::Allow => {}
            }
        }
        gate
    }

    pub fn is_open(&self) -> bool {
        self.allow.is_some() || matches!(self.policies, Policies::Unlimited)
    }

    /// The statement that denies, as a reason.
    pub fn denial(&self) -> Option<Reason> {
        self.deny
            .map(|found| found.reason(self.door, Outcome::Denies, None))
    }

    /// Why the gate is open.
    pub fn opening(&self) -> Reason {
        match self.allow {
            Some(found) => found.reason(self.door, Outcome::Allows, None),
            None => bare(self.door, Outcome::AccountRoot),
        }
    }

    /// Why the gate stays shut: that nothing allows, then the statements that nearly do.
    pub fn lack(&self, subject: &Subject<'_>) -> Vec<Reason> {
        let near = self.policies.statements().filter_map(|found| {
            if found.statement.effect == StatementEffect::Deny {
                return None;
            }
            match found.statement.meet(subject) {
                Match::Unmet(condition) => {
                    let detail = format!("{} {}", condition.name, condition.key);
                    Some(found.reason(self.door, Outcome::ConditionUnmet, Some(detail)))
                }
                Match::OtherResource => Some(found.reason(self.door, Outcome::OtherResource, None)),
                Match::Elsewhere | Match::Full(_) => None,
            }
        });
        let mut reasons = vec![bare(self.door, Outcome::NothingAllows)];
        reasons.extend(near.take(MAX_NEAR_MISSES));
        reasons
    }
}

impl Found<'_> {
    fn reason(&self, door: Door, outcome: Outcome, detail: Option<String>) -> Reason {
        Reason {
            door,
            outcome,
            policy: self.policy.map(str::to_owned),
            statement: Some(self.index),
            sid: self.statement.sid.as_deref().map(str::to_owned),
            detail,
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
        detail: None,
    }
}
