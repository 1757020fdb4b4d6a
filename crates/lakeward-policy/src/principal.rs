//! Who calls, and the `Principal` element that names callers.

use serde::Serialize;

use crate::arn::{Arn, ArnText};
use crate::context::Context;

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
            Principal::User { arn } => ArnText::new(arn).account(),
            Principal::RoleSession { session_arn, .. } => ArnText::new(session_arn).account(),
            Principal::Service { .. } | Principal::Anonymous => None,
        }
    }

    /// The name that messages and audit records show: the session ARN of a role session, the
    /// service's name, or `anonymous`.
    pub fn arn(&self) -> String {
        match self {
            Principal::Root { account } => format!("arn:aws:iam::{account}:root"),
            Principal::User { arn } => arn.clone(),
            Principal::RoleSession { session_arn, .. } => session_arn.clone(),
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

/// How a resource's policy names the caller, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Naming {
    /// By its account: a delegation to that account's identity policies.
    Account,
    /// By the role behind a session.
    Role,
    /// Itself, or `*`.
    Caller,
}

/// The value of a `Principal` or `NotPrincipal` element.
#[derive(Clone, Debug, Default)]
pub(crate) struct Principals {
    everyone: bool,
    every_aws: bool,
    accounts: Vec<Box<str>>,
    arns: Vec<Box<str>>,
    services: Vec<Box<str>>,
    /// Kept for display; no caller of these kinds exists yet, so they match nobody.
    others: Vec<Box<str>>,
}

impl Principals {
    pub fn everyone() -> Principals {
        Principals {
            everyone: true,
            ..Principals::default()
        }
    }

    /// Adds one entry; false when it is not a principal.
    #[must_use]
    pub fn add(&mut self, kind: &str, value: &str) -> bool {
        match kind {
            "AWS" => return self.add_aws(value),
            "Service" if is_host_name(value) => self.services.push(value.into()),
            "Federated" | "CanonicalUser" if !value.is_empty() && value != "*" => {
                self.others.push(value.into())
            }
            _ => return false,
        }
        true
    }

    fn add_aws(&mut self, value: &str) -> bool {
        if value == "*" {
            self.every_aws = true;
            return true;
        }
        if is_account(value) {
            self.accounts.push(value.into());
            return true;
        }
        let Ok(arn) = Arn::parse(value) else {
            return false;
        };
        if !is_account(&arn.account) || !arn.region.is_empty() || value.contains(['*', '?']) {
            return false;
        }
        match (arn.service.as_str(), arn.resource.as_str()) {
            ("iam", "root") => self.accounts.push(arn.account.into()),
            ("iam", name) if has_name(name, &["user", "role"]) => self.arns.push(value.into()),
            ("sts", name) if has_name(name, &["assumed-role", "federated-user"]) => {
                self.arns.push(value.into())
            }
            _ => return false,
        }
        true
    }

    pub fn is_empty(&self) -> bool {
        let lists = [&self.accounts, &self.arns, &self.services, &self.others];
        !self.everyone && !self.every_aws && lists.iter().all(|list| list.is_empty())
    }

    /// The AWS principals named by ARN: users, roles, sessions.
    pub fn arns(&self) -> impl Iterator<Item = &str> {
        self.arns.iter().map(|arn| &**arn)
    }

    /// The strongest way in which the element names the caller.
    pub fn naming(&self, principal: &Principal) -> Option<Naming> {
        if self.everyone || (self.every_aws && !matches!(principal, Principal::Service { .. })) {
            return Some(Naming::Caller);
        }
        let named = |arn: &str| self.arns.iter().any(|known| **known == *arn);
        let direct = match principal {
            Principal::Root { account } => self.has_account(account).then_some(Naming::Caller),
            Principal::User { arn } => named(arn).then_some(Naming::Caller),
            Principal::RoleSession {
                role_arn,
                session_arn,
            } => match named(session_arn) {
                true => Some(Naming::Caller),
                false => named(role_arn).then_some(Naming::Role),
            },
            Principal::Service { name } => self
                .services
                .iter()
                .any(|known| **known == **name)
                .then_some(Naming::Caller),
            Principal::Anonymous => None,
        };
        let account = || {
            principal
                .account()
                .filter(|account| self.has_account(account))
                .map(|_| Naming::Account)
        };
        direct.or_else(account)
    }

    /// Whether a `NotPrincipal` element leaves the caller out: every identity behind the caller
    /// must be listed, which for a role session is session, role and account.
    ///
    /// Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal".
    pub fn exempts(&self, principal: &Principal) -> bool {
        if self.everyone || (self.every_aws && !matches!(principal, Principal::Service { .. })) {
            return true;
        }
        let named = |arn: &str| self.arns.iter().any(|known| **known == *arn);
        let account = principal
            .account()
            .is_some_and(|account| self.has_account(account));
        match principal {
            Principal::Root { .. } => account,
            Principal::User { arn } => account && named(arn),
            Principal::RoleSession {
                role_arn,
                session_arn,
            } => account && named(role_arn) && named(session_arn),
            Principal::Service { name } => self.services.iter().any(|known| **known == **name),
            Principal::Anonymous => false,
        }
    }

    fn has_account(&self, account: &str) -> bool {
        self.accounts.iter().any(|known| **known == *account)
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_host_name(text: &str) -> bool {
    text.contains('.')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
}

fn has_name(resource: &str, kinds: &[&str]) -> bool {
    resource
        .split_once('/')
        .is_some_and(|(kind, name)| kinds.contains(&kind) && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Principal {
        Principal::RoleSession {
            role_arn: "arn:aws:iam::111122223333:role/team/reader".into(),
            session_arn: "arn:aws:sts::111122223333:assumed-role/reader/ana".into(),
        }
    }

    fn aws(values: &[&str]) -> Principals {
        let mut principals = Principals::default();
        for value in values {
            assert!(principals.add("AWS", value), "{value}");
        }
        principals
    }

    #[test]
    fn a_session_is_named_by_itself_its_role_or_its_account() {
        let naming = |value: &str| aws(&[value]).naming(&session());
        assert_eq!(
            naming("arn:aws:sts::111122223333:assumed-role/reader/ana"),
            Some(Naming::Caller)
        );
        assert_eq!(
            naming("arn:aws:iam::111122223333:role/team/reader"),
            Some(Naming::Role)
        );
        assert_eq!(
            naming("arn:aws:iam::111122223333:root"),
            Some(Naming::Account)
        );
        assert_eq!(naming("111122223333"), Some(Naming::Account));
        assert_eq!(naming("*"), Some(Naming::Caller));
        assert_eq!(naming("arn:aws:iam::111122223333:role/reader"), None);
        assert_eq!(naming("444455556666"), None);
    }

    #[test]
    fn star_under_aws_is_not_a_service() {
        let service = Principal::Service {
            name: "elasticmapreduce.amazonaws.com".into(),
        };
        assert_eq!(aws(&["*"]).naming(&service), None);
        assert_eq!(
            Principals::everyone().naming(&service),
            Some(Naming::Caller)
        );
        assert_eq!(
            aws(&["*"]).naming(&Principal::Anonymous),
            Some(Naming::Caller)
        );
    }

    #[test]
    fn not_principal_wants_the_whole_chain() {
        let role = "arn:aws:iam::111122223333:role/team/reader";
        let own = "arn:aws:sts::111122223333:assumed-role/reader/ana";
        assert!(!aws(&[own]).exempts(&session()));
        assert!(!aws(&["111122223333"]).exempts(&session()));
        assert!(!aws(&[own, role]).exempts(&session()));
        assert!(aws(&[own, role, "111122223333"]).exempts(&session()));
    }

    #[test]
    fn texts_that_are_not_principals() {
        for (kind, value) in [
            ("AWS", ""),
            ("AWS", "arn:aws:iam::studio_account_id:role/x"),
            ("AWS", "arn:aws:iam::111122223333:role/*"),
            ("AWS", "arn:aws:s3:::bucket"),
            ("AWS", "AROAEXAMPLEID"),
            ("Service", "*"),
            ("Host", "a.b"),
        ] {
            assert!(!Principals::default().add(kind, value), "{kind} {value}");
        }
    }

    #[test]
    fn the_caller_fills_its_own_keys() {
        let context = session().context();
        assert_eq!(
            context.get("aws:PrincipalArn").unwrap(),
            ["arn:aws:iam::111122223333:role/team/reader"]
        );
        assert_eq!(
            context.get("aws:PrincipalAccount").unwrap(),
            ["111122223333"]
        );
        assert_eq!(context.get("aws:username"), None);
    }
}
