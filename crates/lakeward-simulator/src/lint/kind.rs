use lakeward_policy::Usage;
use serde::Serialize;
use serde_json::Value;

/// What a document is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Users, groups, roles, boundaries, sessions.
    Identity,
    /// Buckets, keys, secrets.
    Resource,
    /// Roles, for those who assume them.
    Trust,
    /// Accounts of an organization (SCP).
    Scp,
    /// Resources of an organization (RCP).
    Rcp,
    /// VPC endpoints.
    Endpoint,
}

impl Kind {
    /// What the document's elements tell: without `Principal` it is an identity policy; with one it
    /// is a trust policy if it has no resources and only `sts:` actions, else a resource's.
    pub fn guess(text: &str) -> Kind {
        let document: Value = serde_json::from_str(text).unwrap_or_default();
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) => statements.as_slice(),
            Some(statement) => std::slice::from_ref(statement),
            None => &[],
        };
        let any = |names: [&str; 2]| {
            let has = |statement: &Value| names.iter().any(|name| statement.get(name).is_some());
            statements.iter().any(has)
        };
        if !any(["Principal", "NotPrincipal"]) {
            return Kind::Identity;
        }
        let assumes = !any(["Resource", "NotResource"]) && statements.iter().all(is_about_sts);
        match assumes {
            true => Kind::Trust,
            false => Kind::Resource,
        }
    }

    /// How the policy language calls it.
    pub fn usage(self) -> Usage {
        match self {
            Kind::Identity => Usage::Identity,
            Kind::Resource => Usage::Resource,
            Kind::Trust => Usage::Trust,
            Kind::Scp => Usage::ServiceControl,
            Kind::Rcp => Usage::ResourceControl,
            Kind::Endpoint => Usage::Endpoint,
        }
    }
}

fn is_about_sts(statement: &Value) -> bool {
    let sts = |action: &Value| {
        let action = action.as_str().unwrap_or_default();
        action.to_ascii_lowercase().starts_with("sts:")
    };
    match statement
        .get("Action")
        .or_else(|| statement.get("NotAction"))
    {
        Some(Value::Array(actions)) => actions.iter().all(sts),
        Some(action) => sts(action),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elements_tell_the_kind() {
        for (text, expected) in [
            (
                r#"{"Statement": {"Action": "s3:*", "Resource": "*"}}"#,
                Kind::Identity,
            ),
            (
                r#"{"Statement": [{"Principal": "*", "Action": "s3:*", "Resource": "*"}]}"#,
                Kind::Resource,
            ),
            (
                r#"{"Statement": [{"Principal": "*", "Action": ["sts:AssumeRole", "sts:TagSession"]}]}"#,
                Kind::Trust,
            ),
            (
                r#"{"Statement": [{"Principal": "*", "Action": "s3:GetObject"}]}"#,
                Kind::Resource,
            ),
            ("nonsense", Kind::Identity),
            ("{}", Kind::Identity),
        ] {
            assert_eq!(Kind::guess(text), expected, "{text}");
        }
    }
}
