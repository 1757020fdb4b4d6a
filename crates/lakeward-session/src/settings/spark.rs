//! Which Spark settings there are: those that shape a session, those that go on to it, and those
//! that are refused.

use std::collections::BTreeMap;

use super::{Properties, SPARK, SettingsError, Value};

pub(super) const DRIVER_MEMORY: &str = "spark.driver.memory";
pub(super) const DRIVER_CORES: &str = "spark.driver.cores";
pub(super) const EXECUTOR_MEMORY: &str = "spark.executor.memory";
pub(super) const EXECUTOR_CORES: &str = "spark.executor.cores";
pub(super) const EXECUTORS: &str = "spark.executor.instances";

/// Where a session runs is not the user's to choose, and there is no JVM, no YARN and no Hadoop.
const REFUSED: [&str; 16] = [
    "spark.driver.extra",
    "spark.driver.memoryOverhead",
    "spark.driver.bindAddress",
    "spark.driver.host",
    "spark.executor.extra",
    "spark.executor.memoryOverhead",
    "spark.executorEnv.",
    "spark.extraListeners",
    "spark.hadoop.",
    "spark.jars",
    "spark.kubernetes.",
    "spark.master",
    "spark.plugins",
    "spark.remote",
    "spark.submit.",
    "spark.yarn.",
];

/// Why a setting of this name is refused, if it is.
pub(super) fn refusal(name: &str) -> Option<&'static str> {
    if !name.starts_with("spark.") {
        return Some("a Spark setting's name begins with `spark.`");
    }
    let is_refused = REFUSED.iter().any(|prefix| name.starts_with(prefix));
    is_refused.then_some(
        "where and how the engine runs is the cluster's, and it has no JVM, no YARN and no Hadoop; \
         there are spark.driver.memory, spark.driver.cores, spark.executor.memory, \
         spark.executor.cores, spark.executor.instances, and the session's settings such as spark.sql.*",
    )
}

/// The settings of `spark-defaults`, whose names are all accepted.
pub(super) fn defaults(properties: &Properties) -> Result<BTreeMap<String, String>, SettingsError> {
    for (name, text) in properties {
        if let Some(accepted) = refusal(name) {
            return Err(Value::new(SPARK, name, text).unknown(accepted));
        }
    }
    Ok(properties.clone())
}
