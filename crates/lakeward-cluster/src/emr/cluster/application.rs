//! The applications of a cluster.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::emr::{cluster::unbuilt, error::EmrError};

/// What a cluster may list. Spark and Livy are served; the others belong to the set that AWS names
/// for runtime roles and notebooks, and are kept so that its templates work unchanged: Hive's
/// catalog is Glue for every session, and the gateway's endpoint isn't there yet.
const ACCEPTED: [&str; 7] = [
    "Spark",
    "Livy",
    "Hadoop",
    "Hive",
    "HCatalog",
    "JupyterEnterpriseGateway",
    "Tez",
];

/// What EMR can install and Lakeward can't.
const NOT_BUILT: [&str; 18] = [
    "AmazonCloudWatchAgent",
    "Delta",
    "Flink",
    "Ganglia",
    "HBase",
    "Hudi",
    "Hue",
    "Iceberg",
    "JupyterHub",
    "MXNet",
    "Mahout",
    "Oozie",
    "Phoenix",
    "Pig",
    "Presto",
    "TensorFlow",
    "Trino",
    "Zeppelin",
];

/// `Application`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Application {
    pub name: String,
    #[serde(flatten)]
    pub unbuilt: Map<String, Value>,
}

/// The names of the applications that were asked for, each once.
pub(crate) fn names(requested: &[Application]) -> Result<Vec<String>, EmrError> {
    let mut names = Vec::new();
    for application in requested {
        unbuilt::refuse("Applications.", &application.unbuilt)?;
        let name = canonical(&application.name)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The spelling AWS uses for `name`, which is compared without regard to case.
fn canonical(name: &str) -> Result<String, EmrError> {
    if let Some(known) = find(&ACCEPTED, name) {
        return Ok(known.to_owned());
    }
    match find(&NOT_BUILT, name) {
        Some(known) => Err(EmrError::Unsupported(format!("The application '{known}'"))),
        None => Err(EmrError::validation(format!(
            "The application '{name}' is not known. Known applications: {}.",
            ACCEPTED.join(", ")
        ))),
    }
}

fn find(names: &[&'static str], name: &str) -> Option<&'static str> {
    names
        .iter()
        .copied()
        .find(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_the_usual_spelling() {
        assert_eq!(canonical("spark").unwrap(), "Spark");
        assert_eq!(
            canonical("JupyterEnterpriseGateway").unwrap(),
            "JupyterEnterpriseGateway"
        );
    }

    #[test]
    fn unbuilt_and_unknown_ones_are_refused_differently() {
        assert!(matches!(canonical("HBase"), Err(EmrError::Unsupported(_))));
        assert!(matches!(canonical("Sparkle"), Err(EmrError::Validation(_))));
    }
}
