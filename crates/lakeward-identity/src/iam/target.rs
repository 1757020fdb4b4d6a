//! What an IAM operation is about, as policies are asked.

use lakeward_policy::Context;
use lakeward_wire::AwsError;

use super::{naming, roles, users};
use crate::{Call, Permit, inventory};

/// A role or user that need not exist: its ARN, and its tags as condition keys.
pub(super) struct Target {
    arn: String,
    context: Context,
}

impl Target {
    /// The role of this name, or the one it would be.
    pub(super) fn role(call: &Call, name: &str) -> Self {
        match roles::find(call.snapshot(), call.account(), name) {
            Ok(role) => Self {
                arn: role.arn(),
                context: role.tag_context(),
            },
            Err(_) => Self::new(naming::arn(call.account(), "role", "/", name)),
        }
    }

    /// The user of this name, or the one it would be.
    pub(super) fn user(call: &Call, name: &str) -> Self {
        match users::find(call.snapshot(), call.account(), name) {
            Ok(user) => Self {
                arn: user.arn(),
                context: user.tag_context(),
            },
            Err(_) => Self::new(naming::arn(call.account(), "user", "/", name)),
        }
    }

    /// Something without tags.
    pub(super) fn new(arn: String) -> Self {
        Self {
            arn,
            context: Context::new(),
        }
    }

    /// Something that is to be made with these tags.
    pub(super) fn tagged(arn: String, tags: &inventory::Tags) -> Self {
        Self {
            arn,
            context: inventory::request_tags(tags),
        }
    }

    /// Adds one more condition key.
    #[must_use]
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.context.insert(key, vec![value.to_owned()]);
        self
    }

    /// Asks whether the caller may do `action` to it.
    pub(super) fn authorize(self, call: &Call, action: &str) -> Result<Permit, AwsError> {
        call.authorize(action, &self.arn, self.context)
    }
}
