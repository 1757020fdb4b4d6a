//! The evaluation logic: which gates a request has to pass, and whether they open.
//!
//! Source: IAM User Guide, "Policy evaluation logic" and "Cross-account policy evaluation logic";
//! AWS Organizations User Guide, "SCP evaluation" and "RCP evaluation".

use crate::arn::ArnText;
use crate::decision::{Decision, Door, Effect, Outcome, Reason};
use crate::document::PolicyDocument;
use crate::gate::{Gate, Policies, bare};
use crate::layers::{Attached, Layers, Request, ResourceSide};
use crate::principal::{Naming, Principal};
use crate::statement::{FoldedAction, Subject};

/// The operation that nobody can be forbidden.
///
/// Source: AWS STS API Reference, `GetCallerIdentity`.
const OPEN_TO_ALL: &str = "sts:GetCallerIdentity";

/// Decides a request.
///
/// A deny behind any door wins. Otherwise every level of resource control policies and of service
/// control policies must allow the request, and the endpoint's policy, where there are any; and
/// then these gates must be open. The limits are the permissions boundary and the session
/// policies, where there are any:
///
/// | caller and resource | the resource's allow names | must be open |
/// |---|---|---|
/// | service, web identity, anonymous | the caller or everyone | resource |
/// | same account | the caller itself or `*` | resource |
/// | same account | the role of the session, the user behind a federated user | resource, limits |
/// | same account | the account, in a trust or key policy | resource, identity, limits |
/// | same account | nobody, in a trust or key policy | never |
/// | same account | the account or nobody, elsewhere | identity, limits |
/// | other account | any of them | identity, limits, resource |
///
/// The root user counts as having an identity policy that allows everything, a federated user
/// without session policies as having one that allows nothing. Service control policies don't
/// bind services, web identities, anonymous callers and service-linked roles; resource control
/// policies bind all but the last. `sts:GetCallerIdentity` is always allowed.
pub fn evaluate(request: &Request<'_>, layers: &Layers<'_>) -> Decision {
    if request.action.eq_ignore_ascii_case(OPEN_TO_ALL) {
        let reasons = vec![bare(Door::IdentityPolicy, Outcome::AlwaysAllowed)];
        return Decision::allowed(reasons);
    }
    let action = FoldedAction::new(request.action);
    let subject = Subject {
        principal: request.principal,
        unique_id: request.unique_id,
        action: action.as_str(),
        resource: ArnText::new(request.resource),
        context: request.context,
        has_boundary: layers.boundary.is_some(),
    };
    let gates = Gates::judge(&subject, layers);
    if let Some(door) = gates
        .iter()
        .find(|gate| gate.denies())
        .map(|gate| gate.door)
    {
        return gates.refuse(door, &subject);
    }
    match gates.shut().next() {
        None => Decision::allowed(gates.required().map(Gate::opening).collect()),
        Some(gate) => gates.refuse(gate.door, &subject),
    }
}

/// Every gate in a request's way, judged, and which of them have to be open.
struct Gates<'a> {
    /// Those of organizations and endpoints: always required.
    outer: Vec<Gate<'a>>,
    identity: Gate<'a>,
    boundary: Option<Gate<'a>>,
    session: Option<Gate<'a>>,
    /// A resource without a policy that would need one has a gate that stays shut.
    resource: Option<Gate<'a>>,
    required: Required,
}

/// Which gates must be open besides the outer ones.
#[derive(Clone, Copy, Debug, Default)]
struct Required {
    identity: bool,
    limits: bool,
    resource: bool,
}

/// The resource's side, taken apart.
struct Owner<'a> {
    gate: Option<(Door, &'a PolicyDocument)>,
    account: Option<&'a str>,
    /// Whether the policy has to name the caller or its account in any case.
    explicit: bool,
}

impl<'a> Owner<'a> {
    fn of(side: ResourceSide<'a>) -> Owner<'a> {
        let (gate, account, explicit) = match side {
            ResourceSide::None => (None, None, false),
            ResourceSide::Account { account } => (None, Some(account), false),
            ResourceSide::Policy { document, account } => {
                (Some((Door::ResourcePolicy, document)), Some(account), false)
            }
            ResourceSide::Key { document, account } => {
                (Some((Door::ResourcePolicy, document)), Some(account), true)
            }
            ResourceSide::Trust { document, account } => {
                (Some((Door::TrustPolicy, document)), Some(account), true)
            }
        };
        Owner {
            gate,
            account,
            explicit,
        }
    }
}

impl<'a> Gates<'a> {
    fn judge(subject: &Subject<'_>, layers: &Layers<'a>) -> Gates<'a> {
        let owner = Owner::of(layers.resource);
        let resource = owner
            .gate
            .map(|(door, document)| Gate::judge(door, Policies::Own(document), subject));
        let required = Required::of(
            subject.principal,
            &owner,
            resource.as_ref().and_then(|gate| gate.naming),
        );
        let missing = || Gate::judge(Door::ResourcePolicy, Policies::Attached(&[]), subject);
        let limit = |door, policies: Option<_>| {
            policies.map(|policies| Gate::judge(door, Policies::Attached(policies), subject))
        };
        Gates {
            outer: outer(subject, layers),
            identity: Gate::judge(
                Door::IdentityPolicy,
                identity(subject.principal, layers),
                subject,
            ),
            boundary: limit(Door::PermissionsBoundary, layers.boundary),
            session: limit(Door::SessionPolicy, session(subject.principal, layers)),
            resource: resource.or_else(|| required.resource.then(missing)),
            required,
        }
    }

    /// Every gate, the outermost first.
    fn iter(&self) -> impl Iterator<Item = &Gate<'a>> {
        self.outer
            .iter()
            .chain([&self.identity])
            .chain(&self.boundary)
            .chain(&self.session)
            .chain(&self.resource)
    }

    /// The gates that must be open.
    fn required(&self) -> impl Iterator<Item = &Gate<'a>> {
        let Required {
            identity,
            limits,
            resource,
        } = self.required;
        self.iter().filter(move |gate| match gate.door {
            Door::IdentityPolicy => identity,
            Door::PermissionsBoundary | Door::SessionPolicy => limits,
            Door::ResourcePolicy | Door::TrustPolicy => resource,
            Door::ServiceControlPolicy | Door::ResourceControlPolicy | Door::EndpointPolicy => true,
        })
    }

    fn shut(&self) -> impl Iterator<Item = &Gate<'a>> {
        self.required().filter(|gate| !gate.is_open())
    }

    /// A refusal with everything that stands in the way: the denies, then what each shut gate
    /// lacks.
    fn refuse(&self, door: Door, subject: &Subject<'_>) -> Decision {
        let mut reasons: Vec<Reason> = Vec::new();
        for gate in self.iter().filter(|gate| gate.denies()) {
            reasons.extend(gate.denials(subject));
        }
        let effect = match reasons.is_empty() {
            true => Effect::ImplicitDeny,
            false => Effect::ExplicitDeny,
        };
        for gate in self.shut() {
            reasons.extend(gate.lack(subject));
        }
        Decision {
            effect,
            door: Some(door),
            reasons,
        }
    }
}

impl Required {
    /// The table of [`evaluate`].
    fn of(principal: &Principal, owner: &Owner<'_>, naming: Option<Naming>) -> Required {
        let required = |identity, limits, resource| Required {
            identity,
            limits,
            resource,
        };
        let Some(account) = principal.account() else {
            return required(false, false, true);
        };
        if owner.account.is_some_and(|owner| owner != account) {
            return required(true, true, true);
        }
        match naming {
            Some(Naming::Caller) => required(false, false, true),
            Some(Naming::Role) => required(false, true, true),
            Some(Naming::Account) => required(true, true, owner.explicit),
            // The policy would have to name the role of a session, which the limits bind.
            None if owner.explicit => required(
                false,
                matches!(principal, Principal::RoleSession { .. }),
                true,
            ),
            None => required(true, true, false),
        }
    }
}

/// The gates of organizations and endpoints.
fn outer<'a>(subject: &Subject<'_>, layers: &Layers<'a>) -> Vec<Gate<'a>> {
    let principal = subject.principal;
    let mut gates = Vec::new();
    let mut levels = |door, levels: &'a [Vec<_>]| {
        for (level, attached) in levels.iter().enumerate() {
            let gate = Gate::judge(door, Policies::Attached(attached), subject);
            gates.push(gate.at_level(level));
        }
    };
    if !principal.is_service_linked() {
        levels(Door::ResourceControlPolicy, layers.resource_control);
        if principal.account().is_some() {
            levels(Door::ServiceControlPolicy, layers.service_control);
        }
    }
    if let Some(endpoint) = layers.endpoint {
        let policies = Policies::Attached(endpoint);
        gates.push(Gate::judge(Door::EndpointPolicy, policies, subject));
    }
    gates
}

fn identity<'a>(principal: &Principal, layers: &Layers<'a>) -> Policies<'a> {
    match principal {
        Principal::Root { .. } => Policies::Unlimited,
        Principal::FederatedUser { .. } if principal.issued_by_root() => Policies::Unlimited,
        _ => Policies::Attached(layers.identity),
    }
}

/// Source: AWS STS API Reference, `GetFederationToken`: without a session policy the federated
/// user has no permissions but those that resources' policies grant it by name.
fn session<'a>(principal: &Principal, layers: &Layers<'a>) -> Option<&'a [Attached<'a>]> {
    match principal {
        Principal::FederatedUser { .. } => Some(layers.session.unwrap_or_default()),
        _ => layers.session,
    }
}
