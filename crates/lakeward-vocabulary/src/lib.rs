//! The words of the policy language: which actions, resource types and condition keys services have.
//!
//! The tables are extracted from the Service Authorization Reference (`data/NOTICE` says by way of
//! what; `scripts/vocabulary` refreshes them) and compiled in as text. A service's part is read
//! when it is first asked for, so that starting costs nothing.
//!
//! ```
//! let action = lakeward_vocabulary::action("elasticmapreduce:getclustersessioncredentials").expect("known");
//! assert_eq!(action.to_string(), "elasticmapreduce:GetClusterSessionCredentials");
//! assert!(action.carries("elasticmapreduce:ExecutionRoleArn"));
//! ```
#![forbid(unsafe_code)]

mod condition_key;
mod nearest;
mod resource_type;
mod service;
mod table;

pub use condition_key::{ConditionKey, KeyKind, condition_key};
pub use nearest::{nearest, nearest_key};
pub use resource_type::ResourceType;
pub use service::{AccessLevel, Action, ResourceUse, Service};
pub use table::{is_under_resource_control, service, services, version};

use lakeward_policy::Glob;

/// The action of this name, `service:Name`; case is ignored.
pub fn action(name: &str) -> Option<&'static Action> {
    let (prefix, name) = name.split_once(':')?;
    service(prefix)?.action(name)
}

/// Every action that an `Action` element's pattern covers, such as `s3:Get*` or `*`, by service
/// and name.
pub fn actions_matching(pattern: &str) -> impl Iterator<Item = &'static Action> {
    let folded = pattern.to_ascii_lowercase();
    let (prefix, name) = match folded.split_once(':') {
        Some((prefix, name)) => (prefix, name),
        None if folded == "*" => ("*", "*"),
        None => ("", ""),
    };
    let (prefix, name) = (Glob::new(prefix), Glob::new(name));
    table::prefixes()
        .filter(move |known| prefix.matches(known))
        .filter_map(service)
        .flat_map(move |service| {
            let name = name.clone();
            service.matching(move |folded| name.matches(folded))
        })
}
