//! The principal that a question is about.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use lakeward_policy::Arn;
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;

use crate::{Account, Caller, Role, RoleSession, User, caller::Kind};

/// A principal's name, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Root {
        account: String,
    },
    User {
        arn: Arn,
        name: String,
    },
    Role {
        arn: Arn,
    },
    Session {
        account: String,
        role: String,
        session: String,
    },
}

/// What a question's session is called where the question names the role alone.
const SESSION: &str = "lakeward-explain";

impl Subject {
    /// Reads the ARN of a user, role, role session, or root user.
    ///
    /// # Errors
    /// `ValidationException`: it is none of these.
    pub(super) fn parse(text: &str) -> Result<Self, AwsError> {
        let none = || {
            AwsError::validation(format!(
                "Principal `{text}` is not the ARN of a user, a role, a role session or an account's root"
            ))
        };
        let arn = Arn::parse(text).map_err(|_| none())?;
        let (kind, name) = arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
        let last = name.rsplit('/').next().unwrap_or_default().to_owned();
        match (&*arn.service, kind) {
            ("iam", "root") if name.is_empty() => Ok(Self::Root {
                account: arn.account,
            }),
            ("iam", "user") if !last.is_empty() => Ok(Self::User { arn, name: last }),
            ("iam", "role") if !last.is_empty() => Ok(Self::Role { arn }),
            ("sts", "assumed-role") => {
                let (role, session) = name.split_once('/').ok_or_else(none)?;
                Ok(Self::Session {
                    role: role.to_owned(),
                    session: session.to_owned(),
                    account: arn.account,
                })
            }
            _ => Err(none()),
        }
    }

    /// The ARN that policies about the principal name: a session's is its role's. Whether there is
    /// such a principal doesn't show.
    pub(super) fn policy_arn(&self, snapshot: &Snapshot) -> String {
        match self {
            Self::Root { account } => format!("arn:aws:iam::{account}:root"),
            Self::User { arn, .. } | Self::Role { arn } => arn.to_string(),
            Self::Session { account, role, .. } => {
                let known = snapshot.get::<Role>(&Role::key_of(account, role));
                match known {
                    Some(role) => role.arn(),
                    None => format!("arn:aws:iam::{account}:role/{role}"),
                }
            }
        }
    }

    /// The principal as a caller, if there is one.
    pub(super) fn caller(&self, snapshot: &Snapshot, now: Timestamp) -> Option<Caller> {
        let (account, kind) = match self {
            Self::Root { account } => {
                snapshot.get::<Account>(account)?;
                (account, Kind::Root)
            }
            Self::User { arn, name } => {
                let user = snapshot.get::<User>(&User::key_of(&arn.account, name))?;
                let same = user.arn() == arn.to_string();
                (&arn.account, Kind::User(same.then_some(user)?))
            }
            Self::Role { arn } => {
                let role = Role::find(snapshot, &arn.to_string())?;
                (&arn.account, session(role, SESSION, now))
            }
            Self::Session {
                account,
                role,
                session: name,
            } => {
                let role = snapshot.get::<Role>(&Role::key_of(account, role))?;
                (account, session(role, name, now))
            }
        };
        Some(Caller::permanent(String::new(), account.clone(), kind))
    }
}

/// A session without tags, source identity or policies of its own.
fn session(role: Arc<Role>, name: &str, now: Timestamp) -> Kind {
    let session = Arc::new(RoleSession {
        role_arn: role.arn(),
        role_id: role.id.clone(),
        name: name.to_owned(),
        source_identity: None,
        tags: BTreeMap::new(),
        transitive: Vec::new(),
        policy: None,
        policy_arns: Vec::new(),
        web_identity: None,
        issued_at: now,
        expires_at: now,
    });
    Kind::Role { role, session }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_told_apart() {
        let session = Subject::parse("arn:aws:sts::111122223333:assumed-role/reader/ana").unwrap();
        let expected = Subject::Session {
            account: "111122223333".into(),
            role: "reader".into(),
            session: "ana".into(),
        };
        assert_eq!(session, expected);
        for text in [
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:user/team/ana",
            "arn:aws:iam::111122223333:role/reader",
        ] {
            assert!(Subject::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "ana",
            "arn:aws:iam::111122223333:user/",
            "arn:aws:iam::111122223333:group/g",
            "arn:aws:sts::111122223333:assumed-role/reader",
            "arn:aws:s3:::lake",
        ] {
            assert!(Subject::parse(text).is_err(), "{text}");
        }
    }
}
