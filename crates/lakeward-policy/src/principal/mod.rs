//! Who calls, and the `Principal` element that names callers.

mod element;

use serde::Serialize;

use crate::arn::ArnText;
use crate::context::Context;
pub(crate) use element::{Naming, Principals};

/// The one who makes a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Principal {
    /// The root user of an account.
    Root {
        /// Twelve digits.
        account: String,
    },
    /// An IAM user.
    User {
        /// `arn:aws:iam::account:user/path/name`.
        arn: String,
    },
    /// A session of a role.
    RoleSession {
        /// `arn:aws:iam::account:role/path/name`.
        role_arn: String,
        /// `arn:aws:sts::account:assumed-role/name/session`.
        session_arn: String,
    },
    /// A federated user (`GetFederationToken`).
    FederatedUser {
        /// `arn:aws:sts::account:federated-user/name`.
        arn: String,
        /// The user, or the root user, whose permissions it has part of.
        issuer_arn: String,
    },
    /// Someone whom an identity provider vouches for (`AssumeRoleWithWebIdentity`).
    WebIdentity {
        /// The provider as policies name it: its ARN, `arn:aws:iam::account:oidc-provider/host`.
        provider: String,
    },
    /// An AWS service acting for itself.
    Service {
        /// Such as `elasticmapreduce.amazonaws.com`.
        name: String,
    },
    /// A request without a signature.
    Anonymous,
}

impl Principal {
    /// The account of the caller; services and anonymous callers have none.
    pub fn account(&self) -> Option<&str> {
        match self {
            Principal::Root { account } => Some(account),
            Principal::User { arn } | Principal::FederatedUser { arn, .. } => {
                ArnText::new(arn).account()
            }
            Principal::RoleSession { session_arn, .. } => ArnText::new(session_arn).account(),
            Principal::WebIdentity { .. } | Principal::Service { .. } | Principal::Anonymous => {
                None
            }
        }
    }

    /// The name that messages and audit records show: the session ARN of a role session, the
    /// service's name, or `anonymous`.
    pub fn arn(&self) -> String {
        match self {
            Principal::Root { account } => format!("arn:aws:iam::{account}:root"),
            Principal::User { arn } | Principal::FederatedUser { arn, .. } => arn.clone(),
            Principal::RoleSession { session_arn, .. } => session_arn.clone(),
            Principal::WebIdentity { provider } => provider.clone(),
            Principal::Service { name } => name.clone(),
            Principal::Anonymous => "anonymous".to_owned(),
        }
    }

    /// The condition keys that follow from the caller alone: `aws:PrincipalArn` (the role of a
    /// role session), `aws:PrincipalAccount`, `aws:PrincipalType`, `aws:PrincipalIsAWSService`,
    /// `aws:PrincipalServiceName` and, for users, `aws:username`.
    ///
    /// Source: IAM User Guide, "AWS global condition context keys".
    pub fn context(&self) -> Context {
        let (kind, arn) = match self {
            Principal::Root { .. } => ("Account", Some(self.arn())),
            Principal::User { arn } => ("User", Some(arn.clone())),
            Principal::RoleSession { role_arn, .. } => ("AssumedRole", Some(role_arn.clone())),
            Principal::FederatedUser { arn, .. } => ("FederatedUser", Some(arn.clone())),
            Principal::WebIdentity { .. } => ("Federated", None),
            Principal::Service { .. } => ("Service", None),
            Principal::Anonymous => ("Anonymous", None),
        };
        let service = matches!(self, Principal::Service { .. });
        let mut context = Context::new().with("aws:PrincipalIsAWSService", service.to_string());
        let mut set = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                context.insert(key, vec![value]);
            }
        };
        set("aws:PrincipalType", (!service).then(|| kind.to_owned()));
        set("aws:PrincipalArn", arn);
        set("aws:PrincipalAccount", self.account().map(str::to_owned));
        if let Principal::User { arn } = self {
            set("aws:username", arn.rsplit('/').next().map(str::to_owned));
        }
        if let Principal::Service { name } = self {
            set("aws:PrincipalServiceName", Some(name.clone()));
        }
        context
    }
}

impl Principal {
    /// Whether this is a federated user that the account's root user vouches for.
    pub(crate) fn issued_by_root(&self) -> bool {
        match self {
            Principal::FederatedUser { issuer_arn, .. } => issuer_arn.ends_with(":root"),
            _ => false,
        }
    }

    /// Whether this is a session of a role that belongs to a service; organizations' policies
    /// don't bind those.
    pub(crate) fn is_service_linked(&self) -> bool {
        match self {
            Principal::RoleSession { role_arn, .. } => role_arn.contains(":role/aws-service-role/"),
            _ => false,
        }
    }
}
