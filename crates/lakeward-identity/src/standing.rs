//! Everything that bears on a caller: what grants it something and what limits it.

use std::sync::LazyLock;

use lakeward_policy::{
    Attached, Decision, Layers, MalformedPolicy, PolicyDocument, Request, ResourceSide, Usage,
    evaluate,
};
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;

use crate::{
    Caller, Group, ManagedPolicy, Role, StoredPolicy, User, caller::Kind,
    inventory::InlinePolicies, organizations::control,
};

/// A policy under the name that explanations show.
pub(crate) type Named = (String, PolicyDocument);

/// The policies of one caller, resolved from one snapshot.
///
/// All of them are there: a policy that can't be read, or an attached one that is gone, is an
/// error instead, since it might have denied.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    /// Policies of the user, its groups, or the role: inline ones by name, managed ones by ARN.
    pub(crate) identity: Vec<Named>,
    /// The permissions boundary.
    pub(crate) boundary: Option<Vec<Named>>,
    /// The session policies.
    pub(crate) session: Option<Vec<Named>>,
    /// Service control policies, a list for each level of the organization, root first.
    pub(crate) service_control: Vec<Vec<Named>>,
}

impl Standing {
    /// What bears on `caller`.
    ///
    /// # Errors
    /// `AccessDenied` when one of its policies can't be read or is gone.
    pub(crate) fn of(snapshot: &Snapshot, caller: &Caller) -> Result<Self, AwsError> {
        let mut standing = match &caller.kind {
            Kind::Root => Self::default(),
            Kind::User(user) => Self::of_user(snapshot, user)?,
            Kind::Role { role, .. } => Self::of_role(snapshot, role)?,
            Kind::Federated { issuer, .. } => match issuer {
                Some(user) => Self::of_user(snapshot, user)?,
                None => Self::of_root(),
            },
            // No principal of any account: the role's trust policy alone says what it may do.
            Kind::WebIdentity(_) => return Ok(Self::default()),
        };
        standing.session = session_policies(snapshot, caller)?;
        if !is_service_linked(caller) {
            standing.service_control = control::service_control(snapshot, &caller.account)?;
        }
        Ok(standing)
    }

    /// What bears on a user that signs with its own key, but for service control policies.
    pub(crate) fn of_user(snapshot: &Snapshot, user: &User) -> Result<Self, AwsError> {
        let mut identity = inline(&user.policies)?;
        identity.extend(managed(snapshot, &user.attached)?);
        for name in &user.groups {
            identity.extend(of_group(snapshot, &user.account, name)?);
        }
        Ok(Self {
            identity,
            boundary: boundary(snapshot, user.boundary.as_deref())?,
            ..Self::default()
        })
    }

    /// What the part of a root user's permissions that a federated user has is part of.
    fn of_root() -> Self {
        Self {
            identity: everything("root user"),
            ..Self::default()
        }
    }

    /// What bears on a role, but for session and service control policies.
    pub(crate) fn of_role(snapshot: &Snapshot, role: &Role) -> Result<Self, AwsError> {
        let mut identity = inline(&role.policies)?;
        identity.extend(managed(snapshot, &role.attached)?);
        Ok(Self {
            identity,
            boundary: boundary(snapshot, role.boundary.as_deref())?,
            ..Self::default()
        })
    }

    /// Decides a request of this caller. `resource_control` are the levels above the resource's
    /// account.
    pub(crate) fn decide(
        &self,
        request: &Request<'_>,
        resource: ResourceSide<'_>,
        resource_control: &[Vec<Named>],
    ) -> Decision {
        let doors = Doors {
            identity: attached(&self.identity),
            boundary: self.boundary.as_deref().map(attached),
            session: self.session.as_deref().map(attached),
            service_control: levels(&self.service_control),
            resource_control: levels(resource_control),
        };
        evaluate(request, &doors.layers(resource))
    }
}

/// A policy that allows everything, under a name: for a root user's permissions, and for asking
/// one door alone with the others open.
pub(crate) fn everything(name: &str) -> Vec<Named> {
    const TEXT: &str =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    static DOCUMENT: LazyLock<Option<PolicyDocument>> =
        LazyLock::new(|| PolicyDocument::parse(TEXT, Usage::Identity).ok());
    let document = DOCUMENT.iter().cloned();
    document
        .map(|document| (name.to_owned(), document))
        .collect()
}

/// The lists that [`Layers`] points to.
pub(crate) struct Doors<'a> {
    identity: Vec<Attached<'a>>,
    boundary: Option<Vec<Attached<'a>>>,
    session: Option<Vec<Attached<'a>>>,
    service_control: Vec<Vec<Attached<'a>>>,
    resource_control: Vec<Vec<Attached<'a>>>,
}

impl Doors<'_> {
    fn layers<'s>(&'s self, resource: ResourceSide<'s>) -> Layers<'s> {
        Layers {
            identity: &self.identity,
            boundary: self.boundary.as_deref(),
            session: self.session.as_deref(),
            service_control: &self.service_control,
            resource_control: &self.resource_control,
            endpoint: None,
            resource,
        }
    }
}

fn attached(policies: &[Named]) -> Vec<Attached<'_>> {
    let policies = policies.iter();
    policies
        .map(|(name, document)| Attached { name, document })
        .collect()
}

fn levels(levels: &[Vec<Named>]) -> Vec<Vec<Attached<'_>>> {
    levels.iter().map(|level| attached(level)).collect()
}

fn inline(policies: &InlinePolicies) -> Result<Vec<Named>, AwsError> {
    let policies = policies.iter();
    policies.map(|(name, policy)| named(name, policy)).collect()
}

/// The policies of a group. A user's group that is gone might have denied.
pub(crate) fn of_group(
    snapshot: &Snapshot,
    account: &str,
    name: &str,
) -> Result<Vec<Named>, AwsError> {
    let group = snapshot
        .get::<Group>(&Group::key_of(account, name))
        .ok_or_else(|| {
            denied(&format!(
                "the group `{name}` is gone; remove the user from it"
            ))
        })?;
    let mut policies = inline(&group.policies)?;
    policies.extend(managed(snapshot, &group.attached)?);
    Ok(policies)
}

/// Managed policies by their ARNs.
///
/// # Errors
/// `AccessDenied` when one is gone or can't be read.
pub(crate) fn managed<'a>(
    snapshot: &Snapshot,
    arns: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<Named>, AwsError> {
    arns.into_iter()
        .map(|arn| {
            let policy = ManagedPolicy::find(snapshot, arn);
            match policy.as_ref().and_then(|policy| policy.default_policy()) {
                Some(policy) => named(arn, policy),
                None => Err(denied(&format!(
                    "the managed policy {arn} is gone or not known to this server; detach it"
                ))),
            }
        })
        .collect()
}

fn boundary(snapshot: &Snapshot, arn: Option<&str>) -> Result<Option<Vec<Named>>, AwsError> {
    arn.map(|arn| managed(snapshot, [&arn.to_owned()]))
        .transpose()
}

/// Service control policies don't bind service-linked roles.
fn is_service_linked(caller: &Caller) -> bool {
    caller
        .role()
        .is_some_and(|role| role.path.starts_with("/aws-service-role/"))
}

/// The policies passed for the session, of which one has to allow.
fn session_policies(snapshot: &Snapshot, caller: &Caller) -> Result<Option<Vec<Named>>, AwsError> {
    let Some(passed) = caller.session_policies() else {
        return Ok(None);
    };
    let mut policies = managed(snapshot, passed.managed)?;
    if let Some(policy) = passed.inline {
        policies.push(named("session policy", policy)?);
    }
    Ok(Some(policies))
}

fn named(name: &str, policy: &StoredPolicy) -> Result<Named, AwsError> {
    match policy.document() {
        Ok(document) => Ok((name.to_owned(), document.clone())),
        Err(malformed) => Err(unreadable(name, malformed)),
    }
}

fn unreadable(name: &str, why: &MalformedPolicy) -> AwsError {
    denied(&format!("the policy `{name}` can't be read: {why}"))
}

fn denied(why: &str) -> AwsError {
    AwsError::access_denied(format!("access is denied because {why}"))
}
