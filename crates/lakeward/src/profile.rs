//! What `lakeward env` needs to know: where the instance listens, and who can sign.

use std::{collections::BTreeMap, io, path::PathBuf};

use anyhow::{Context, Result};
use lakeward_client::{Client, Credentials};
use lakeward_identity::AccessKey;
use lakeward_wire::Secret;
use serde::{Deserialize, Serialize};

use crate::daemon::{Addresses, Daemon, StateFolder};

const PROFILES: &str = "profiles.json";
const INSTANCE: &str = "instance.json";

/// Where the instance of a state folder was last started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    /// Its listeners.
    pub addresses: Addresses,
    /// Its region.
    pub region: String,
    /// Its CA certificate's file.
    pub ca: PathBuf,
}

impl Instance {
    /// A running daemon's whereabouts.
    #[must_use]
    pub fn of(daemon: &Daemon, region: &str, folder: &StateFolder) -> Self {
        Self {
            addresses: daemon.addresses().clone(),
            region: region.to_owned(),
            ca: folder.ca(),
        }
    }

    /// Keeps it in the state folder.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, folder: &StateFolder) -> Result<()> {
        Ok(folder.write_private(INSTANCE, &serde_json::to_vec_pretty(self)?)?)
    }

    /// Reads it from the state folder.
    ///
    /// # Errors
    /// No instance was ever started there.
    pub fn read(folder: &StateFolder) -> Result<Self> {
        let path = folder.root().join(INSTANCE);
        let text = std::fs::read(&path).with_context(|| {
            format!(
                "no instance was started in {}; start one with `lakeward demo` or `lakeward serve`",
                folder.root().display()
            )
        })?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} is damaged; restart the instance", path.display()))
    }

    /// A signed client of the instance.
    ///
    /// # Errors
    /// The CA certificate can't be read.
    pub fn client(&self, credentials: Credentials) -> Result<Client> {
        let ca = std::fs::read_to_string(&self.ca)
            .with_context(|| format!("{} can't be read", self.ca.display()))?;
        Ok(Client::new(
            &self.addresses.endpoint_url(),
            &ca,
            &self.region,
            credentials,
        )?)
    }
}

/// A key to sign with, and the role it acts as.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Profile {
    access_key_id: String,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    secret_access_key: Secret,
    /// The role to assume; without one the key acts as itself.
    pub role_arn: Option<String>,
    /// The source identity to set when assuming.
    pub source_identity: Option<String>,
    /// The profile's home folder.
    pub home: Option<PathBuf>,
}

impl Profile {
    /// The profile of a key as it was made.
    #[must_use]
    pub fn of_key(key: &AccessKey) -> Self {
        Self::new(&key.id, key.secret.clone())
    }

    /// The profile of a key.
    #[must_use]
    pub fn new(access_key_id: &str, secret_access_key: Secret) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key,
            role_arn: None,
            source_identity: None,
            home: None,
        }
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> Credentials {
        Credentials::permanent(&self.access_key_id, self.secret_access_key.expose())
    }

    /// Keys to work with: the role session's, or the key itself.
    ///
    /// # Errors
    /// The role can't be assumed.
    pub async fn credentials(&self, instance: &Instance) -> Result<Credentials> {
        let Some(role_arn) = &self.role_arn else {
            return Ok(self.key());
        };
        let mut parameters = vec![
            ("Action", "AssumeRole"),
            ("RoleArn", role_arn),
            ("RoleSessionName", "SageMaker"),
        ];
        if let Some(source) = &self.source_identity {
            parameters.push(("SourceIdentity", source));
        }
        let client = instance.client(self.key())?;
        let answer = client
            .query("sts", "2011-06-15", &parameters)
            .await
            .with_context(|| {
                format!("the role {role_arn} can't be assumed; is the instance running?")
            })?;
        let text = |element: &str| lakeward_client::element(&answer, element).unwrap_or_default();
        Ok(Credentials::temporary(
            text("AccessKeyId"),
            text("SecretAccessKey"),
            text("SessionToken"),
        ))
    }
}

/// The profiles of a state folder.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Profiles {
    profiles: BTreeMap<String, Profile>,
}

impl Profiles {
    /// Reads them; none when there is no file yet.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn read(folder: &StateFolder) -> Result<Self> {
        let path = folder.root().join(PROFILES);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("{} is damaged", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
        }
    }

    /// Keeps them in the state folder.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, folder: &StateFolder) -> Result<()> {
        Ok(folder.write_private(PROFILES, &serde_json::to_vec_pretty(self)?)?)
    }

    /// The profile of a name.
    ///
    /// # Errors
    /// There is none; the text names those there are.
    pub fn get(&self, name: &str) -> Result<&Profile> {
        self.profiles.get(name).with_context(|| {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            format!(
                "there is no profile `{name}`; there are: {}",
                known.join(", ")
            )
        })
    }

    /// Adds or replaces a profile.
    pub fn set(&mut self, name: &str, profile: Profile) {
        self.profiles.insert(name.to_owned(), profile);
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }
}
