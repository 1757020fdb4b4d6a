//! Services and their actions.

use std::fmt;

use crate::condition_key::{ConditionKey, full_name, names, spelled};
use crate::resource_type::ResourceType;
use crate::table::{TABLE, list, service};

/// A service as the Service Authorization Reference describes it.
#[derive(Debug)]
pub struct Service {
    /// The prefix of its actions, such as `elasticmapreduce`.
    pub prefix: &'static str,
    /// Its name, such as "Amazon Elastic MapReduce".
    pub name: &'static str,
    /// The condition keys that its actions and resources may carry, `aws:` ones included.
    pub condition_keys: Vec<ConditionKey>,
    /// Its kinds of resources.
    pub resource_types: Vec<ResourceType>,
    /// By lower-cased name.
    actions: Vec<(Box<str>, Action)>,
}

/// An action of a service.
#[derive(Debug)]
pub struct Action {
    /// The service's prefix.
    pub service: &'static str,
    /// The name without the prefix, such as `GetObject`.
    pub name: &'static str,
    levels: &'static str,
    resources: &'static str,
    keys: &'static str,
}

/// What kind of access an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccessLevel {
    /// Sees that things exist.
    List,
    /// Reads contents.
    Read,
    /// Changes tags.
    Tagging,
    /// Makes, changes, deletes.
    Write,
    /// Changes who may do what.
    PermissionsManagement,
}

/// A resource type that an action acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceUse {
    /// The resource type's name in its service.
    pub name: &'static str,
    /// Whether a statement that restricts resources has to name one of this type.
    pub required: bool,
}

impl Service {
    /// Reads a service's part of the table, from behind the `S`.
    pub(crate) fn of(text: &'static str) -> Service {
        let mut lines = text.lines();
        let (prefix, name) = lines
            .next()
            .and_then(|line| line.split_once('\t'))
            .unwrap_or((text, text));
        let mut service = Service {
            prefix,
            name,
            condition_keys: Vec::new(),
            resource_types: Vec::new(),
            actions: Vec::new(),
        };
        for line in lines {
            let mut fields = line.split('\t');
            let mut field = || fields.next().unwrap_or_default();
            match field() {
                "K" => service
                    .condition_keys
                    .extend(ConditionKey::of(prefix, field(), field())),
                "R" => {
                    service
                        .resource_types
                        .push(ResourceType::of(prefix, field(), field(), field()))
                }
                "A" => {
                    let action = Action {
                        service: prefix,
                        name: field(),
                        levels: field(),
                        resources: field(),
                        keys: field(),
                    };
                    let folded = action.name.to_ascii_lowercase().into_boxed_str();
                    service.actions.push((folded, action));
                }
                _ => {}
            }
        }
        service.actions.sort_by(|(a, _), (b, _)| a.cmp(b));
        service
    }

    /// The action of this name, without the prefix; case is ignored.
    pub fn action(&self, name: &str) -> Option<&Action> {
        let folded = name.to_ascii_lowercase();
        let place = self
            .actions
            .binary_search_by(|(known, _)| (**known).cmp(&*folded));
        self.actions.get(place.ok()?).map(|(_, action)| action)
    }

    /// Every action, by name.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().map(|(_, action)| action)
    }

    /// The resource type of this name.
    pub fn resource_type(&self, name: &str) -> Option<&ResourceType> {
        self.resource_types.iter().find(|found| found.name == name)
    }

    /// The actions whose lower-cased names fit.
    pub(crate) fn matching(&self, fits: impl Fn(&str) -> bool) -> impl Iterator<Item = &Action> {
        self.actions
            .iter()
            .filter(move |(folded, _)| fits(folded))
            .map(|(_, action)| action)
    }
}

impl Action {
    /// What kinds of access the action is; most are of one kind.
    pub fn access_levels(&self) -> impl Iterator<Item = AccessLevel> {
        self.levels.chars().filter_map(|letter| match letter {
            'L' => Some(AccessLevel::List),
            'R' => Some(AccessLevel::Read),
            'T' => Some(AccessLevel::Tagging),
            'W' => Some(AccessLevel::Write),
            'P' => Some(AccessLevel::PermissionsManagement),
            _ => None,
        })
    }

    /// The resource types that the action acts on; none: it can only be granted on `*`.
    pub fn resources(&self) -> impl Iterator<Item = ResourceUse> + use<> {
        list(self.resources).map(|entry| match entry.strip_suffix('!') {
            Some(name) => ResourceUse {
                name,
                required: true,
            },
            None => ResourceUse {
                name: entry,
                required: false,
            },
        })
    }

    /// The patterns of the resources that the action acts on.
    pub fn resource_types(&self) -> impl Iterator<Item = &'static ResourceType> + use<> {
        let service = service(self.service);
        self.resources()
            .filter_map(move |used| service?.resource_type(used.name))
    }

    /// The names of the condition keys that the reference lists for the action itself.
    pub fn condition_keys(&self) -> impl Iterator<Item = String> + use<> {
        let prefix = self.service;
        list(self.keys).map(move |short| full_name(prefix, short))
    }

    /// Whether a request for the action may carry this condition key: a key of the action, of a
    /// resource type that it acts on, or one that every request may carry.
    pub fn carries(&self, key: &str) -> bool {
        let own = |short| names(&full_name(self.service, short), key);
        list(self.keys).any(own)
            || self.resource_types().any(|found| found.carries(key))
            || always_carried(key)
    }
}

/// Global keys but those of tags, which depend on the action.
fn always_carried(key: &str) -> bool {
    let of_tags = ["aws:RequestTag/", "aws:ResourceTag/", "aws:TagKeys"];
    let tagged = |start: &&str| {
        key.get(..start.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
    };
    !of_tags.iter().any(tagged)
        && TABLE
            .global_keys
            .iter()
            .any(|known| spelled(known.name, key))
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.name)
    }
}
