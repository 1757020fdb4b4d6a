//! The compiled-in text and its index; `scripts/vocabulary` describes the format.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use crate::condition_key::ConditionKey;
use crate::service::Service;

const TEXT: &str = include_str!("../data/vocabulary.txt");

/// What stands before the first service, and where each service stands.
pub(crate) struct Table {
    version: &'static str,
    pub global_keys: Vec<ConditionKey>,
    /// Key prefixes, with the services beside the one of that prefix that list such keys.
    pub owners: Vec<(&'static str, Vec<&'static str>)>,
    resource_controlled: Vec<&'static str>,
    /// By prefix, lower-cased as services' prefixes are.
    services: BTreeMap<&'static str, Entry>,
}

struct Entry {
    text: &'static str,
    parsed: OnceLock<Service>,
}

pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| Table::of(TEXT));

impl Table {
    fn of(text: &'static str) -> Table {
        // Every service's part begins with its `S` line.
        let mut parts = text.split("\nS\t");
        let head = parts.next().unwrap_or_default();
        let mut table = Table {
            version: "",
            global_keys: Vec::new(),
            owners: Vec::new(),
            resource_controlled: Vec::new(),
            services: parts
                .map(|text| {
                    let prefix = text.split(['\t', '\n']).next().unwrap_or_default();
                    let parsed = OnceLock::new();
                    (prefix, Entry { text, parsed })
                })
                .collect(),
        };
        for line in head.lines() {
            let mut fields = line.split('\t');
            let mut field = || fields.next().unwrap_or_default();
            match field() {
                "V" => table.version = field(),
                "G" => table
                    .global_keys
                    .extend(ConditionKey::of("", field(), field())),
                "O" => table.owners.push((field(), list(field()).collect())),
                "C" => table.resource_controlled = list(field()).collect(),
                _ => {}
            }
        }
        table
    }
}

/// The items of a comma-separated field.
pub(crate) fn list(field: &'static str) -> impl Iterator<Item = &'static str> {
    field.split(',').filter(|item| !item.is_empty())
}

/// The version of the package that the tables come from.
pub fn version() -> &'static str {
    TABLE.version
}

/// Every service, by prefix.
pub fn services() -> impl Iterator<Item = &'static Service> {
    prefixes().filter_map(service)
}

/// The service with this prefix, such as `s3`; case is ignored.
pub fn service(prefix: &str) -> Option<&'static Service> {
    let entry = match TABLE.services.get(prefix) {
        Some(entry) => entry,
        None => TABLE.services.get(prefix.to_ascii_lowercase().as_str())?,
    };
    Some(entry.parsed.get_or_init(|| Service::of(entry.text)))
}

/// Whether resource control policies apply to the service with this prefix.
///
/// Source: AWS Organizations User Guide, "Services that support RCPs".
fn supports_resource_control(prefix: &str) -> bool {
    let known = TABLE.resource_controlled.iter();
    known
        .copied()
        .any(|known| known.eq_ignore_ascii_case(prefix))
}

/// Whether resource control policies bear on an action: on the resources of some services only, and
/// never on the retiring of a key's grant.
///
/// Source: AWS Organizations User Guide, "Resource control policies"; AWS KMS Developer Guide,
/// "Resource control policies in AWS KMS".
pub fn is_under_resource_control(action: &str) -> bool {
    let service = action.split(':').next().unwrap_or_default();
    supports_resource_control(service) && !action.eq_ignore_ascii_case("kms:RetireGrant")
}

pub(crate) fn prefixes() -> impl Iterator<Item = &'static str> {
    TABLE.services.keys().copied()
}
