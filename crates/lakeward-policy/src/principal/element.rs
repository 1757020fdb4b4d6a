//! The `Principal` and `NotPrincipal` elements: who is named, and how.

use std::collections::BTreeMap;

use super::Principal;
use crate::arn::Arn;

/// How a resource's policy names the caller, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Naming {
    /// By its account: a delegation to that account's identity policies.
    Account,
    /// By the role behind a session, or the user behind a federated user.
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
    /// Users, roles and sessions.
    named: Vec<Named>,
    /// Unique ids that stand in the text itself: what is left of a deleted user or role.
    ids: Vec<Box<str>>,
    services: Vec<Box<str>>,
    providers: Vec<Box<str>>,
    /// S3's old way to name accounts. Kept for display: no caller of that kind exists.
    canonical_users: Vec<Box<str>>,
}

/// A user, role or session by its ARN.
#[derive(Clone, Debug)]
struct Named {
    arn: Box<str>,
    /// The unique id behind the ARN when the policy was saved; it alone counts from then on.
    id: Option<Box<str>>,
}

impl Principals {
    pub fn everyone() -> Principals {
        Principals {
            everyone: true,
            ..Principals::default()
        }
    }

    pub fn is_everyone(&self) -> bool {
        self.everyone
    }

    /// Adds one entry; false when it is not a principal.
    #[must_use]
    pub fn add(&mut self, kind: &str, value: &str) -> bool {
        match kind {
            "AWS" => return self.add_aws(value),
            "Service" if is_host_name(value) => self.services.push(value.into()),
            "Federated" if is_provider(value) => self.providers.push(value.into()),
            "CanonicalUser" if !value.is_empty() && value != "*" => {
                self.canonical_users.push(value.into())
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
        if is_unique_id(value) {
            self.ids.push(value.into());
            return true;
        }
        let Ok(arn) = Arn::parse(value) else {
            return false;
        };
        if is_origin_access_identity(&arn) {
            let (arn, id) = (value.into(), None);
            self.named.push(Named { arn, id });
            return true;
        }
        if !is_account(&arn.account) || !arn.region.is_empty() || value.contains(['*', '?']) {
            return false;
        }
        let named = match (arn.service.as_str(), arn.resource.as_str()) {
            ("iam", "root") => {
                self.accounts.push(arn.account.into());
                return true;
            }
            ("iam", name) => has_name(name, &["user", "role"]),
            ("sts", name) => has_name(name, &["assumed-role", "federated-user"]),
            _ => false,
        };
        if named {
            let (arn, id) = (value.into(), None);
            self.named.push(Named { arn, id });
        }
        named
    }

    /// Binds users and roles to the unique ids that are known for their ARNs.
    pub fn bind(&mut self, ids: &BTreeMap<String, String>) {
        for named in &mut self.named {
            named.id = ids.get(&*named.arn).map(|id| id.as_str().into());
        }
    }

    pub fn is_empty(&self) -> bool {
        let lists = [
            &self.accounts,
            &self.ids,
            &self.services,
            &self.providers,
            &self.canonical_users,
        ];
        !self.everyone
            && !self.every_aws
            && self.named.is_empty()
            && lists.iter().all(|list| list.is_empty())
    }

    /// The AWS principals named by ARN: users, roles, sessions.
    pub fn arns(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|named| &*named.arn)
    }

    /// The strongest way in which the element names the caller.
    pub fn naming(&self, principal: &Principal, id: Option<&str>) -> Option<Naming> {
        if self.reaches_all(principal) {
            return Some(Naming::Caller);
        }
        let (itself, behind) = match principal {
            Principal::Root { account } => (self.has_account(account), false),
            Principal::User { arn } => (self.has_identity(arn, id), false),
            Principal::RoleSession {
                role_arn,
                session_arn,
            } => (
                self.has_session(session_arn),
                self.has_identity(role_arn, id),
            ),
            Principal::FederatedUser { arn, issuer_arn } => {
                (self.has_session(arn), self.has_identity(issuer_arn, id))
            }
            Principal::WebIdentity { provider } => (has(&self.providers, provider), false),
            Principal::Service { name } => (has(&self.services, name), false),
            Principal::Anonymous => (false, false),
        };
        let account = || {
            let account = principal.account()?;
            self.has_account(account).then_some(Naming::Account)
        };
        match (itself, behind) {
            (true, _) => Some(Naming::Caller),
            (false, true) => Some(Naming::Role),
            (false, false) => account(),
        }
    }

    /// Whether a `NotPrincipal` element leaves the caller out: every identity behind the caller
    /// must be listed, which for a role session is session, role and account.
    ///
    /// Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal".
    pub fn exempts(&self, principal: &Principal, id: Option<&str>) -> bool {
        if self.reaches_all(principal) {
            return true;
        }
        let account = principal
            .account()
            .is_some_and(|account| self.has_account(account));
        match principal {
            Principal::Root { .. } => account,
            Principal::User { arn } => account && self.has_identity(arn, id),
            Principal::RoleSession {
                role_arn,
                session_arn,
            } => account && self.has_identity(role_arn, id) && self.has_session(session_arn),
            Principal::FederatedUser { arn, issuer_arn } => {
                let issuer = principal.issued_by_root() || self.has_identity(issuer_arn, id);
                account && issuer && self.has_session(arn)
            }
            Principal::WebIdentity { provider } => has(&self.providers, provider),
            Principal::Service { name } => has(&self.services, name),
            Principal::Anonymous => false,
        }
    }

    /// `*` reaches everyone; under `AWS` it leaves out services.
    fn reaches_all(&self, principal: &Principal) -> bool {
        self.everyone || (self.every_aws && !matches!(principal, Principal::Service { .. }))
    }

    fn has_account(&self, account: &str) -> bool {
        has(&self.accounts, account)
    }

    /// Whether a user or role is named: by its unique id, or by its ARN where that is not bound.
    fn has_identity(&self, arn: &str, id: Option<&str>) -> bool {
        let by_name = self.named.iter().any(|named| match &named.id {
            Some(bound) => id == Some(&**bound),
            None => *named.arn == *arn,
        });
        by_name || id.is_some_and(|id| has(&self.ids, id))
    }

    fn has_session(&self, arn: &str) -> bool {
        self.named.iter().any(|named| *named.arn == *arn)
    }
}

fn has(list: &[Box<str>], wanted: &str) -> bool {
    list.iter().any(|known| **known == *wanted)
}

/// CloudFront's own readers of buckets, which bucket policies name as users of no account.
///
/// Source: Amazon CloudFront Developer Guide, "Use an origin access identity".
fn is_origin_access_identity(arn: &Arn) -> bool {
    let name = arn
        .resource
        .strip_prefix("user/CloudFront Origin Access Identity ");
    arn.service == "iam"
        && arn.account == "cloudfront"
        && arn.region.is_empty()
        && name
            .is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The unique ids of users (`AIDA…`) and roles (`AROA…`).
fn is_unique_id(text: &str) -> bool {
    let rest = text
        .strip_prefix("AIDA")
        .or_else(|| text.strip_prefix("AROA"));
    rest.is_some_and(|rest| {
        (12..=124).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// An identity provider: its ARN in IAM, or the host name of one that IAM knows by itself, such
/// as `accounts.google.com`.
fn is_provider(text: &str) -> bool {
    let Ok(arn) = Arn::parse(text) else {
        return is_host_name(text);
    };
    arn.service == "iam"
        && is_account(&arn.account)
        && !text.contains(['*', '?'])
        && has_name(&arn.resource, &["oidc-provider", "saml-provider"])
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
        let naming = |value: &str| aws(&[value]).naming(&session(), None);
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
        assert_eq!(aws(&["*"]).naming(&service, None), None);
        assert_eq!(
            Principals::everyone().naming(&service, None),
            Some(Naming::Caller)
        );
        assert_eq!(
            aws(&["*"]).naming(&Principal::Anonymous, None),
            Some(Naming::Caller)
        );
    }

    #[test]
    fn not_principal_wants_the_whole_chain() {
        let role = "arn:aws:iam::111122223333:role/team/reader";
        let own = "arn:aws:sts::111122223333:assumed-role/reader/ana";
        assert!(!aws(&[own]).exempts(&session(), None));
        assert!(!aws(&["111122223333"]).exempts(&session(), None));
        assert!(!aws(&[own, role]).exempts(&session(), None));
        assert!(aws(&[own, role, "111122223333"]).exempts(&session(), None));
    }

    #[test]
    fn origin_access_identities_are_named() {
        let named = aws(&["arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E123"]);
        assert!(!named.is_empty());
        assert_eq!(named.naming(&session(), None), None);
        assert_eq!(named.naming(&Principal::Anonymous, None), None);
    }

    #[test]
    fn texts_that_are_not_principals() {
        for (kind, value) in [
            (
                "AWS",
                "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity *",
            ),
            ("AWS", "arn:aws:iam::cloudfront:user/x"),
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
