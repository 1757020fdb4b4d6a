//! What one session gets, within what its cluster gives.

use std::collections::BTreeMap;

use lakeward_sandbox::Limits;
use serde_json::Value as Json;

use super::quantity::{shown, size};
use super::spark::{
    DRIVER_CORES, DRIVER_MEMORY, EXECUTOR_CORES, EXECUTOR_MEMORY, EXECUTORS, refusal,
};
use super::{ClusterSettings, GIB, SettingsError};
use crate::session::SessionRequest;

/// Memory that a session has beyond what it asks for: the interpreter, its libraries and the engine's
/// program are in it, where Spark's settings speak of a heap.
const BESIDE_THE_HEAP: u64 = GIB;

/// The fields of Livy's request that are Spark settings under another name.
const FIELDS: [(&str, &str); 5] = [
    ("driverMemory", DRIVER_MEMORY),
    ("driverCores", DRIVER_CORES),
    ("executorMemory", EXECUTOR_MEMORY),
    ("executorCores", EXECUTOR_CORES),
    ("numExecutors", EXECUTORS),
];

/// What one session gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Of the machine.
    pub limits: Limits,
    /// Its Spark settings.
    pub spark: BTreeMap<String, String>,
}

impl ClusterSettings {
    /// What a session gets that asks for `request`, beginning from the cluster's defaults.
    ///
    /// # Errors
    /// A setting is not accepted, or asks for more than the cluster gives.
    pub fn grant(&self, request: &SessionRequest) -> Result<Grant, SettingsError> {
        self.grant_of(&asked(request)?)
    }

    /// The same for Spark settings by name.
    pub(super) fn grant_of(
        &self,
        asked: &BTreeMap<String, String>,
    ) -> Result<Grant, SettingsError> {
        let mut spark = self.spark.clone();
        for (name, value) in asked {
            if let Some(accepted) = refusal(name) {
                return Err(SettingsError::Request {
                    setting: name.clone(),
                    accepted: accepted.to_owned(),
                });
            }
            spark.insert(name.clone(), value.clone());
        }
        let memory = memory(&spark)?.unwrap_or(self.most.memory);
        if memory > self.most.memory {
            return Err(SettingsError::OverLimit {
                setting: "the memory of driver and executors, with 1g beside it,",
                asked: shown(memory),
                limit: shown(self.most.memory),
                property: "memory",
            });
        }
        let cpus = cores(&spark)?.map_or(self.most.cpus, f64::from);
        // Less than one core can't be asked for, so a cluster that gives less gives that.
        if cpus > self.most.cpus.max(1.0) {
            return Err(SettingsError::OverLimit {
                setting: "the cores of driver and executors",
                asked: cpus.to_string(),
                limit: self.most.cpus.to_string(),
                property: "cpus",
            });
        }
        let limits = Limits {
            memory,
            cpus: cpus.min(self.most.cpus),
            ..self.most
        };
        Ok(Grant { limits, spark })
    }
}

/// The Spark settings of a request: its `conf`, and the fields that win over it.
fn asked(request: &SessionRequest) -> Result<BTreeMap<String, String>, SettingsError> {
    let mut asked: BTreeMap<String, String> = match request.settings.as_str() {
        "" => BTreeMap::new(),
        text => serde_json::from_str(text).map_err(|error| SettingsError::Request {
            setting: "conf".to_owned(),
            accepted: format!("an object of strings ({error})"),
        })?,
    };
    for (field, setting) in FIELDS {
        let value = match request.details.get(field) {
            Some(Json::String(text)) if !text.is_empty() => text.clone(),
            // Livy shows a missing number as 0.
            Some(Json::Number(number)) if number.as_u64() != Some(0) => number.to_string(),
            _ => continue,
        };
        asked.insert(setting.to_owned(), value);
    }
    Ok(asked)
}

/// The memory that the settings ask for, if they do.
fn memory(spark: &BTreeMap<String, String>) -> Result<Option<u64>, SettingsError> {
    let read = |name: &str| match spark.get(name) {
        None => Ok(None),
        Some(text) => match size(text.trim()).filter(|size| *size > 0) {
            Some(size) => Ok(Some(size)),
            None => Err(wrong(name, text, "a size such as 512m or 4g")),
        },
    };
    let (driver, executor) = (read(DRIVER_MEMORY)?, read(EXECUTOR_MEMORY)?);
    if driver.is_none() && executor.is_none() {
        return Ok(None);
    }
    let executors = number(spark, EXECUTORS)?.unwrap_or(1);
    let all = executor
        .unwrap_or(0)
        .saturating_mul(u64::from(executors))
        .saturating_add(driver.unwrap_or(0))
        .saturating_add(BESIDE_THE_HEAP);
    Ok(Some(all))
}

/// The cores that the settings ask for, if they do. One engine does the work of the driver and of
/// the executors, and not both at once.
fn cores(spark: &BTreeMap<String, String>) -> Result<Option<u32>, SettingsError> {
    let executors = number(spark, EXECUTORS)?.unwrap_or(1);
    let of_executors = number(spark, EXECUTOR_CORES)?.map(|cores| cores.saturating_mul(executors));
    Ok(number(spark, DRIVER_CORES)?.max(of_executors))
}

fn number(spark: &BTreeMap<String, String>, name: &str) -> Result<Option<u32>, SettingsError> {
    match spark.get(name) {
        None => Ok(None),
        Some(text) => match text.trim().parse::<u32>() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(wrong(name, text, "a whole number above 0")),
        },
    }
}

fn wrong(name: &str, text: &str, accepted: &str) -> SettingsError {
    SettingsError::Request {
        setting: format!("{name} = '{text}'"),
        accepted: accepted.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(settings: &Json, details: Json) -> SessionRequest {
        let Json::Object(details) = details else {
            panic!("not an object");
        };
        SessionRequest {
            settings: settings.to_string(),
            details,
            ..SessionRequest::default()
        }
    }

    fn grant(settings: &Json, details: Json) -> Result<Grant, SettingsError> {
        ClusterSettings::default().grant(&request(settings, details))
    }

    #[test]
    fn who_asks_for_nothing_gets_what_the_cluster_gives() {
        let granted = grant(&json!({}), json!({"driverCores": 0, "driverMemory": null})).unwrap();
        assert_eq!(granted.limits, ClusterSettings::default().most);
        assert!(granted.spark.is_empty());
    }

    #[test]
    fn what_sparkmagic_asks_for_is_given() {
        let granted = grant(
            &json!({"spark.sql.shuffle.partitions": "4"}),
            json!({"driverMemory": "1000M", "executorCores": 2}),
        )
        .unwrap();
        assert_eq!(granted.limits.memory, (1000 << 20) + BESIDE_THE_HEAP);
        assert_eq!(granted.limits.cpus, 2.0);
        assert_eq!(granted.spark["spark.sql.shuffle.partitions"], "4");
        assert_eq!(granted.spark["spark.driver.memory"], "1000M");
    }

    #[test]
    fn executors_are_counted() {
        let settings = ClusterSettings {
            most: Limits {
                memory: 16 * GIB,
                cpus: 8.0,
                ..ClusterSettings::default().most
            },
            ..ClusterSettings::default()
        };
        let details = json!({"executorMemory": "4g", "executorCores": 2, "numExecutors": 3});
        let granted = settings.grant(&request(&json!({}), details)).unwrap();
        assert_eq!(granted.limits.memory, 13 * GIB);
        assert_eq!(granted.limits.cpus, 6.0);
    }

    #[test]
    fn a_session_wins_over_the_clusters_defaults() {
        let settings = ClusterSettings {
            spark: BTreeMap::from([(DRIVER_MEMORY.to_owned(), "2g".to_owned())]),
            ..ClusterSettings::default()
        };
        let plain = settings.grant(&SessionRequest::default()).unwrap();
        assert_eq!(plain.limits.memory, 3 * GIB);
        let own = settings
            .grant(&request(&json!({}), json!({"driverMemory": "1g"})))
            .unwrap();
        assert_eq!(own.limits.memory, 2 * GIB);
    }

    #[test]
    fn more_than_the_cluster_gives_is_refused_with_the_limit() {
        for (details, said) in [
            (json!({"driverMemory": "8g"}), "at most 4g"),
            (
                json!({"executorMemory": "9999t", "numExecutors": 4_000_000_000_u32}),
                "'memory'",
            ),
            (json!({"driverCores": 5}), "at most 4"),
            (
                json!({"executorCores": 70_000, "numExecutors": 70_000}),
                "'cpus'",
            ),
            (json!({"driverMemory": "-1g"}), "spark.driver.memory"),
            (json!({"executorCores": -1}), "spark.executor.cores"),
        ] {
            let error = grant(&json!({}), details).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn settings_that_are_not_the_users_are_refused_by_name() {
        for name in [
            "spark.master",
            "spark.jars.packages",
            "spark.hadoop.fs.s3a.endpoint",
            "spark.yarn.queue",
            "spark.driver.extraJavaOptions",
            "livy.server.port",
        ] {
            let error = grant(&json!({ name: "x" }), json!({})).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
