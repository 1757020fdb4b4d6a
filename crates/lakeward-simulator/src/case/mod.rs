//! One case of a batch: a request and the policies that bear on it, ready to be judged.

mod document;
mod principal;
mod variables;
mod written;

use lakeward_policy::{
    Attached, Context, Layers, PolicyDocument, Principal, Request, ResourceSide, Usage,
};
use serde_json::Value;

pub use document::Documents;
pub(crate) use principal::with_path_from;
pub use principal::{PrincipalError, principal};
pub(crate) use written::{check_action, complete};

use document::Sample;

/// A compiled case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The id that the case came with; a string or a number.
    pub id: Option<Value>,
    /// Who asks.
    pub principal: Principal,
    /// What for, such as `s3:GetObject`.
    pub action: String,
    /// On what: an ARN, or `*`.
    pub resource: String,
    /// The account that owns the resource.
    pub account: String,
    /// The condition keys, those that follow from the caller and the resource included.
    pub context: Context,
    /// The policies.
    pub policies: Policies,
}

/// A compiled policy with the name that explanations show.
#[derive(Clone, Debug)]
pub struct NamedPolicy {
    /// As given, or the place in the case, such as `identityPolicies[0]`.
    pub name: String,
    /// The document.
    pub document: PolicyDocument,
}

/// Every policy of a case. An empty list of boundaries, session policies or endpoint policies
/// counts as none at all; a level of the organization without policies allows nothing.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// Of the user and its groups, or of the role.
    pub identity: Vec<NamedPolicy>,
    /// Of the resource.
    pub resource: Option<NamedPolicy>,
    /// Permissions boundaries.
    pub boundaries: Vec<NamedPolicy>,
    /// Session policies.
    pub session: Vec<NamedPolicy>,
    /// Service control policies, level by level, root first.
    pub service_control: Vec<Vec<NamedPolicy>>,
    /// Resource control policies, in the same form; `RCPFullAWSAccess` is attached everywhere.
    pub resource_control: Vec<Vec<NamedPolicy>>,
    /// Of the VPC endpoint.
    pub endpoint: Vec<NamedPolicy>,
}

impl Policies {
    /// The resource's policy.
    pub(crate) fn resource_document(&self) -> Option<&PolicyDocument> {
        self.resource.as_ref().map(|policy| &policy.document)
    }
}

/// Why a case can't be judged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct Unjudged {
    /// The case's id, where it could be read.
    pub id: Option<Value>,
    /// What is wrong, in one line.
    pub why: String,
}

impl Case {
    /// Reads one line of a batch; what it compiles is remembered in `documents`.
    ///
    /// # Errors
    /// [`Unjudged`] when the line isn't a case or one of its policies is malformed.
    pub fn read(line: &[u8], documents: &mut Documents) -> Result<Case, Unjudged> {
        written::read(line, documents)
    }

    /// The question that the case asks.
    pub fn request(&self) -> Request<'_> {
        Request {
            principal: &self.principal,
            unique_id: None,
            action: &self.action,
            resource: &self.resource,
            context: &self.context,
        }
    }

    /// Hands the policies to `judge` in the engine's form.
    pub(crate) fn with_layers<T>(&self, judge: impl FnOnce(&Layers<'_>) -> T) -> T {
        let policies = &self.policies;
        let identity = attached(&policies.identity);
        let [boundary, session, endpoint] =
            [&policies.boundaries, &policies.session, &policies.endpoint]
                .map(|list| attached(list));
        let service_control = levels(&policies.service_control);
        let mut resource_control =
            match lakeward_vocabulary::is_under_resource_control(&self.action) {
                true => levels(&policies.resource_control),
                false => Vec::new(),
            };
        for level in &mut resource_control {
            level.extend(
                Sample::FullResourceControl
                    .document()
                    .map(|document| Attached {
                        name: "RCPFullAWSAccess",
                        document,
                    }),
            );
        }
        judge(&Layers {
            identity: &identity,
            boundary: present(&boundary),
            session: present(&session),
            service_control: &service_control,
            resource_control: &resource_control,
            endpoint: present(&endpoint),
            resource: self.resource_side(),
        })
    }

    /// Keys and roles always have a policy of their own; a case that shows none shows one that
    /// allows nothing.
    fn resource_side(&self) -> ResourceSide<'_> {
        let account = &*self.account;
        let given = self.policies.resource_document();
        match self.resource_kind() {
            ResourceKind::Key => match given.or_else(|| Sample::KeyPolicy.document()) {
                Some(document) => ResourceSide::Key { document, account },
                None => ResourceSide::Account { account },
            },
            ResourceKind::Role => match given.or_else(|| Sample::TrustPolicy.document()) {
                Some(document) => ResourceSide::Trust { document, account },
                None => ResourceSide::Account { account },
            },
            ResourceKind::IdleRole | ResourceKind::Other => match given {
                Some(document) => ResourceSide::Policy { document, account },
                None => ResourceSide::Account { account },
            },
        }
    }

    fn resource_kind(&self) -> ResourceKind {
        resource_kind(&self.action, &self.resource)
    }
}

/// The kinds of resources whose policies have rules of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResourceKind {
    /// A KMS key.
    Key,
    /// A role that is to be assumed.
    Role,
    /// A role that something else is done with; its trust policy has no say in that.
    IdleRole,
    Other,
}

impl ResourceKind {
    /// What a policy of such a resource is.
    pub(crate) fn usage(self) -> Usage {
        match self {
            ResourceKind::Role | ResourceKind::IdleRole => Usage::Trust,
            ResourceKind::Key | ResourceKind::Other => Usage::Resource,
        }
    }
}

pub(crate) fn resource_kind(action: &str, resource: &str) -> ResourceKind {
    let mut parts = resource.splitn(6, ':').skip(2);
    let (service, name) = (parts.next(), parts.nth(2).unwrap_or_default());
    let assumes = action
        .get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("sts:"));
    match service {
        Some("kms") if name.starts_with("key/") => ResourceKind::Key,
        Some("iam") if name.starts_with("role/") && assumes => ResourceKind::Role,
        Some("iam") if name.starts_with("role/") => ResourceKind::IdleRole,
        _ => ResourceKind::Other,
    }
}

fn attached(policies: &[NamedPolicy]) -> Vec<Attached<'_>> {
    policies
        .iter()
        .map(|NamedPolicy { name, document }| Attached { name, document })
        .collect()
}

fn levels(levels: &[Vec<NamedPolicy>]) -> Vec<Vec<Attached<'_>>> {
    levels.iter().map(|level| attached(level)).collect()
}

fn present<'a>(list: &'a [Attached<'a>]) -> Option<&'a [Attached<'a>]> {
    (!list.is_empty()).then_some(list)
}
