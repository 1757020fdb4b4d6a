use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use lakeward_policy::{Context, Principal};
use lakeward_store::Snapshot;
use serde::{Deserialize, Serialize};

use crate::{Role, StoredPolicy, User};

/// A session of a role, as its token carries it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoleSession {
    /// The role's ARN.
    pub role_arn: String,
    /// The role's unique id: a session doesn't outlive its role.
    pub role_id: String,
    /// The session's name.
    pub name: String,
    /// The source identity, once set, stays for the whole chain.
    pub source_identity: Option<String>,
    /// Session tags by key.
    pub tags: BTreeMap<String, String>,
    /// Keys of `tags` that the next role of a chain inherits.
    pub transitive: Vec<String>,
    /// The session policy, if one was passed.
    pub policy: Option<StoredPolicy>,
    /// When the session began.
    pub issued_at: Timestamp,
    /// When its keys end.
    pub expires_at: Timestamp,
}

/// The principal behind a verified key.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The key that signed, or would sign.
    pub access_key_id: String,
    /// The caller's account.
    pub account: String,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Root,
    User(Arc<User>),
    Role {
        role: Arc<Role>,
        session: Arc<RoleSession>,
    },
}

impl Caller {
    /// The principal that policies see.
    #[must_use]
    pub fn principal(&self) -> Principal {
        match &self.kind {
            Kind::Root => Principal::Root {
                account: self.account.clone(),
            },
            Kind::User(user) => Principal::User { arn: user.arn() },
            Kind::Role { role, session } => Principal::RoleSession {
                role_arn: role.arn(),
                session_arn: session_arn(role, &session.name),
            },
        }
    }

    /// The ARN that STS reports: a role session's is `arn:aws:sts::…:assumed-role/role/session`.
    #[must_use]
    pub fn arn(&self) -> String {
        match &self.kind {
            Kind::Root => format!("arn:aws:iam::{}:root", self.account),
            Kind::User(user) => user.arn(),
            Kind::Role { role, session } => session_arn(role, &session.name),
        }
    }

    /// The unique id that STS reports: `AIDA…`, `AROA…:session`, or the account of its root.
    #[must_use]
    pub fn user_id(&self) -> String {
        match &self.kind {
            Kind::Root => self.account.clone(),
            Kind::User(user) => user.id.clone(),
            Kind::Role { role, session } => format!("{}:{}", role.id, session.name),
        }
    }

    /// The ARN that Lake Formation grants to: a session counts as its role.
    #[must_use]
    pub fn lake_principal(&self) -> String {
        match &self.kind {
            Kind::Role { role, .. } => role.arn(),
            _ => self.arn(),
        }
    }

    /// The role session, if the caller is one.
    #[must_use]
    pub fn session(&self) -> Option<&RoleSession> {
        match &self.kind {
            Kind::Role { session, .. } => Some(session),
            _ => None,
        }
    }

    /// The role behind a role session.
    #[must_use]
    pub fn role(&self) -> Option<&Role> {
        match &self.kind {
            Kind::Role { role, .. } => Some(role),
            _ => None,
        }
    }

    pub(crate) fn for_session(
        snapshot: &Snapshot,
        access_key_id: String,
        session: RoleSession,
    ) -> Option<Self> {
        let role =
            Role::find(snapshot, &session.role_arn).filter(|role| role.id == session.role_id)?;
        Some(Self {
            access_key_id,
            account: role.account.clone(),
            kind: Kind::Role {
                role,
                session: Arc::new(session),
            },
        })
    }

    /// The `aws:Principal…` keys and their kin ("AWS global condition context keys").
    pub(crate) fn context(&self) -> Context {
        let mut context = self.principal().context();
        context.insert("aws:userid", vec![self.user_id()]);
        for (key, value) in self.principal_tags() {
            context.insert(&format!("aws:PrincipalTag/{key}"), vec![value.clone()]);
        }
        if let Some(session) = self.session() {
            let issued = lakeward_wire::iso(session.issued_at);
            context.insert("aws:TokenIssueTime", vec![issued]);
            if let Some(source) = &session.source_identity {
                context.insert("aws:SourceIdentity", vec![source.clone()]);
            }
        }
        context
    }

    /// The caller's tags, the stronger ones last: a session tag wins over the role's own, in
    /// whatever case their keys are written.
    fn principal_tags(&self) -> impl Iterator<Item = (&String, &String)> {
        let (own, passed) = match &self.kind {
            Kind::Root => (None, None),
            Kind::User(user) => (Some(&user.tags), None),
            Kind::Role { role, session } => (Some(&role.tags), Some(&session.tags)),
        };
        own.into_iter().chain(passed).flatten()
    }
}

pub(crate) fn session_arn(role: &Role, name: &str) -> String {
    format!(
        "arn:aws:sts::{}:assumed-role/{}/{name}",
        role.account, role.name
    )
}

#[cfg(test)]
impl RoleSession {
    pub(crate) fn for_tests(role_arn: &str) -> Self {
        Self {
            role_arn: role_arn.into(),
            role_id: "AROAX".into(),
            name: "s".into(),
            source_identity: None,
            tags: BTreeMap::new(),
            transitive: Vec::new(),
            policy: None,
            issued_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
        }
    }
}
