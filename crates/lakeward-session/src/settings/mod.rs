//! What a cluster's configurations say about its sessions.
//!
//! A cluster is configured with EMR's classifications. `spark-defaults`, `livy-conf`, `hive-site` and
//! `spark-hive-site` mean what they mean on EMR; `lakeward-session` and `lakeward-network` are our
//! own. What would have no effect is refused by name: a setting that is silently ignored is worse
//! than one that is refused.

mod error;
mod network;
mod quantity;
mod request;
mod spark;

pub use error::SettingsError;
pub use network::{Destination, HostPattern, Network};
pub use request::Grant;

use std::collections::BTreeMap;
use std::time::Duration;

use lakeward_sandbox::Limits;

use super::engine::Engine;
use super::limits::SessionLimits;
use quantity::{bytes, count, cpus, span};

/// Names and values of one classification.
type Properties = BTreeMap<String, String>;

const LIVY: &str = "livy-conf";
const NETWORK: &str = "lakeward-network";
const SESSION: &str = "lakeward-session";
const SPARK: &str = "spark-defaults";
const HIVE: [&str; 2] = ["hive-site", "spark-hive-site"];

const METASTORE: &str = "hive.metastore.client.factory.class";
const GLUE_CATALOG: &str =
    "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory";

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What a cluster gives its sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterSettings {
    /// The most that one session gets of the machine.
    pub most: Limits,
    /// What runs its sessions' queries.
    pub engine: Engine,
    /// Spark settings that every session begins with.
    pub spark: BTreeMap<String, String>,
    /// What sessions may talk to.
    pub network: Network,
    /// Interpreters that wait for an owner.
    pub warm_sessions: usize,
    /// Kernels that wait for an owner, once there was one.
    pub warm_kernels: usize,
    /// Active sessions on the cluster, when it says.
    pub sessions_per_cluster: Option<usize>,
    /// Active sessions of one runtime role, when it says.
    pub sessions_per_role: Option<usize>,
    /// Active sessions of one login, when it says.
    pub sessions_per_login: Option<usize>,
    /// Sessions that may be starting at once, when it says.
    pub starting: Option<usize>,
    /// How long a session may do nothing, when it says.
    pub idle_timeout: Option<Duration>,
    /// How long an ended session can still be looked at, when it says.
    pub retain_ended: Option<Duration>,
}

impl Default for ClusterSettings {
    /// 4 GiB, 4 processors, 1024 processes and 1 GiB of files for a session; one warm interpreter.
    fn default() -> Self {
        Self {
            most: Limits {
                memory: 4 * GIB,
                cpus: 4.0,
                processes: 1024,
                disk: GIB,
                open_files: 4096,
            },
            engine: Engine::default(),
            spark: BTreeMap::new(),
            network: Network::default(),
            warm_sessions: 1,
            warm_kernels: 1,
            sessions_per_cluster: None,
            sessions_per_role: None,
            sessions_per_login: None,
            starting: None,
            idle_timeout: None,
            retain_ended: None,
        }
    }
}

impl ClusterSettings {
    /// Reads a cluster's configurations: properties by classification.
    ///
    /// # Errors
    /// The first classification, property or value that is not accepted; the text says what is.
    pub fn read(
        configurations: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        for (classification, properties) in configurations {
            match classification.as_str() {
                SESSION => settings.read_session(properties)?,
                SPARK => settings.spark = spark::defaults(properties)?,
                LIVY => settings.read_livy(properties)?,
                NETWORK => settings.network = Network::read(properties)?,
                hive if HIVE.contains(&hive) => read_hive(hive, properties)?,
                other => {
                    return Err(SettingsError::Classification {
                        classification: other.to_owned(),
                    });
                }
            }
        }
        // What the cluster gives by default must be within its own limits.
        settings.grant_of(&BTreeMap::new())?;
        Ok(settings)
    }

    fn read_session(&mut self, properties: &Properties) -> Result<(), SettingsError> {
        for (name, text) in properties {
            let value = Value::new(SESSION, name, text);
            match name.as_str() {
                "engine" => self.engine = engine(&value)?,
                "memory" => self.most.memory = bytes(&value, 512 * MIB, 1024 * GIB)?,
                "cpus" => self.most.cpus = cpus(&value, 0.1, 256.0)?,
                "processes" => self.most.processes = count(&value, 64, 32_768)?,
                "disk" => self.most.disk = bytes(&value, 16 * MIB, 1024 * GIB)?,
                "sessions-per-cluster" => {
                    self.sessions_per_cluster = Some(count(&value, 1, 1000)?);
                }
                "sessions-per-role" => self.sessions_per_role = Some(count(&value, 1, 1000)?),
                "sessions-per-login" => self.sessions_per_login = Some(count(&value, 1, 1000)?),
                "warm-sessions" => self.warm_sessions = count(&value, 0, 32)?,
                "warm-kernels" => self.warm_kernels = count(&value, 0, 32)?,
                _ => {
                    return Err(value.unknown(
                        "there are engine, memory, cpus, processes, disk, sessions-per-cluster, \
                         sessions-per-role, sessions-per-login, warm-sessions and warm-kernels",
                    ));
                }
            }
        }
        Ok(())
    }

    fn read_livy(&mut self, properties: &Properties) -> Result<(), SettingsError> {
        for (name, text) in properties {
            let value = Value::new(LIVY, name, text);
            match name.as_str() {
                "livy.server.port" => {
                    return Err(value.unknown("the port is the daemon's --livy-port"));
                }
                "livy.server.session.timeout-check" => value.must_be("true")?,
                "livy.server.session.timeout" => self.idle_timeout = Some(span(&value)?),
                "livy.server.session.state-retain.sec" => self.retain_ended = Some(span(&value)?),
                "livy.server.session.max-creation" => self.starting = Some(count(&value, 1, 1000)?),
                _ => {
                    return Err(value.unknown(
                        "there are livy.server.session.timeout, livy.server.session.timeout-check, \
                         livy.server.session.state-retain.sec and livy.server.session.max-creation",
                    ));
                }
            }
        }
        Ok(())
    }

    /// The bounds on this cluster's sessions: its own, and those of `base` where it says nothing.
    #[must_use]
    pub fn bounds(&self, base: &SessionLimits) -> SessionLimits {
        SessionLimits {
            sessions_per_cluster: self
                .sessions_per_cluster
                .unwrap_or(base.sessions_per_cluster),
            sessions_per_role: self.sessions_per_role.unwrap_or(base.sessions_per_role),
            sessions_per_login: self.sessions_per_login.unwrap_or(base.sessions_per_login),
            starting_per_cluster: self.starting.unwrap_or(base.starting_per_cluster),
            idle_timeout: self.idle_timeout.unwrap_or(base.idle_timeout),
            retain_ended: self.retain_ended.unwrap_or(base.retain_ended),
            ..base.clone()
        }
    }
}

fn engine(value: &Value<'_>) -> Result<Engine, SettingsError> {
    let only = "it is always sail here: Apache Spark and others aren't built yet";
    Engine::named(value.text).ok_or_else(|| value.refused(only))
}

/// The Glue catalog is the only one there is; saying so is accepted.
fn read_hive(classification: &str, properties: &Properties) -> Result<(), SettingsError> {
    for (name, text) in properties {
        let value = Value::new(classification, name, text);
        if name != METASTORE {
            return Err(value.unknown(&format!("there is {METASTORE}")));
        }
        value.must_be(GLUE_CATALOG)?;
    }
    Ok(())
}

/// One property as it was given.
struct Value<'a> {
    classification: &'a str,
    property: &'a str,
    text: &'a str,
}

impl<'a> Value<'a> {
    fn new(classification: &'a str, property: &'a str, text: &'a str) -> Self {
        Self {
            classification,
            property,
            text: text.trim(),
        }
    }

    fn unknown(&self, accepted: &str) -> SettingsError {
        SettingsError::Property {
            classification: self.classification.to_owned(),
            property: self.property.to_owned(),
            accepted: accepted.to_owned(),
        }
    }

    fn refused(&self, accepted: impl Into<String>) -> SettingsError {
        SettingsError::Value {
            classification: self.classification.to_owned(),
            property: self.property.to_owned(),
            value: self.text.to_owned(),
            accepted: accepted.into(),
        }
    }

    fn must_be(&self, only: &str) -> Result<(), SettingsError> {
        if self.text == only {
            return Ok(());
        }
        Err(self.refused(format!("it is always {only} here")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        classification: &str,
        properties: &[(&str, &str)],
    ) -> Result<ClusterSettings, SettingsError> {
        let properties = properties
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        ClusterSettings::read(&BTreeMap::from([(classification.to_owned(), properties)]))
    }

    #[test]
    fn a_cluster_that_says_nothing_has_the_defaults() {
        let settings = ClusterSettings::read(&BTreeMap::new()).unwrap();
        assert_eq!(settings, ClusterSettings::default());
        let base = SessionLimits::default();
        let bounds = settings.bounds(&base);
        assert_eq!(bounds.sessions_per_cluster, base.sessions_per_cluster);
        assert_eq!(bounds.idle_timeout, base.idle_timeout);
    }

    #[test]
    fn what_a_cluster_says_about_its_sessions_is_in_force() {
        let settings = read(
            SESSION,
            &[
                ("engine", "sail"),
                ("memory", "8g"),
                ("cpus", "1.5"),
                ("processes", "256"),
                ("disk", "512m"),
                ("sessions-per-cluster", "3"),
                ("sessions-per-role", "2"),
                ("sessions-per-login", "1"),
                ("warm-sessions", "0"),
                ("warm-kernels", "2"),
            ],
        )
        .unwrap();
        assert_eq!(settings.most.memory, 8 * GIB);
        assert_eq!(settings.most.cpus, 1.5);
        assert_eq!(settings.most.processes, 256);
        assert_eq!(settings.most.disk, 512 * MIB);
        assert_eq!((settings.warm_sessions, settings.warm_kernels), (0, 2));
        let bounds = settings.bounds(&SessionLimits::default());
        assert_eq!(
            (
                bounds.sessions_per_cluster,
                bounds.sessions_per_role,
                bounds.sessions_per_login
            ),
            (3, 2, 1)
        );
    }

    #[test]
    fn livys_own_settings_are_in_force() {
        let settings = read(
            LIVY,
            &[
                ("livy.server.session.timeout", "30m"),
                ("livy.server.session.state-retain.sec", "60s"),
                ("livy.server.session.max-creation", "5"),
            ],
        )
        .unwrap();
        let bounds = settings.bounds(&SessionLimits::default());
        assert_eq!(bounds.idle_timeout, Duration::from_secs(1800));
        assert_eq!(bounds.retain_ended, Duration::from_secs(60));
        assert_eq!(bounds.starting_per_cluster, 5);
    }

    #[test]
    fn the_glue_catalog_is_the_only_one() {
        for classification in HIVE {
            assert!(read(classification, &[(METASTORE, GLUE_CATALOG)]).is_ok());
            let error = read(classification, &[(METASTORE, "other")]).unwrap_err();
            assert!(error.to_string().contains(GLUE_CATALOG), "{error}");
        }
    }

    #[test]
    fn what_has_no_effect_or_is_too_much_is_refused_by_name() {
        for (classification, property, value, said) in [
            ("yarn-site", "x", "1", "yarn-site"),
            (SESSION, "colour", "red", "colour"),
            (SESSION, "engine", "spark", "sail"),
            (SESSION, "memory", "1m", "512m"),
            (SESSION, "memory", "2000g", "1024g"),
            (SESSION, "memory", "much", "much"),
            (SESSION, "cpus", "0", "0.1"),
            (SESSION, "cpus", "NaN", "0.1"),
            (SESSION, "processes", "1", "64"),
            (SESSION, "warm-sessions", "-1", "0 to 32"),
            (SESSION, "sessions-per-role", "0", "1 to 1000"),
            (LIVY, "livy.server.port", "8998", "--livy-port"),
            (LIVY, "livy.server.session.timeout", "soon", "30m"),
            (LIVY, "livy.server.session.timeout-check", "false", "true"),
            (LIVY, "livy.spark.master", "local", "livy.spark.master"),
            (SPARK, "spark.master", "local", "spark.master"),
            (SPARK, "spark.driver.memory", "64g", "memory"),
        ] {
            let error = read(classification, &[(property, value)]).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(said) && text.contains(classification),
                "{text}"
            );
        }
    }
}
