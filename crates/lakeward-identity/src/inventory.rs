use std::collections::BTreeMap;

use crate::StoredPolicy;

/// Inline policies by name.
pub(crate) type InlinePolicies = BTreeMap<String, StoredPolicy>;

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;
