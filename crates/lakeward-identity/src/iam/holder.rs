//! What holds policies: users, roles and groups, which many operations treat alike.

use std::{collections::BTreeSet, sync::Arc};

use lakeward_store::{Change, Snapshot};
use lakeward_wire::AwsError;
use serde::Serialize;

use super::{groups, roles, target::Target, users};
use crate::{Call, ChangeRefused, Group, Role, User, inventory::InlinePolicies};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    User,
    Role,
    Group,
}

/// One of them, as it is stored.
pub(super) enum Held {
    User(Arc<User>),
    Role(Arc<Role>),
    Group(Arc<Group>),
}

/// What can be changed of one.
pub(super) struct Grip<'a> {
    pub(super) policies: &'a mut InlinePolicies,
    pub(super) attached: &'a mut BTreeSet<String>,
    /// Groups have none.
    pub(super) boundary: Option<&'a mut Option<String>>,
}

/// The name of one, in the member that its kind has.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HolderName {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_name: Option<String>,
}

impl Held {
    pub(super) fn policies(&self) -> &InlinePolicies {
        match self {
            Self::User(user) => &user.policies,
            Self::Role(role) => &role.policies,
            Self::Group(group) => &group.policies,
        }
    }

    pub(super) fn attached(&self) -> &BTreeSet<String> {
        match self {
            Self::User(user) => &user.attached,
            Self::Role(role) => &role.attached,
            Self::Group(group) => &group.attached,
        }
    }

    /// Its name as it was given when it was made.
    pub(super) fn name(&self) -> HolderName {
        let (mut user_name, mut role_name, mut group_name) = (None, None, None);
        match self {
            Self::User(user) => user_name = Some(user.name.clone()),
            Self::Role(role) => role_name = Some(role.name.clone()),
            Self::Group(group) => group_name = Some(group.name.clone()),
        }
        HolderName {
            user_name,
            role_name,
            group_name,
        }
    }
}

impl Holder {
    /// `User`, as in an operation's name.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Role => "Role",
            Self::Group => "Group",
        }
    }

    pub(super) fn target(self, call: &Call, name: &str) -> Target {
        match self {
            Self::User => Target::user(call, name),
            Self::Role => Target::role(call, name),
            Self::Group => Target::group(call, name),
        }
    }

    pub(super) fn find(
        self,
        snapshot: &Snapshot,
        account: &str,
        name: &str,
    ) -> Result<Held, AwsError> {
        Ok(match self {
            Self::User => Held::User(users::find(snapshot, account, name)?),
            Self::Role => Held::Role(roles::find(snapshot, account, name)?),
            Self::Group => Held::Group(groups::find(snapshot, account, name)?),
        })
    }

    /// Changes one; a service-linked role is AWS's to change.
    pub(super) fn edit(
        self,
        change: &mut Change<'_>,
        account: &str,
        name: &str,
        edit: impl FnOnce(Grip<'_>) -> Result<(), AwsError>,
    ) -> Result<(), ChangeRefused> {
        match self.find(change, account, name)? {
            Held::User(user) => {
                let mut user = (*user).clone();
                edit(Grip {
                    policies: &mut user.policies,
                    attached: &mut user.attached,
                    boundary: Some(&mut user.boundary),
                })?;
                change.put(user);
            }
            Held::Role(role) => {
                roles::check_modifiable(&role)?;
                let mut role = (*role).clone();
                edit(Grip {
                    policies: &mut role.policies,
                    attached: &mut role.attached,
                    boundary: Some(&mut role.boundary),
                })?;
                change.put(role);
            }
            Held::Group(group) => {
                let mut group = (*group).clone();
                edit(Grip {
                    policies: &mut group.policies,
                    attached: &mut group.attached,
                    boundary: None,
                })?;
                change.put(group);
            }
        }
        Ok(())
    }
}
