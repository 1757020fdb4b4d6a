use std::sync::Arc;

use jiff::Timestamp;
use lakeward_policy::{Context, Principal};
use lakeward_store::Snapshot;

pub use crate::session::RoleSession;
use crate::{
    Account, Role, User,
    inventory::Tags,
    session::{FederatedSession, Owner, PassedPolicies, Session, UserSession, WebIdentity},
    sts::Assertion,
};

/// The principal behind a verified key.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The key that signed, or would sign.
    pub access_key_id: String,
    /// The caller's account.
    pub account: String,
    pub(crate) kind: Kind,
    /// The `GetSessionToken` session, if a user or a root user signed with one.
    pub(crate) user_session: Option<Arc<UserSession>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Root,
    User(Arc<User>),
    Role {
        role: Arc<Role>,
        session: Arc<RoleSession>,
    },
    /// A federated user (`GetFederationToken`).
    Federated {
        /// Whose permissions it has part of; `None` is the account's root.
        issuer: Option<Arc<User>>,
        session: Arc<FederatedSession>,
    },
    /// Someone whom an identity provider vouches for, on the way to a role session. Its account is
    /// the provider's, and it is no principal of that account.
    WebIdentity(Arc<Assertion>),
}

impl Caller {
    /// The owner of a long-term key.
    pub(crate) fn permanent(access_key_id: String, account: String, kind: Kind) -> Self {
        Self {
            access_key_id,
            account,
            kind,
            user_session: None,
        }
    }

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
            Kind::Federated { issuer, session } => Principal::FederatedUser {
                arn: federated_arn(&self.account, &session.name),
                issuer_arn: match issuer {
                    Some(user) => user.arn(),
                    None => root_arn(&self.account),
                },
            },
            Kind::WebIdentity(assertion) => Principal::WebIdentity {
                provider: assertion.identity.provider.clone(),
            },
        }
    }

    /// The ARN that STS reports: a role session's is `arn:aws:sts::…:assumed-role/role/session`.
    #[must_use]
    pub fn arn(&self) -> String {
        match &self.kind {
            Kind::Root => root_arn(&self.account),
            Kind::User(user) => user.arn(),
            Kind::Role { role, session } => session_arn(role, &session.name),
            Kind::Federated { session, .. } => federated_arn(&self.account, &session.name),
            Kind::WebIdentity(assertion) => assertion.identity.provider.clone(),
        }
    }

    /// The unique id that STS reports: `AIDA…`, `AROA…:session`, `account:federated-name`, or the
    /// account of its root.
    #[must_use]
    pub fn user_id(&self) -> String {
        match &self.kind {
            Kind::Root => self.account.clone(),
            Kind::User(user) => user.id.clone(),
            Kind::Role { role, session } => format!("{}:{}", role.id, session.name),
            Kind::Federated { session, .. } => format!("{}:{}", self.account, session.name),
            Kind::WebIdentity(assertion) => assertion.identity.user_id(),
        }
    }

    /// The unique id of the user or role behind the caller, to which policies are bound.
    #[must_use]
    pub fn unique_id(&self) -> Option<&str> {
        match &self.kind {
            Kind::Root | Kind::WebIdentity(_) => None,
            Kind::User(user) => Some(&user.id),
            Kind::Role { role, .. } => Some(&role.id),
            Kind::Federated { issuer, .. } => issuer.as_ref().map(|user| &*user.id),
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

    /// The source identity, which only role sessions have.
    #[must_use]
    pub fn source_identity(&self) -> Option<&str> {
        self.session()?.source_identity.as_deref()
    }

    /// What an identity provider said about the caller, or about the one behind its role session.
    #[must_use]
    pub fn web_identity(&self) -> Option<&WebIdentity> {
        match &self.kind {
            Kind::Role { session, .. } => session.web_identity.as_ref(),
            Kind::WebIdentity(assertion) => Some(&assertion.identity),
            Kind::Root | Kind::User(_) | Kind::Federated { .. } => None,
        }
    }

    /// The tags passed for the session; `None` when the caller is neither a role session nor a
    /// federated user.
    #[must_use]
    pub fn session_tags(&self) -> Option<&Tags> {
        match &self.kind {
            Kind::Role { session, .. } => Some(&session.tags),
            Kind::Federated { session, .. } => Some(&session.tags),
            Kind::Root | Kind::User(_) | Kind::WebIdentity(_) => None,
        }
    }

    /// The policies that limit the session; `None` when nothing does. A federated user is always
    /// limited, to nothing when no policy was passed.
    pub(crate) fn session_policies(&self) -> Option<PassedPolicies<'_>> {
        match &self.kind {
            Kind::Root | Kind::User(_) | Kind::WebIdentity(_) => None,
            Kind::Role { session, .. } => {
                let passed = PassedPolicies {
                    inline: session.policy.as_ref(),
                    managed: &session.policy_arns,
                };
                (!passed.is_empty()).then_some(passed)
            }
            Kind::Federated { session, .. } => Some(PassedPolicies {
                inline: session.policy.as_ref(),
                managed: &session.policy_arns,
            }),
        }
    }

    /// When the temporary credentials were issued; `None` for a long-term key.
    #[must_use]
    pub fn issued_at(&self) -> Option<Timestamp> {
        match &self.kind {
            Kind::Role { session, .. } => Some(session.issued_at),
            Kind::Federated { session, .. } => Some(session.issued_at),
            Kind::Root | Kind::User(_) => {
                let session = self.user_session.as_ref()?;
                Some(session.issued_at)
            }
            Kind::WebIdentity(_) => None,
        }
    }

    /// The owner of the sessions that the caller may ask for itself: a user or a root user.
    pub(crate) fn owner(&self) -> Option<Owner> {
        Owner::of(self)
    }

    /// The caller behind a session, if the role or user behind it is still the same.
    pub(crate) fn of_session(
        snapshot: &Snapshot,
        access_key_id: String,
        session: Session,
    ) -> Option<Self> {
        let (account, kind, user_session) = match session {
            Session::Role(session) => {
                let role = Role::find(snapshot, &session.role_arn)
                    .filter(|role| role.id == session.role_id)?;
                let account = role.account.clone();
                let session = Arc::new(session);
                (account, Kind::Role { role, session }, None)
            }
            Session::User(session) => {
                let kind = match session.owner.resolve(snapshot)? {
                    Some(user) => Kind::User(user),
                    None => Kind::Root,
                };
                let account = session.owner.account.clone();
                (account, kind, Some(Arc::new(session)))
            }
            Session::Federated(session) => {
                let issuer = session.issuer.resolve(snapshot)?;
                let account = session.issuer.account.clone();
                let session = Arc::new(session);
                (account, Kind::Federated { issuer, session }, None)
            }
        };
        Some(Self {
            access_key_id,
            account,
            kind,
            user_session,
        })
    }

    /// The `aws:Principal…` keys and their kin ("AWS global condition context keys").
    pub(crate) fn context(&self) -> Context {
        let mut context = self.principal().context();
        context.insert("aws:userid", vec![self.user_id()]);
        for (key, value) in self.principal_tags() {
            context.insert(&format!("aws:PrincipalTag/{key}"), vec![value.clone()]);
        }
        if let Some(issued) = self.issued_at() {
            context.insert("aws:TokenIssueTime", vec![lakeward_wire::iso(issued)]);
            // Nobody has an MFA device here, and only temporary credentials have the key at all.
            context.insert("aws:MultiFactorAuthPresent", vec!["false".to_owned()]);
        }
        if let Some(source) = self.source_identity() {
            context.insert("aws:SourceIdentity", vec![source.to_owned()]);
        }
        if let Some(web) = self.web_identity() {
            context.extend(web.context());
        }
        context
    }

    /// The caller's tags, the stronger ones last: a session tag wins over the role's or the
    /// issuer's own, in whatever case their keys are written.
    fn principal_tags(&self) -> impl Iterator<Item = (&String, &String)> {
        let own = match &self.kind {
            Kind::Root | Kind::WebIdentity(_) => None,
            Kind::User(user) => Some(&user.tags),
            Kind::Role { role, .. } => Some(&role.tags),
            Kind::Federated { issuer, .. } => issuer.as_ref().map(|user| &user.tags),
        };
        own.into_iter().chain(self.session_tags()).flatten()
    }
}

impl Owner {
    fn of(caller: &Caller) -> Option<Self> {
        let user = match &caller.kind {
            Kind::Root => None,
            Kind::User(user) => Some(crate::session::OwnerUser {
                name: user.name.clone(),
                id: user.id.clone(),
            }),
            Kind::Role { .. } | Kind::Federated { .. } | Kind::WebIdentity(_) => return None,
        };
        Some(Self {
            account: caller.account.clone(),
            user,
        })
    }

    /// The user, or `Some(None)` for a root user whose account is still there.
    #[expect(clippy::option_option, reason = "gone, root, or a user")]
    fn resolve(&self, snapshot: &Snapshot) -> Option<Option<Arc<User>>> {
        match &self.user {
            None => snapshot.get::<Account>(&self.account).map(|_| None),
            Some(known) => snapshot
                .get::<User>(&User::key_of(&self.account, &known.name))
                .filter(|user| user.id == known.id)
                .map(Some),
        }
    }
}

fn root_arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

pub(crate) fn federated_arn(account: &str, name: &str) -> String {
    format!("arn:aws:sts::{account}:federated-user/{name}")
}

pub(crate) fn session_arn(role: &Role, name: &str) -> String {
    format!(
        "arn:aws:sts::{}:assumed-role/{}/{name}",
        role.account, role.name
    )
}
