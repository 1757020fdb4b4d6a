//! Application configurations of a cluster.
//!
//! Only settings that describe what every cluster does anyway are accepted. Any other would be
//! kept without effect, so it is refused by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::emr::error::EmrError;

/// One classification with its properties.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Configuration {
    /// The file or component that is configured.
    pub classification: String,
    /// Nested ones; none are accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configurations: Vec<Configuration>,
    /// Names and values.
    pub properties: BTreeMap<String, String>,
}

const GLUE_CATALOG: &str =
    "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory";
const METASTORE: &str = "hive.metastore.client.factory.class";

/// Classification, property and the one value that describes what is so anyway.
const ALWAYS_SO: [(&str, &str, &str); 3] = [
    ("spark-hive-site", METASTORE, GLUE_CATALOG),
    ("hive-site", METASTORE, GLUE_CATALOG),
    ("livy-conf", "livy.server.port", "8998"),
];

/// Refuses what would have no effect.
pub(crate) fn validate(configurations: &[Configuration]) -> Result<(), EmrError> {
    for configuration in configurations {
        if !configuration.configurations.is_empty() {
            return Err(EmrError::Unsupported(format!(
                "Nested Configurations in the classification '{}'",
                configuration.classification
            )));
        }
        for (property, value) in &configuration.properties {
            let known = (
                configuration.classification.as_str(),
                property.as_str(),
                value.as_str(),
            );
            if !ALWAYS_SO.contains(&known) {
                return Err(EmrError::Unsupported(format!(
                    "The Configurations property '{property}' = '{value}' of the classification '{}'",
                    configuration.classification
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(classification: &str, property: &str, value: &str) -> [Configuration; 1] {
        [Configuration {
            classification: classification.to_owned(),
            configurations: Vec::new(),
            properties: BTreeMap::from([(property.to_owned(), value.to_owned())]),
        }]
    }

    #[test]
    fn what_is_so_anyway_is_accepted() {
        assert!(validate(&one("spark-hive-site", METASTORE, GLUE_CATALOG)).is_ok());
        assert!(validate(&one("livy-conf", "livy.server.port", "8998")).is_ok());
        assert!(validate(&[]).is_ok());
    }

    #[test]
    fn what_would_have_no_effect_is_refused_by_name() {
        let error = validate(&one("livy-conf", "livy.server.port", "9000")).unwrap_err();
        assert!(error.to_string().contains("livy.server.port"), "{error}");
        assert!(validate(&one("spark-defaults", "spark.x", "1")).is_err());
    }
}
