//! Whose request is simulated.

use std::sync::Arc;

use lakeward_policy::{Arn, Context, Principal};
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;

use super::{super::target::Target, invalid};
use crate::{Call, Group, Role, User, inventory::Tags, organizations};

/// The user, role or group whose policies are simulated.
pub(super) enum Source {
    User(Arc<User>),
    Role(Arc<Role>),
    Group(Arc<Group>),
}

/// What an ARN of a source names.
enum Kind {
    User,
    Role,
    Group,
}

fn kind(arn: &str) -> Option<(Kind, Arn)> {
    let parsed = Arn::parse(arn)
        .ok()
        .filter(|parsed| parsed.service == "iam")?;
    let kind = match parsed.resource.split_once('/')?.0 {
        "user" => Kind::User,
        "role" => Kind::Role,
        "group" => Kind::Group,
        _ => return None,
    };
    Some((kind, parsed))
}

/// What a simulation of `arn` asks about. It need not exist.
pub(super) fn target(call: &Call, arn: &str) -> Target {
    let name = arn.rsplit('/').next().unwrap_or_default();
    match kind(arn) {
        Some((Kind::User, _)) if User::find(call.snapshot(), arn).is_some() => {
            own(call, arn, || Target::user(call, name))
        }
        Some((Kind::Role, _)) if Role::find(call.snapshot(), arn).is_some() => {
            own(call, arn, || Target::role(call, name))
        }
        _ => Target::new(arn.to_owned()),
    }
}

/// With its tags when it is the account's own; another account's has none to show.
fn own(call: &Call, arn: &str, target: impl FnOnce() -> Target) -> Target {
    let owner = Arn::parse(arn).map(|arn| arn.account);
    match owner {
        Ok(account) if account == call.account() => target(),
        _ => Target::new(arn.to_owned()),
    }
}

impl Source {
    /// The user, role or group of the caller's account that has this ARN.
    pub(super) fn find(call: &Call, arn: &str) -> Result<Self, AwsError> {
        let (kind, parsed) = kind(arn).ok_or_else(|| {
            invalid(format!(
                "Invalid Entity Arn: {arn} does not clearly define entity type and name."
            ))
        })?;
        let snapshot = call.snapshot();
        let source = match kind {
            Kind::User => User::find(snapshot, arn).map(Self::User),
            Kind::Role => Role::find(snapshot, arn).map(Self::Role),
            Kind::Group => {
                let name = arn.rsplit('/').next().unwrap_or_default();
                snapshot
                    .get::<Group>(&Group::key_of(&parsed.account, name))
                    .filter(|group| group.arn() == arn)
                    .map(Self::Group)
            }
        };
        source
            .filter(|_| parsed.account == call.account())
            .ok_or_else(|| AwsError::new(404, "NoSuchEntity", format!("{arn} cannot be found.")))
    }

    pub(super) fn account(&self) -> &str {
        match self {
            Self::User(user) => &user.account,
            Self::Role(role) => &role.account,
            Self::Group(group) => &group.account,
        }
    }

    /// The one who asks, when nobody else is said to.
    pub(super) fn subject(&self) -> Subject {
        match self {
            Self::User(user) => Subject::user(user),
            Self::Role(role) => Subject::role(role, "simulated"),
            Self::Group(group) => Subject::anybody(&group.account),
        }
    }
}

/// The principal of the simulated requests.
pub(super) struct Subject {
    pub(super) principal: Principal,
    pub(super) unique_id: Option<String>,
    pub(super) account: String,
    /// The condition keys that follow from it.
    context: Context,
}

impl Subject {
    fn user(user: &User) -> Self {
        let mut subject = Self::known(Principal::User { arn: user.arn() }, &user.account);
        subject.unique_id = Some(user.id.clone());
        subject.context.insert("aws:userid", vec![user.id.clone()]);
        subject.tag(&user.tags);
        subject
    }

    fn role(role: &Role, session: &str) -> Self {
        let principal = Principal::RoleSession {
            role_arn: role.arn(),
            session_arn: crate::caller::session_arn(role, session),
        };
        let mut subject = Self::known(principal, &role.account);
        subject.unique_id = Some(role.id.clone());
        subject.tag(&role.tags);
        subject
    }

    fn known(principal: Principal, account: &str) -> Self {
        Self {
            context: principal.context(),
            principal,
            unique_id: None,
            account: account.to_owned(),
        }
    }

    fn tag(&mut self, tags: &Tags) {
        for (key, value) in tags {
            let key = format!("aws:PrincipalTag/{key}");
            self.context.insert(&key, vec![value.clone()]);
        }
    }

    /// Some user of an account: nothing is known of it but its account.
    pub(super) fn anybody(account: &str) -> Self {
        Self {
            principal: Principal::User {
                arn: format!("arn:aws:iam::{account}:user/simulated"),
            },
            unique_id: None,
            account: account.to_owned(),
            context: Context::new().with("aws:PrincipalAccount", account),
        }
    }

    /// The principal of an ARN: a user, role, role session or root, which need not exist.
    pub(super) fn named(snapshot: &Snapshot, arn: &str) -> Result<Self, AwsError> {
        let not_a_caller = || {
            invalid(format!(
                "Invalid CallerArn {arn}: give the ARN of a user, a role, a role session or a root user."
            ))
        };
        let parsed = Arn::parse(arn).map_err(|_| not_a_caller())?;
        let (kind, name) = match parsed.resource.split_once('/') {
            Some((kind, name)) if !name.is_empty() => (kind, name),
            _ => (&*parsed.resource, ""),
        };
        let account = &parsed.account;
        match (&*parsed.service, kind, name) {
            ("iam", "root", "") => Ok(Self::known(
                Principal::Root {
                    account: account.clone(),
                },
                account,
            )),
            ("iam", "user", name) if !name.is_empty() => {
                let own = User::find(snapshot, arn);
                let unknown = || {
                    Self::known(
                        Principal::User {
                            arn: arn.to_owned(),
                        },
                        account,
                    )
                };
                Ok(own.map_or_else(unknown, |user| Self::user(&user)))
            }
            ("iam", "role", name) if !name.is_empty() => {
                let own = Role::find(snapshot, arn);
                let name = name.rsplit('/').next().unwrap_or(name);
                let unknown = || Self::unknown_role(account, arn.to_owned(), name, "simulated");
                Ok(own.map_or_else(unknown, |role| Self::role(&role, "simulated")))
            }
            ("sts", "assumed-role", name) => {
                let (role, session) = name.split_once('/').ok_or_else(not_a_caller)?;
                let own = snapshot.get::<Role>(&Role::key_of(account, role));
                let role_arn = format!("arn:aws:iam::{account}:role/{role}");
                let unknown = || Self::unknown_role(account, role_arn, role, session);
                Ok(own.map_or_else(unknown, |role| Self::role(&role, session)))
            }
            _ => Err(not_a_caller()),
        }
    }

    fn unknown_role(account: &str, role_arn: String, name: &str, session: &str) -> Self {
        let session_arn = format!("arn:aws:sts::{account}:assumed-role/{name}/{session}");
        let principal = Principal::RoleSession {
            role_arn,
            session_arn,
        };
        Self::known(principal, account)
    }

    /// Its condition keys, with those of its organization.
    pub(super) fn context(&self, snapshot: &Snapshot) -> Context {
        let mut context = self.context.clone();
        context.extend(organizations::principal_context(snapshot, &self.account));
        context
    }
}
