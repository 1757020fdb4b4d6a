use std::collections::{BTreeMap, BTreeSet};

use lakeward_policy::Context;

use crate::StoredPolicy;

/// Inline policies by name.
pub(crate) type InlinePolicies = BTreeMap<String, StoredPolicy>;

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// A tag key as IAM and STS compare it: without regard to case, as condition keys are.
pub(crate) fn folded(key: &str) -> String {
    key.to_lowercase()
}

/// True when two of the keys are the same tag.
pub(crate) fn repeats<'k>(keys: impl IntoIterator<Item = &'k str>) -> bool {
    let mut seen = BTreeSet::new();
    keys.into_iter().any(|key| !seen.insert(folded(key)))
}

/// The condition keys of a role or user that has these tags. IAM fills both the global key and its
/// own ("Actions, resources, and condition keys for AWS Identity and Access Management").
pub(crate) fn resource_tags(tags: &Tags) -> Context {
    let mut context = own_tags(tags);
    for (key, value) in tags {
        context.insert(&format!("iam:ResourceTag/{key}"), vec![value.clone()]);
    }
    context
}

/// The condition keys of a managed policy, an instance profile or a provider that has these tags.
pub(crate) fn own_tags(tags: &Tags) -> Context {
    let mut context = Context::new();
    for (key, value) in tags {
        context.insert(&format!("aws:ResourceTag/{key}"), vec![value.clone()]);
    }
    context
}

/// The condition keys of a request that passes these tags.
pub(crate) fn request_tags(tags: &Tags) -> Context {
    let mut context = Context::new();
    for (key, value) in tags {
        context.insert(&format!("aws:RequestTag/{key}"), vec![value.clone()]);
    }
    if !tags.is_empty() {
        context.insert("aws:TagKeys", tags.keys().cloned().collect());
    }
    context
}
