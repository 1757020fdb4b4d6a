use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::{Arc, LazyLock, Weak},
};

use lakeward_policy::{MalformedPolicy, PolicyDocument, Usage};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// A policy as it was given, and compiled once. Cheap to clone; equal policies share their text
/// and what it was compiled to.
///
/// A stored text that no longer parses grants nothing and is reported when it is used.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct StoredPolicy(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    stored: Stored,
    compiled: Result<PolicyDocument, MalformedPolicy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Place {
    Identity,
    Resource,
    Trust,
    ServiceControl,
    ResourceControl,
}

impl Place {
    fn usage(self) -> Usage {
        match self {
            Self::Identity => Usage::Identity,
            Self::Resource => Usage::Resource,
            Self::Trust => Usage::Trust,
            Self::ServiceControl => Usage::ServiceControl,
            Self::ResourceControl => Usage::ResourceControl,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Stored {
    text: Arc<str>,
    place: Place,
    /// The unique ids of the users and roles that the text names by ARN, as of when it was saved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    bound: BTreeMap<String, String>,
}

impl From<Stored> for StoredPolicy {
    fn from(stored: Stored) -> Self {
        let known = SHARED.lock().find(&stored);
        // Compiled without the lock: a long text must not hold up the others.
        Self(known.unwrap_or_else(|| {
            let compiled = stored.compile();
            let kept = Arc::new(Kept { stored, compiled });
            SHARED.lock().add(&kept);
            kept
        }))
    }
}

impl From<StoredPolicy> for Stored {
    fn from(policy: StoredPolicy) -> Self {
        policy.0.stored.clone()
    }
}

impl Stored {
    fn compile(&self) -> Result<PolicyDocument, MalformedPolicy> {
        let document = PolicyDocument::parse_kept(&self.text, self.place.usage())?;
        if self.bound.is_empty() {
            return Ok(document);
        }
        Ok(document.bind(|arn| self.bound.get(arn).cloned()))
    }
}

impl StoredPolicy {
    fn accept(text: String, place: Place) -> Result<Self, MalformedPolicy> {
        PolicyDocument::parse(&text, place.usage())?;
        Ok(Self::from(Stored {
            text: text.into(),
            place,
            bound: BTreeMap::new(),
        }))
    }

    /// Takes a policy of a user, group, role or session, or a managed policy.
    ///
    /// # Errors
    /// The text is malformed.
    pub fn identity(text: impl Into<String>) -> Result<Self, MalformedPolicy> {
        Self::accept(text.into(), Place::Identity)
    }

    /// Takes a policy of a resource, for instance a bucket.
    ///
    /// # Errors
    /// The text is malformed.
    pub fn resource(text: impl Into<String>) -> Result<Self, MalformedPolicy> {
        Self::accept(text.into(), Place::Resource)
    }

    /// A resource's policy that was accepted before; if it no longer parses, that shows when it
    /// is used.
    pub fn resource_as_stored(text: impl Into<String>) -> Self {
        let text: String = text.into();
        Self::from(Stored {
            text: text.into(),
            place: Place::Resource,
            bound: BTreeMap::new(),
        })
    }

    /// Takes a role's trust policy.
    ///
    /// # Errors
    /// The text is malformed.
    pub fn trust(text: impl Into<String>) -> Result<Self, MalformedPolicy> {
        Self::accept(text.into(), Place::Trust)
    }

    /// Takes a service control policy of an organization.
    ///
    /// # Errors
    /// The text is malformed.
    pub fn service_control(text: impl Into<String>) -> Result<Self, MalformedPolicy> {
        Self::accept(text.into(), Place::ServiceControl)
    }

    /// Takes a resource control policy of an organization.
    ///
    /// # Errors
    /// The text is malformed.
    pub fn resource_control(text: impl Into<String>) -> Result<Self, MalformedPolicy> {
        Self::accept(text.into(), Place::ResourceControl)
    }

    /// The same policy, with the users and roles it names bound to the unique ids that `resolve`
    /// gives: see [`PolicyDocument::bind`]. The ids are stored with the text.
    #[must_use]
    pub fn bind(&self, resolve: impl Fn(&str) -> Option<String>) -> Self {
        let Ok(document) = self.document() else {
            return self.clone();
        };
        let bound = document.bind(resolve).bound().clone();
        Self::from(Stored {
            bound,
            ..self.0.stored.clone()
        })
    }

    /// The unique ids that named users and roles were bound to, by ARN.
    #[must_use]
    pub fn bound(&self) -> &BTreeMap<String, String> {
        &self.0.stored.bound
    }

    /// The text as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.stored.text
    }

    /// The compiled policy.
    ///
    /// # Errors
    /// The stored text doesn't parse under this version's rules.
    pub fn document(&self) -> Result<&PolicyDocument, &MalformedPolicy> {
        self.0.compiled.as_ref()
    }
}

/// The policies in use, so that a hundred thousand roles with one trust policy hold it once.
static SHARED: LazyLock<Mutex<Shared>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Shared {
    hasher: RandomState,
    /// By hash. Two policies of one hash are rare enough that only the later one is shared.
    known: HashMap<u64, Weak<Kept>>,
    /// The size at which entries of policies that are gone are dropped.
    sweep_at: usize,
}

impl Shared {
    /// Entries below which sweeping isn't worth it.
    const FEW: usize = 1024;

    fn find(&self, stored: &Stored) -> Option<Arc<Kept>> {
        let known = self.known.get(&self.hasher.hash_one(stored))?;
        known.upgrade().filter(|kept| kept.stored == *stored)
    }

    /// What is malformed is refused or rare; it isn't shared.
    fn add(&mut self, kept: &Arc<Kept>) {
        if kept.compiled.is_ok() {
            self.sweep();
            let hash = self.hasher.hash_one(&kept.stored);
            self.known.insert(hash, Arc::downgrade(kept));
        }
    }

    fn sweep(&mut self) {
        if self.known.len() < self.sweep_at.max(Self::FEW) {
            return;
        }
        self.known.retain(|_, kept| kept.strong_count() > 0);
        self.sweep_at = self.known.len() * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ana"},"Action":"sts:AssumeRole"}}"#;

    #[test]
    fn equal_policies_are_held_once_and_bound_ones_apart() {
        let (one, two) = (
            StoredPolicy::trust(TRUST).unwrap(),
            StoredPolicy::trust(TRUST).unwrap(),
        );
        assert!(Arc::ptr_eq(&one.0, &two.0));
        let bound = one.bind(|_| Some("AIDAX".to_owned()));
        assert!(!Arc::ptr_eq(&one.0, &bound.0));
        assert!(bound.document().is_ok());
    }

    #[test]
    fn what_is_bound_stays_bound_when_it_is_stored() {
        let bound = StoredPolicy::trust(TRUST)
            .unwrap()
            .bind(|_| Some("AIDAX".to_owned()));
        let json = serde_json::to_string(&bound).unwrap();
        let again: StoredPolicy = serde_json::from_str(&json).unwrap();
        assert_eq!(again.bound(), bound.bound());
        assert_eq!(again.document().unwrap().bound(), bound.bound());
        let old = json.split(r#","bound""#).next().unwrap().to_owned() + "}";
        let old: StoredPolicy = serde_json::from_str(&old).unwrap();
        assert!(old.bound().is_empty());
    }

    #[test]
    fn policies_that_are_gone_are_forgotten() {
        let mut shared = Shared::default();
        for n in 0..Shared::FEW * 4 {
            let text = TRUST.replace("ana", &n.to_string()).into();
            let stored = Stored {
                text,
                place: Place::Trust,
                bound: BTreeMap::new(),
            };
            let compiled = stored.compile();
            shared.add(&Arc::new(Kept { stored, compiled }));
        }
        assert!(shared.known.len() <= Shared::FEW);
    }
}
