//! What an IAM operation is about, as policies are asked.

use lakeward_policy::{Arn, Context, ResourceSide};
use lakeward_wire::AwsError;

use super::{groups, naming, roles, users};
use crate::{Call, ManagedPolicy, Permit, inventory};

/// The actions that know `iam:PermissionsBoundary` ("Actions, resources, and condition keys for
/// AWS Identity and Access Management").
const KNOW_BOUNDARY: [&str; 19] = [
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DeleteUserPermissionsBoundary",
    "iam:DeleteUserPolicy",
    "iam:DetachRolePolicy",
    "iam:DetachUserPolicy",
    "iam:GetRole",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
];

/// Something that need not exist: its ARN, and its tags and boundary as condition keys.
#[derive(Clone)]
pub(super) struct Target {
    arn: String,
    /// What a refusal calls it, as IAM does (`user ana`): the ARN of something that exists would
    /// show its path to one who may not know that it does.
    shown: Option<String>,
    boundary: Option<String>,
    context: Context,
}

impl Target {
    /// The role of this name, or the one it would be.
    pub(super) fn role(call: &Call, name: &str) -> Self {
        let target = match roles::find(call.snapshot(), call.account(), name) {
            Ok(role) => Self {
                boundary: role.boundary.clone(),
                context: role.tag_context(),
                ..Self::new(role.arn())
            },
            Err(_) => Self::new(naming::arn(call.account(), "role", "/", name)),
        };
        target.shown_as(format!("role {name}"))
    }

    /// The user of this name, or the one it would be.
    pub(super) fn user(call: &Call, name: &str) -> Self {
        let target = match users::find(call.snapshot(), call.account(), name) {
            Ok(user) => Self {
                boundary: user.boundary.clone(),
                context: user.tag_context(),
                ..Self::new(user.arn())
            },
            Err(_) => Self::new(naming::arn(call.account(), "user", "/", name)),
        };
        target.shown_as(format!("user {name}"))
    }

    /// The group of this name, or the one it would be.
    pub(super) fn group(call: &Call, name: &str) -> Self {
        let target = Self::new(match groups::find(call.snapshot(), call.account(), name) {
            Ok(group) => group.arn(),
            Err(_) => naming::arn(call.account(), "group", "/", name),
        });
        target.shown_as(format!("group {name}"))
    }

    /// The managed policy of this ARN.
    pub(super) fn policy(call: &Call, arn: &str) -> Self {
        let mut target = Self::new(arn.to_owned());
        if let Some(policy) = ManagedPolicy::find(call.snapshot(), arn) {
            target.context = inventory::own_tags(&policy.tags);
        }
        target
    }

    /// Something without tags.
    pub(super) fn new(arn: String) -> Self {
        Self {
            arn,
            shown: None,
            boundary: None,
            context: Context::new(),
        }
    }

    /// Refusals call it this.
    #[must_use]
    pub(super) fn shown_as(mut self, name: String) -> Self {
        self.shown = Some(name);
        self
    }

    /// Something that is to be made with these tags.
    pub(super) fn tagged(arn: String, tags: &inventory::Tags) -> Self {
        Self::new(arn).with_tags(tags)
    }

    /// Adds the tags that the request passes.
    #[must_use]
    pub(super) fn with_tags(mut self, tags: &inventory::Tags) -> Self {
        self.context.extend(inventory::request_tags(tags));
        self
    }

    /// Adds the keys of the tags that the request names.
    #[must_use]
    pub(super) fn with_tag_keys(mut self, keys: &[String]) -> Self {
        self.context.insert("aws:TagKeys", keys.to_vec());
        self
    }

    /// The boundary is the one that the request passes.
    #[must_use]
    pub(super) fn with_boundary(mut self, boundary: Option<&str>) -> Self {
        self.boundary = boundary.map(str::to_owned);
        self
    }

    /// Adds one more condition key.
    #[must_use]
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.context.insert(key, vec![value.to_owned()]);
        self
    }

    /// Asks whether the caller may do `action` to it.
    pub(super) fn authorize(self, call: &Call, action: &str) -> Result<Permit, AwsError> {
        let mut context = self.context;
        if let Some(boundary) = self.boundary.filter(|_| KNOW_BOUNDARY.contains(&action)) {
            context.insert("iam:PermissionsBoundary", vec![boundary]);
        }
        // AWS's own policies belong to nobody's account: every account may be allowed to read them.
        let of_aws = Arn::parse(&self.arn).is_ok_and(|arn| arn.account == ManagedPolicy::AWS);
        let asked = match of_aws {
            true => call.authorize_with(action, &self.arn, context, ResourceSide::None),
            false => call.authorize(action, &self.arn, context),
        };
        asked.map_err(|error| match self.shown {
            Some(name) if error.is_access_denied() => named(error, &self.arn, &name),
            _ => error,
        })
    }
}

/// The refusal with `name` in the place of the ARN.
fn named(mut error: AwsError, arn: &str, name: &str) -> AwsError {
    let (long, short) = (
        format!(" on resource: {arn}"),
        format!(" on resource: {name}"),
    );
    error.message = error.message.replacen(&long, &short, 1);
    error
}
