//! Application configurations of a cluster.
//!
//! What they say reaches the cluster's sessions through [`ClusterSettings`], which refuses by name
//! what would have no effect. A primary group's own configurations count over the cluster's, as in
//! EMR; those of core and task groups are checked and kept, since no such instance is there.

use std::collections::BTreeMap;

use lakeward_session::ClusterSettings;
use serde::{Deserialize, Serialize};

use crate::emr::{
    cluster::{Cluster, InstanceRole},
    error::EmrError,
};

/// One classification with its properties.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Configuration {
    /// The file or component that is configured.
    pub classification: String,
    /// Nested ones. None is accepted that says something.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configurations: Vec<Configuration>,
    /// Names and values.
    pub properties: BTreeMap<String, String>,
}

/// Properties by classification.
type Properties = BTreeMap<String, BTreeMap<String, String>>;

/// Refuses what would have no effect.
pub(crate) fn validate(configurations: &[Configuration]) -> Result<(), EmrError> {
    settings([configurations]).map(|_| ())
}

/// What lists of configurations say together, the later over the earlier.
pub(crate) fn settings<'a>(
    lists: impl IntoIterator<Item = &'a [Configuration]>,
) -> Result<ClusterSettings, EmrError> {
    let mut together = Properties::new();
    for list in lists {
        for (classification, properties) in flat(list)? {
            together
                .entry(classification)
                .or_default()
                .extend(properties);
        }
    }
    ClusterSettings::read(&together).map_err(|error| EmrError::validation(format!("{error}.")))
}

fn flat(list: &[Configuration]) -> Result<Properties, EmrError> {
    let mut flat = Properties::new();
    for configuration in list {
        let classification = &configuration.classification;
        if configuration.configurations.iter().any(says_something) {
            return Err(EmrError::Unsupported(format!(
                "A configuration nested in the classification '{classification}'"
            )));
        }
        let properties = configuration.properties.clone();
        if flat.insert(classification.clone(), properties).is_some() {
            return Err(EmrError::validation(format!(
                "The Configurations classification '{classification}' is given twice."
            )));
        }
    }
    Ok(flat)
}

/// Whether it, or one within it, has properties. The depth is bounded by that of the JSON text.
fn says_something(configuration: &Configuration) -> bool {
    !configuration.properties.is_empty() || configuration.configurations.iter().any(says_something)
}

impl Cluster {
    /// What its configurations, and those of its primary group, say about its sessions.
    ///
    /// # Errors
    /// They were accepted by a version that took others.
    pub fn settings(&self) -> Result<ClusterSettings, EmrError> {
        settings([
            self.configurations.as_slice(),
            self.primary_configurations(),
        ])
    }

    fn primary_configurations(&self) -> &[Configuration] {
        let groups = self
            .groups
            .iter()
            .map(|group| (group.role, Some(group.configurations.as_slice())));
        let fleets = self.fleets.iter().map(|fleet| {
            let first = fleet.types.first();
            (fleet.role, first.map(|one| one.configurations.as_slice()))
        });
        groups
            .chain(fleets)
            .find(|(role, _)| *role == InstanceRole::Master)
            .and_then(|(_, configurations)| configurations)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METASTORE: &str = "hive.metastore.client.factory.class";
    const GLUE_CATALOG: &str =
        "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory";

    fn one(classification: &str, property: &str, value: &str) -> [Configuration; 1] {
        [Configuration {
            classification: classification.to_owned(),
            configurations: Vec::new(),
            properties: BTreeMap::from([(property.to_owned(), value.to_owned())]),
        }]
    }

    #[test]
    fn what_has_an_effect_is_accepted() {
        assert!(validate(&one("spark-hive-site", METASTORE, GLUE_CATALOG)).is_ok());
        assert!(validate(&one("livy-conf", "livy.server.session.timeout", "2h")).is_ok());
        assert!(validate(&one("spark-defaults", "spark.sql.shuffle.partitions", "8")).is_ok());
        assert!(validate(&[]).is_ok());
    }

    #[test]
    fn what_would_have_no_effect_is_refused_by_name() {
        let error = validate(&one("livy-conf", "livy.server.port", "9000")).unwrap_err();
        assert!(matches!(error, EmrError::Validation(_)), "{error}");
        assert!(error.to_string().contains("livy.server.port"), "{error}");
        let error = validate(&one("hdfs-site", "dfs.replication", "1")).unwrap_err();
        assert!(error.to_string().contains("hdfs-site"), "{error}");
    }

    #[test]
    fn a_nested_configuration_may_be_empty_only() {
        let mut outer = one("spark-defaults", "spark.sql.ansi.enabled", "true");
        outer[0].configurations = vec![Configuration::default()];
        assert!(validate(&outer).is_ok());
        outer[0].configurations = one("export", "PYSPARK_PYTHON", "/usr/bin/python3").into();
        let error = validate(&outer).unwrap_err();
        assert!(matches!(error, EmrError::Unsupported(_)), "{error}");
        assert!(error.to_string().contains("'spark-defaults'"), "{error}");
    }

    #[test]
    fn a_classification_is_given_once_in_a_list_and_the_later_list_counts() {
        let (low, high) = (
            one("lakeward-session", "memory", "1g"),
            one("lakeward-session", "memory", "2g"),
        );
        let twice = [low.clone(), high.clone()].concat();
        assert!(validate(&twice).is_err());
        let read = settings([low.as_slice(), high.as_slice()]).unwrap();
        assert_eq!(read.most.memory, 2 << 30);
    }
}
