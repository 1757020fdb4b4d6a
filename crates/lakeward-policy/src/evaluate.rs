//! The evaluation logic: which gates a request has to pass, and whether they open.
//!
//! Source: IAM User Guide, "Policy evaluation logic" and "Cross-account policy evaluation logic".

use crate::arn::ArnText;
use crate::context::Context;
use crate::decision::{Decision, Door, Effect, Outcome, Reason};
use crate::document::PolicyDocument;
use crate::gate::{Gate, Policies, bare};
use crate::principal::{Naming, Principal};
use crate::statement::Subject;

/// A policy with the name that explanations show.
#[derive(Clone, Copy, Debug)]
pub struct Attached<'a> {
    /// The policy's name or ARN.
    pub name: &'a str,
    /// The document.
    pub document: &'a PolicyDocument,
}

/// What the resource's side says.
#[derive(Clone, Copy, Debug)]
pub enum ResourceSide<'a> {
    /// The resource belongs to the caller's account and has no policy.
    None,
    /// A resource policy, such as a bucket's.
    Policy {
        /// The policy.
        document: &'a PolicyDocument,
        /// The account that owns the resource.
        account: &'a str,
    },
    /// A role's trust policy: it has to allow explicitly.
    Trust {
        /// The policy.
        document: &'a PolicyDocument,
        /// The account that owns the role.
        account: &'a str,
    },
    /// No policy, but owned by that account.
    Account {
        /// The account that owns the resource.
        account: &'a str,
    },
}

/// The policies that bear on a request.
#[derive(Clone, Copy, Debug)]
pub struct Layers<'a> {
    /// Policies of the user (its groups' too) or role.
    pub identity: &'a [Attached<'a>],
    /// The permissions boundary of the user or role.
    pub boundary: Option<Attached<'a>>,
    /// The session policies; `Some` of an empty list allows nothing.
    pub session: Option<&'a [Attached<'a>]>,
    /// The resource's side.
    pub resource: ResourceSide<'a>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// The action, such as `s3:GetObject`; case is ignored.
    pub action: &'a str,
    /// The resource's ARN, or `*` for actions without one.
    pub resource: &'a str,
    /// The condition keys. [`Principal::context`] gives those that follow from the caller.
    pub context: &'a Context,
}

/// Decides a request.
///
/// A deny behind any door wins. Otherwise these gates must be open; the limits are the permissions
/// boundary and the session policies, where there are any:
///
/// | caller and resource | the resource's allow names | must be open |
/// |---|---|---|
/// | service, anonymous | the caller or everyone | resource |
/// | same account | the caller itself or `*` | resource |
/// | same account | the role of the session | resource, limits |
/// | same account | the account, in a trust policy | resource, identity, limits |
/// | same account | nobody, in a trust policy | never |
/// | same account | the account or nobody, elsewhere | identity, limits |
/// | other account | any of them | identity, limits, resource |
///
/// The root user counts as having an identity policy that allows everything.
pub fn evaluate(request: &Request<'_>, layers: &Layers<'_>) -> Decision {
    let subject = Subject {
        principal: request.principal,
        action: request.action.to_ascii_lowercase(),
        resource: ArnText::new(request.resource),
        context: request.context,
        has_boundary: layers.boundary.is_some(),
    };
    let boundary = layers.boundary.as_slice();
    let gates = Gates::judge(&subject, layers, boundary);
    if let Some(reason) = gates.iter().find_map(Gate::denial) {
        let door = Some(reason.door);
        return Decision {
            effect: Effect::ExplicitDeny,
            door,
            reasons: vec![reason],
        };
    }
    match gates.required(request.principal) {
        Ok(required) => gates.pass(&required, &subject),
        Err(door) => refuse(
            door,
            gates.resource.as_ref().map(|gate| gate.lack(&subject)),
        ),
    }
}

/// Every gate in a request's way, judged.
struct Gates<'a> {
    identity: Gate<'a>,
    /// Gates that only limit: they never grant by themselves. Today those of the principal
    /// (boundary, session); gates of organizations and endpoints join this list.
    limits: Vec<Gate<'a>>,
    resource: Option<Gate<'a>>,
    relation: Relation,
}

/// How the caller stands to the resource's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    SameAccount,
    CrossAccount,
}

/// The gates that must be open.
#[derive(Clone, Copy, Debug, Default)]
struct Required {
    identity: bool,
    limits: bool,
    resource: bool,
}

impl<'a> Gates<'a> {
    fn judge(
        subject: &Subject<'_>,
        layers: &Layers<'a>,
        boundary: &'a [Attached<'a>],
    ) -> Gates<'a> {
        let identity = match subject.principal {
            Principal::Root { .. } => Policies::Unlimited,
            _ => Policies::Attached(layers.identity),
        };
        let mut limits = Vec::new();
        if !boundary.is_empty() {
            limits.push(Gate::judge(
                Door::PermissionsBoundary,
                Policies::Attached(boundary),
                subject,
            ));
        }
        if let Some(session) = layers.session {
            limits.push(Gate::judge(
                Door::SessionPolicy,
                Policies::Attached(session),
                subject,
            ));
        }
        let (resource, owner) = match layers.resource {
            ResourceSide::None => (None, None),
            ResourceSide::Account { account } => (None, Some(account)),
            ResourceSide::Policy { document, account } => {
                (Some((Door::ResourcePolicy, document)), Some(account))
            }
            ResourceSide::Trust { document, account } => {
                (Some((Door::TrustPolicy, document)), Some(account))
            }
        };
        let same = owner.is_none_or(|owner| subject.principal.account() == Some(owner));
        Gates {
            identity: Gate::judge(Door::IdentityPolicy, identity, subject),
            limits,
            resource: resource
                .map(|(door, document)| Gate::judge(door, Policies::Own(document), subject)),
            relation: if same {
                Relation::SameAccount
            } else {
                Relation::CrossAccount
            },
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Gate<'a>> {
        std::iter::once(&self.identity)
            .chain(&self.limits)
            .chain(&self.resource)
    }

    /// Which gates must be open, after the table of [`evaluate`], or the door of the resource's
    /// side when it must name the caller and does not.
    fn required(&self, principal: &Principal) -> Result<Required, Door> {
        let naming = self.resource.as_ref().and_then(|gate| gate.naming);
        let trust = self
            .resource
            .as_ref()
            .is_some_and(|gate| gate.door == Door::TrustPolicy);
        if matches!(principal, Principal::Service { .. } | Principal::Anonymous) {
            let door = if trust {
                Door::TrustPolicy
            } else {
                Door::ResourcePolicy
            };
            return naming
                .map(|_| Required {
                    resource: true,
                    ..Required::default()
                })
                .ok_or(door);
        }
        match (self.relation, naming) {
            (Relation::CrossAccount, _) => Ok(Required {
                identity: true,
                limits: true,
                resource: true,
            }),
            (Relation::SameAccount, Some(Naming::Caller)) => Ok(Required {
                resource: true,
                ..Required::default()
            }),
            (Relation::SameAccount, Some(Naming::Role)) => Ok(Required {
                limits: true,
                resource: true,
                identity: false,
            }),
            (Relation::SameAccount, None) if trust => Err(Door::TrustPolicy),
            (Relation::SameAccount, Some(Naming::Account) | None) => Ok(Required {
                identity: true,
                limits: true,
                resource: trust,
            }),
        }
    }

    /// Allows when every required gate is open; otherwise tells what each shut one lacks.
    fn pass(&self, required: &Required, subject: &Subject<'_>) -> Decision {
        let identity = required.identity.then_some(&self.identity);
        let limits = self.limits.iter().filter(|_| required.limits);
        let resource = self.resource.as_ref().filter(|_| required.resource);
        let gates = || identity.into_iter().chain(limits.clone()).chain(resource);
        // Another account's resource without a policy shares nothing.
        let unshared = required.resource && self.resource.is_none();
        let mut shut = gates().filter(|gate| !gate.is_open()).peekable();
        let door = shut
            .peek()
            .map(|gate| gate.door)
            .or(unshared.then_some(Door::ResourcePolicy));
        let Some(door) = door else {
            let reasons = gates().map(Gate::opening).collect();
            return Decision {
                effect: Effect::Allowed,
                door: None,
                reasons,
            };
        };
        let mut reasons: Vec<Reason> = shut.flat_map(|gate| gate.lack(subject)).collect();
        if unshared {
            reasons.push(bare(Door::ResourcePolicy, Outcome::NothingAllows));
        }
        Decision {
            effect: Effect::ImplicitDeny,
            door: Some(door),
            reasons,
        }
    }
}

fn refuse(door: Door, reasons: Option<Vec<Reason>>) -> Decision {
    let reasons = reasons.unwrap_or_else(|| vec![bare(door, Outcome::NothingAllows)]);
    Decision {
        effect: Effect::ImplicitDeny,
        door: Some(door),
        reasons,
    }
}
