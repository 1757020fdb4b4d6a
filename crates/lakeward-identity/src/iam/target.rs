//! What an IAM operation is about, as policies are asked.

use lakeward_policy::Context;
use lakeward_wire::AwsError;

use super::naming;
use crate::{Call, Permit, Role, User, inventory};

/// A role or user that need not exist: its ARN, and its tags as condition keys.
pub(super) struct Target {
    arn: String,
    context: Context,
}

impl Target {
    /// The role of this name, or the one it would be.
    pub(super) fn role(call: &Call, name: &str) -> Self {
        let role = call
            .snapshot()
            .get::<Role>(&Role::key_of(call.account(), name));
        match role {
            Some(role) => Self {
                arn: role.arn(),
                context: role.tag_context(),
            },
            None => Self::new(naming::arn(call.account(), "role", "/", name)),
        }
    }

    /// The user of this name, or the one it would be.
    pub(super) fn user(call: &Call, name: &str) -> Self {
        let user = call
            .snapshot()
            .get::<User>(&User::key_of(call.account(), name));
        match user {
            Some(user) => Self {
                arn: user.arn(),
                context: user.tag_context(),
            },
            None => Self::new(naming::arn(call.account(), "user", "/", name)),
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
