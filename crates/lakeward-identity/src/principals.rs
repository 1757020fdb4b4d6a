//! The users and roles that policies name: bound to their unique ids when a policy is saved, as AWS
//! does, so that whoever takes over a name doesn't inherit what was given to another ("AWS JSON
//! policy elements: Principal" of the IAM User Guide).

use lakeward_policy::Arn;
use lakeward_store::Snapshot;
use serde_json::Value;
use thiserror::Error;

use crate::{Role, StoredPolicy, User};

/// A policy names a user or role that doesn't exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Invalid principal in policy: \"AWS\":\"{0}\"")]
pub struct UnknownPrincipal(pub String);

/// Names the user or role of an ARN; sessions and the like are none.
enum Named {
    User,
    Role,
}

fn kind(arn: &str) -> Option<Named> {
    let parsed = Arn::parse(arn).ok()?;
    match parsed.resource.split_once('/')?.0 {
        "user" if parsed.service == "iam" => Some(Named::User),
        "role" if parsed.service == "iam" => Some(Named::Role),
        _ => None,
    }
}

/// The unique id of the user or role of an ARN (`AIDA…`, `AROA…`); none when there is no such user
/// or role.
pub fn unique_id(snapshot: &Snapshot, arn: &str) -> Option<String> {
    match kind(arn)? {
        Named::User => User::find(snapshot, arn).map(|user| user.id.clone()),
        Named::Role => Role::find(snapshot, arn).map(|role| role.id.clone()),
    }
}

impl StoredPolicy {
    /// The policy with each user and role that its principals name bound to its unique id.
    ///
    /// # Errors
    /// A user or role that it names doesn't exist.
    pub fn bind_principals(&self, snapshot: &Snapshot) -> Result<Self, UnknownPrincipal> {
        if let Ok(document) = self.document() {
            let missing = document
                .principal_arns()
                .find(|arn| kind(arn).is_some() && unique_id(snapshot, arn).is_none());
            if let Some(arn) = missing {
                return Err(UnknownPrincipal(arn.to_owned()));
            }
        }
        Ok(self.bind(|arn| unique_id(snapshot, arn)))
    }

    /// The text as it is shown: a principal that is gone appears as its unique id, and one that
    /// was renamed under its new name.
    #[must_use]
    pub fn shown(&self, snapshot: &Snapshot) -> String {
        let changed = |(arn, id): (&String, &String)| {
            (unique_id(snapshot, arn).as_ref() != Some(id))
                .then(|| (arn.clone(), current(snapshot, arn, id)))
        };
        let changed: Vec<(String, String)> = self.bound().iter().filter_map(changed).collect();
        if changed.is_empty() {
            return self.text().to_owned();
        }
        let Ok(mut document) = serde_json::from_str::<Value>(self.text()) else {
            return self.text().to_owned();
        };
        rename(&mut document, &changed);
        document.to_string()
    }
}

/// The ARN that the owner of an id has now, or the id.
fn current(snapshot: &Snapshot, arn: &str, id: &str) -> String {
    let account = Arn::parse(arn).map_or(String::new(), |arn| arn.account);
    let users = snapshot.scan::<User>(&format!("{account}/"));
    users
        .iter()
        .find(|user| user.id == id)
        .map_or_else(|| id.to_owned(), |user| user.arn())
}

/// Renames principals, and nothing else, in a policy document.
fn rename(document: &mut Value, names: &[(String, String)]) {
    let each = |value: &mut Value, f: &mut dyn FnMut(&mut Value)| match value {
        Value::Array(items) => items.iter_mut().for_each(f),
        one => f(one),
    };
    let mut in_statement = |statement: &mut Value| {
        for element in ["Principal", "NotPrincipal"] {
            let Some(aws) = statement
                .get_mut(element)
                .and_then(|principal| principal.get_mut("AWS"))
            else {
                continue;
            };
            each(aws, &mut |name| {
                let renamed = names.iter().find(|(arn, _)| name == arn.as_str());
                if let Some((_, now)) = renamed {
                    *name = Value::String(now.clone());
                }
            });
        }
    };
    if let Some(statements) = document.get_mut("Statement") {
        each(statements, &mut in_statement);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_principals_are_renamed() {
        let mut document: Value = serde_json::json!({"Statement": [{
            "Principal": {"AWS": ["a", "b"], "Service": "a"}, "Condition": {"ArnEquals": {"aws:PrincipalArn": "a"}}}]});
        rename(&mut document, &[("a".to_owned(), "AIDAX".to_owned())]);
        let expected = serde_json::json!({"Statement": [{
            "Principal": {"AWS": ["AIDAX", "b"], "Service": "a"}, "Condition": {"ArnEquals": {"aws:PrincipalArn": "a"}}}]});
        assert_eq!(document, expected);
    }
}
