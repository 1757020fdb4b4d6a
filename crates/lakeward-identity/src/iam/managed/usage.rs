//! How often each managed policy is used in an account.

use std::collections::HashMap;

use lakeward_store::Snapshot;
use serde::Deserialize;

use crate::{Group, Role, User};

/// What a policy is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(in crate::iam) enum Purpose {
    PermissionsPolicy,
    PermissionsBoundary,
}

/// The uses of one policy.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::iam) struct Uses {
    /// Users, roles and groups that have it attached.
    pub(in crate::iam) attached: u32,
    /// Users and roles whose boundary it is.
    pub(in crate::iam) boundary: u32,
}

impl Uses {
    pub(in crate::iam) fn any(self) -> bool {
        self.attached + self.boundary > 0
    }

    pub(in crate::iam) fn of(self, purpose: Purpose) -> u32 {
        match purpose {
            Purpose::PermissionsPolicy => self.attached,
            Purpose::PermissionsBoundary => self.boundary,
        }
    }
}

/// The uses of every policy in an account, by ARN.
#[derive(Default)]
pub(in crate::iam) struct Usage(HashMap<String, Uses>);

impl Usage {
    pub(in crate::iam) fn in_account(snapshot: &Snapshot, account: &str) -> Self {
        let (mut usage, prefix) = (Self::default(), format!("{account}/"));
        for user in snapshot.scan::<User>(&prefix) {
            usage.count(&user.attached, user.boundary.as_ref());
        }
        for role in snapshot.scan::<Role>(&prefix) {
            usage.count(&role.attached, role.boundary.as_ref());
        }
        for group in snapshot.scan::<Group>(&prefix) {
            usage.count(&group.attached, None);
        }
        usage
    }

    fn count<'a>(
        &mut self,
        attached: impl IntoIterator<Item = &'a String>,
        boundary: Option<&String>,
    ) {
        for arn in attached {
            self.0.entry(arn.clone()).or_default().attached += 1;
        }
        if let Some(arn) = boundary {
            self.0.entry(arn.clone()).or_default().boundary += 1;
        }
    }

    pub(in crate::iam) fn of(&self, arn: &str) -> Uses {
        self.0.get(arn).copied().unwrap_or_default()
    }
}
