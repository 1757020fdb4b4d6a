//! AWS's own managed policies: their names are AWS's, so that a client's settings keep working, the
//! statements are this project's. `data/aws_managed_policies.json` holds them.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    ManagedPolicy, PolicyVersion, StoredPolicy,
    identifier::{self, UNIQUE_LENGTH},
};

const TEXT: &str = include_str!("../data/aws_managed_policies.json");

/// When they are said to have been made, in seconds: when AWS made its first ones.
const CREATED: i64 = 1_423_161_600;

#[derive(Deserialize)]
struct Entry {
    /// The path without its first slash, and the name.
    name: String,
    description: String,
    document: serde_json::Value,
}

static POLICIES: LazyLock<BTreeMap<String, Arc<ManagedPolicy>>> = LazyLock::new(|| {
    let entries: Vec<Entry> = serde_json::from_str(TEXT).unwrap_or_else(|error| {
        tracing::error!(%error, "AWS's managed policies can't be read; none is known");
        Vec::new()
    });
    entries
        .into_iter()
        .filter_map(compile)
        .map(|policy| (policy.arn(), Arc::new(policy)))
        .collect()
});

fn compile(entry: Entry) -> Option<ManagedPolicy> {
    let (path, name) = match entry.name.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name),
        None => ("/".to_owned(), &*entry.name),
    };
    let text = serde_json::to_string_pretty(&entry.document).ok()?;
    let policy = StoredPolicy::identity(text)
        .inspect_err(|error| tracing::error!(%error, name, "AWS's managed policy is malformed"))
        .ok()?;
    let created = Timestamp::from_second(CREATED).unwrap_or_default();
    Some(ManagedPolicy {
        account: ManagedPolicy::AWS.to_owned(),
        id: identifier::derived("ANPA", UNIQUE_LENGTH, &Sha256::digest(name)),
        name: name.to_owned(),
        path,
        description: Some(entry.description),
        versions: BTreeMap::from([(1, PolicyVersion { policy, created })]),
        default_version: 1,
        latest_version: 1,
        tags: BTreeMap::new(),
        created,
        updated: created,
    })
}

/// The policy of this ARN, if it is one of AWS's that is known here.
pub(crate) fn find(arn: &str) -> Option<Arc<ManagedPolicy>> {
    POLICIES.get(arn).cloned()
}

/// All that are known here, in the order of their ARNs.
pub(crate) fn all() -> impl Iterator<Item = &'static Arc<ManagedPolicy>> {
    POLICIES.values()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_data_is_a_policy() {
        let entries: Vec<Entry> = serde_json::from_str(TEXT).unwrap();
        assert_eq!(all().count(), entries.len());
        let ids: std::collections::BTreeSet<_> = all().map(|policy| &policy.id).collect();
        assert_eq!(ids.len(), entries.len());
        for policy in all() {
            let document = policy.default_policy().unwrap().document().unwrap();
            assert!(document.size() <= 6144, "{}", policy.name);
            assert_eq!(policy.id.len(), 21);
        }
    }

    #[test]
    fn a_policy_is_found_by_its_whole_arn_only() {
        let found = find("arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole").unwrap();
        assert_eq!(found.path, "/service-role/");
        assert!(find("arn:aws:iam::aws:policy/AWSGlueServiceRole").is_none());
        assert!(find("arn:aws:iam::aws:policy/NoSuchPolicy").is_none());
    }
}
