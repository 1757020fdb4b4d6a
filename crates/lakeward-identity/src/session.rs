//! What temporary credentials stand for, as their tokens carry it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{StoredPolicy, inventory::Tags};

/// Any session. The kind is part of the sealed text, so that a token of a shape that this version
/// doesn't know is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Session {
    /// `AssumeRole` and its kin.
    Role(RoleSession),
    /// `GetSessionToken`.
    User(UserSession),
    /// `GetFederationToken`.
    Federated(FederatedSession),
}

impl Session {
    /// When its keys end.
    pub(crate) fn expires_at(&self) -> Timestamp {
        match self {
            Self::Role(session) => session.expires_at,
            Self::User(session) => session.expires_at,
            Self::Federated(session) => session.expires_at,
        }
    }
}

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
    /// ARNs of the managed session policies that were passed; read anew at each use.
    #[serde(default)]
    pub policy_arns: Vec<String>,
    /// Who vouched for it, if an identity provider did.
    #[serde(default)]
    pub web_identity: Option<WebIdentity>,
    /// When the session began.
    pub issued_at: Timestamp,
    /// When its keys end.
    pub expires_at: Timestamp,
}

/// What an OpenID Connect provider said about the one behind a role session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebIdentity {
    /// The provider's ARN, `arn:aws:iam::account:oidc-provider/host`.
    pub provider: String,
    /// The issuer without its scheme, as condition keys begin with it.
    pub issuer: String,
    /// The token's `sub`.
    pub subject: String,
    /// The client that the token is for: its `azp`, or else its `aud`.
    pub audience: String,
    /// The token's `amr`.
    pub methods: Vec<String>,
}

impl WebIdentity {
    /// `provider:audience:subject`, as CloudTrail names the one behind a token.
    pub(crate) fn user_id(&self) -> String {
        format!("{}:{}:{}", self.provider, self.audience, self.subject)
    }

    /// The condition keys: `aws:FederatedProvider` and `host:sub`, `host:aud`, `host:amr` ("IAM
    /// and AWS STS condition context keys", available keys for OIDC federation).
    pub(crate) fn context(&self) -> lakeward_policy::Context {
        let mut context =
            lakeward_policy::Context::new().with("aws:FederatedProvider", self.provider.clone());
        let mut set = |key: &str, values: Vec<String>| {
            context.insert(&format!("{}:{key}", self.issuer), values);
        };
        set("sub", vec![self.subject.clone()]);
        set("aud", vec![self.audience.clone()]);
        if !self.methods.is_empty() {
            set("amr", self.methods.clone());
        }
        context
    }
}

/// A session of a user, or of an account's root, that does what its long-term key does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UserSession {
    pub(crate) owner: Owner,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A session of a federated user: part of what its issuer may do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FederatedSession {
    /// Whose permissions it has part of.
    pub(crate) issuer: Owner,
    pub(crate) name: String,
    pub(crate) tags: Tags,
    pub(crate) policy: Option<StoredPolicy>,
    pub(crate) policy_arns: Vec<String>,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// The user behind a session, or an account's root.
///
/// The key that asked for the session is not kept: AWS lets such sessions outlive it, and only
/// deleting the user, or denying it, ends them ("Disabling permissions for temporary security
/// credentials").
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) account: String,
    /// `None` is the account's root.
    pub(crate) user: Option<OwnerUser>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OwnerUser {
    pub(crate) name: String,
    /// `AIDA…`: a user made again under the same name is another.
    pub(crate) id: String,
}

/// The policies that were passed when a session was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PassedPolicies<'a> {
    pub(crate) inline: Option<&'a StoredPolicy>,
    /// ARNs of managed policies.
    pub(crate) managed: &'a [String],
}

impl PassedPolicies<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.inline.is_none() && self.managed.is_empty()
    }
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
            policy_arns: Vec::new(),
            web_identity: None,
            issued_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
        }
    }
}
