use lakeward_policy::{MalformedPolicy, PolicyDocument, Usage};
use serde::{Deserialize, Serialize};

/// A policy as it was given, and compiled once.
///
/// A stored text that no longer parses grants nothing and is reported when it is used.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct StoredPolicy {
    text: String,
    place: Place,
    compiled: Result<PolicyDocument, MalformedPolicy>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Place {
    Identity,
    Resource,
    Trust,
}

impl Place {
    fn usage(self) -> Usage {
        match self {
            Self::Identity => Usage::Identity,
            Self::Resource => Usage::Resource,
            Self::Trust => Usage::Trust,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    text: String,
    place: Place,
}

impl From<Stored> for StoredPolicy {
    fn from(stored: Stored) -> Self {
        Self::compile(stored.text, stored.place)
    }
}

impl From<StoredPolicy> for Stored {
    fn from(policy: StoredPolicy) -> Self {
        Self {
            text: policy.text,
            place: policy.place,
        }
    }
}

impl StoredPolicy {
    fn compile(text: String, place: Place) -> Self {
        let compiled = PolicyDocument::parse(&text, place.usage());
        Self {
            text,
            place,
            compiled,
        }
    }

    fn accept(text: String, place: Place) -> Result<Self, MalformedPolicy> {
        let policy = Self::compile(text, place);
        match policy.compiled {
            Ok(_) => Ok(policy),
            Err(malformed) => Err(malformed),
        }
    }

    /// Takes a policy of a user, role or session.
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

    /// Takes a role's trust policy.
    ///
    /// # Errors
    /// The text is malformed.
    pub fn trust(text: impl Into<String>) -> Result<Self, MalformedPolicy> {
        Self::accept(text.into(), Place::Trust)
    }

    /// The text as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The compiled policy.
    ///
    /// # Errors
    /// The stored text doesn't parse under this version's rules.
    pub fn document(&self) -> Result<&PolicyDocument, &MalformedPolicy> {
        self.compiled.as_ref()
    }
}
