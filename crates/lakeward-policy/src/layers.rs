//! A question and the policies that bear on it.

use crate::context::Context;
use crate::document::PolicyDocument;
use crate::principal::Principal;

/// A policy with the name that explanations show.
#[derive(Clone, Copy, Debug)]
pub struct Attached<'a> {
    /// The policy's name or ARN.
    pub name: &'a str,
    /// The document.
    pub document: &'a PolicyDocument,
}

/// What the resource's side says.
#[derive(Clone, Copy, Debug, Default)]
pub enum ResourceSide<'a> {
    /// The resource belongs to the caller's account and has no policy.
    #[default]
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
    /// A KMS key's policy: it has to allow explicitly, if only by naming the account.
    Key {
        /// The policy.
        document: &'a PolicyDocument,
        /// The account that owns the key.
        account: &'a str,
    },
    /// No policy, but owned by that account.
    Account {
        /// The account that owns the resource.
        account: &'a str,
    },
}

/// The policies that bear on a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers<'a> {
    /// Policies of the user (its groups' too) or role.
    pub identity: &'a [Attached<'a>],
    /// The permissions boundary of the user or role; `Some` of an empty list allows nothing.
    pub boundary: Option<&'a [Attached<'a>]>,
    /// The session policies; `Some` of an empty list allows nothing.
    pub session: Option<&'a [Attached<'a>]>,
    /// Service control policies above the caller's account, a list for each level of the
    /// organization, root first. No levels: the caller isn't subject to any.
    pub service_control: &'a [Vec<Attached<'a>>],
    /// Resource control policies above the resource's account, in the same form.
    pub resource_control: &'a [Vec<Attached<'a>>],
    /// The policies of the VPC endpoint that the request came through.
    pub endpoint: Option<&'a [Attached<'a>]>,
    /// The resource's side.
    pub resource: ResourceSide<'a>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// The unique id of the user or role behind the principal (`AIDA…`, `AROA…`). Policies that
    /// were bound to an id when they were saved match nobody else, not even the same name.
    pub unique_id: Option<&'a str>,
    /// The action, such as `s3:GetObject`; case is ignored.
    pub action: &'a str,
    /// The resource's ARN, or `*` for actions without one.
    pub resource: &'a str,
    /// The condition keys. [`Principal::context`] gives those that follow from the caller.
    pub context: &'a Context,
}
