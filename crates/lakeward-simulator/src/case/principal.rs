//! From the text that names a caller to the caller.

use std::collections::BTreeSet;

use lakeward_policy::{Arn, Context, PolicyDocument, Principal};

/// How the names of service-linked roles begin.
///
/// Source: IAM User Guide, "IAM identifiers".
const SERVICE_LINKED: &str = "AWSServiceRoleFor";

/// The path of a service-linked role whose service the case doesn't tell.
const UNTOLD_SERVICE: &str = "aws-service-role/unknown.amazonaws.com/";

/// A text that names no caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a principal; expected the ARN of a user, role, role session, federated user, identity provider or \
     account root, a service such as glue.amazonaws.com, or null for an anonymous caller"
)]
pub struct PrincipalError(String);

/// The caller that a text names.
///
/// A role's ARN stands for some session of that role. The role of a session is found by its name,
/// with the path that `aws:PrincipalArn` in the context gives, if it is there; a name that only
/// service-linked roles have tells that the role is one. The user behind a federated user is taken
/// to have its name.
///
/// # Errors
/// [`PrincipalError`] when the text is no ARN of a caller and no service's name.
pub fn principal(text: &str, action: &str, context: &Context) -> Result<Principal, PrincipalError> {
    let refuse = || PrincipalError(text.to_owned());
    if !text.starts_with("arn:") {
        return named(text, action).ok_or_else(refuse);
    }
    let arn = Arn::parse(text).map_err(|_| refuse())?;
    let account = arn.account.as_str();
    let well_formed = account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && arn.region.is_empty()
        && !text.contains(['*', '?'])
        && !text.contains(char::is_whitespace);
    if !well_formed {
        return Err(refuse());
    }
    let (kind, name) = match arn.resource.split_once('/') {
        Some((kind, name)) if !name.is_empty() => (kind, name),
        None if arn.resource == "root" => ("root", ""),
        _ => return Err(refuse()),
    };
    match (arn.service.as_str(), kind) {
        ("iam", "root") if name.is_empty() => Ok(Principal::Root {
            account: account.to_owned(),
        }),
        ("iam", "user") => Ok(Principal::User {
            arn: text.to_owned(),
        }),
        ("iam", "role") => Ok(some_session(&arn, name)),
        ("iam", "oidc-provider" | "saml-provider") => Ok(Principal::WebIdentity {
            provider: text.to_owned(),
        }),
        ("sts", "assumed-role") => session(text, &arn, name, context).ok_or_else(refuse),
        ("sts", "federated-user") => Ok(Principal::FederatedUser {
            arn: text.to_owned(),
            issuer_arn: format!("arn:{}:iam::{account}:user/{name}", arn.partition),
        }),
        _ => Err(refuse()),
    }
}

/// A session of the role whose name no policy can mention.
fn some_session(role: &Arn, path_and_name: &str) -> Principal {
    let Arn {
        partition, account, ..
    } = role;
    let name = path_and_name.rsplit('/').next().unwrap_or(path_and_name);
    Principal::RoleSession {
        role_arn: role.to_string(),
        session_arn: format!("arn:{partition}:sts::{account}:assumed-role/{name}/"),
    }
}

fn session(text: &str, arn: &Arn, name: &str, context: &Context) -> Option<Principal> {
    let (role, session) = name.split_once('/')?;
    if role.is_empty() || session.is_empty() || session.contains('/') {
        return None;
    }
    let prefix = format!("arn:{}:iam::{}:role/", arn.partition, arn.account);
    let told = context
        .get("aws:PrincipalArn")
        .and_then(|values| values.first());
    let told = told.filter(|told| {
        told.strip_prefix(&prefix)
            .is_some_and(|rest| rest.rsplit('/').next() == Some(role))
    });
    let path = match role.starts_with(SERVICE_LINKED) {
        true => UNTOLD_SERVICE,
        false => "",
    };
    Some(Principal::RoleSession {
        role_arn: told
            .cloned()
            .unwrap_or_else(|| format!("{prefix}{path}{role}")),
        session_arn: text.to_owned(),
    })
}

/// The caller with the path of its role as the resource's policy has it. A session's ARN leaves the
/// path out, but an account has one role of a name at most, so a policy that names it names the
/// session's.
pub(crate) fn with_path_from(principal: Principal, policy: Option<&PolicyDocument>) -> Principal {
    let Principal::RoleSession {
        role_arn,
        session_arn,
    } = principal
    else {
        return principal;
    };
    let named = policy
        .filter(|_| !session_arn.ends_with('/'))
        .and_then(|policy| named_role(&role_arn, policy));
    Principal::RoleSession {
        role_arn: named.unwrap_or(role_arn),
        session_arn,
    }
}

/// The one role of this name in this account that the policy names.
fn named_role(role_arn: &str, policy: &PolicyDocument) -> Option<String> {
    let (account, path_and_name) = role_arn.split_once(":role/")?;
    let name = path_and_name.rsplit('/').next()?;
    let same = |arn: &&str| {
        arn.split_once(":role/")
            .is_some_and(|(of, rest)| of == account && rest.rsplit('/').next() == Some(name))
    };
    let named: BTreeSet<&str> = policy.principal_arns().filter(same).collect();
    match (named.first(), named.len()) {
        (Some(arn), 1) => Some((*arn).to_owned()),
        _ => None,
    }
}

/// A service, or one of the identity providers that policies name by host.
fn named(text: &str, action: &str) -> Option<Principal> {
    const SERVICES: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".aws.internal"];
    const PROVIDERS: [&str; 4] = [
        "accounts.google.com",
        "cognito-identity.amazonaws.com",
        "graph.facebook.com",
        "www.amazon.com",
    ];
    let host = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
    if !host || text.starts_with('.') {
        return None;
    }
    let vouches = action.eq_ignore_ascii_case("sts:AssumeRoleWithWebIdentity");
    if PROVIDERS.contains(&text) && (vouches || !text.ends_with(".amazonaws.com")) {
        return Some(Principal::WebIdentity {
            provider: text.to_owned(),
        });
    }
    let service = SERVICES.iter().any(|suffix| text.ends_with(suffix));
    service.then(|| Principal::Service {
        name: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Principal, PrincipalError> {
        principal(text, "s3:GetObject", &Context::new())
    }

    #[test]
    fn every_kind_of_caller() {
        let session = |role: &str, session: &str| Principal::RoleSession {
            role_arn: format!("arn:aws:iam::111122223333:role/{role}"),
            session_arn: format!("arn:aws:sts::111122223333:assumed-role/{session}"),
        };
        assert_eq!(
            read("arn:aws:sts::111122223333:assumed-role/reader/ana").unwrap(),
            session("reader", "reader/ana")
        );
        assert_eq!(
            read("arn:aws:iam::111122223333:role/team/reader").unwrap(),
            session("team/reader", "reader/")
        );
        let known = Context::new().with(
            "aws:PrincipalArn",
            "arn:aws:iam::111122223333:role/team/reader",
        );
        let told = principal(
            "arn:aws:sts::111122223333:assumed-role/reader/ana",
            "s3:GetObject",
            &known,
        );
        assert_eq!(told.unwrap(), session("team/reader", "reader/ana"));
        assert_eq!(
            read("arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForX/a").unwrap(),
            session(
                "aws-service-role/unknown.amazonaws.com/AWSServiceRoleForX",
                "AWSServiceRoleForX/a"
            )
        );
        assert_eq!(
            read("arn:aws:iam::111122223333:root").unwrap(),
            Principal::Root {
                account: "111122223333".into()
            }
        );
        assert_eq!(
            read("glue.amazonaws.com").unwrap(),
            Principal::Service {
                name: "glue.amazonaws.com".into()
            }
        );
        assert!(matches!(
            read("arn:aws:sts::111122223333:federated-user/ana").unwrap(),
            Principal::FederatedUser { issuer_arn, .. } if issuer_arn == "arn:aws:iam::111122223333:user/ana"
        ));
        assert!(matches!(
            read("arn:aws:iam::111122223333:oidc-provider/id.example").unwrap(),
            Principal::WebIdentity { .. }
        ));
        assert!(matches!(
            principal(
                "cognito-identity.amazonaws.com",
                "sts:assumerolewithwebidentity",
                &Context::new()
            ),
            Ok(Principal::WebIdentity { .. })
        ));
    }

    #[test]
    fn texts_that_name_nobody() {
        for text in [
            "",
            "*",
            "ana",
            "111122223333",
            "example.com",
            ".amazonaws.com",
            "arn:aws:iam::111122223333:user/",
            "arn:aws:iam::111122223333:user/*",
            "arn:aws:iam::111122223333:group/team",
            "arn:aws:iam::1111:user/ana",
            "arn:aws:iam:eu-west-1:111122223333:user/ana",
            "arn:aws:sts::111122223333:assumed-role/reader",
            "arn:aws:sts::111122223333:assumed-role/reader/a/b",
            "arn:aws:s3:::bucket",
            "arn:aws:iam::111122223333:root/x",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
