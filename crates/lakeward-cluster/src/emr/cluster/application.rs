//! The applications of a cluster: which can be asked for, and which are there.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::emr::{
    cluster::{Cluster, status::ErrorDetail, unbuilt},
    error::EmrError,
};

/// What a cluster serves.
pub(crate) const SERVED: [&str; 3] = ["JupyterEnterpriseGateway", "Livy", "Spark"];

/// What AWS's templates for runtime roles and notebooks ask for and a cluster doesn't serve, with
/// what there is in its place. They can be asked for, so that those templates work unchanged;
/// `DescribeCluster` doesn't list them, and names each under the status's error details.
const NOT_SERVED: [(&str, &str); 5] = [
    (
        "HCatalog",
        "The catalog of every session is the Glue Data Catalog.",
    ),
    (
        "Hadoop",
        "Sessions run on the primary instance, without YARN and HDFS; data is in S3.",
    ),
    (
        "Hive",
        "Nothing answers on HiveServer2's port. Use Spark SQL through Livy.",
    ),
    (
        "Presto",
        "Nothing answers on Presto's port. Use Spark SQL through Livy.",
    ),
    ("Tez", "Sessions run Spark only."),
];

/// What EMR can install and Lakeward can't.
const NOT_BUILT: [&str; 21] = [
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
    "PrestoSQL",
    "Sqoop",
    "TensorFlow",
    "Trino",
    "WebHCat",
    "Zeppelin",
    "ZooKeeper",
];

/// `Application` of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Application {
    pub name: String,
    #[serde(flatten)]
    pub unbuilt: Map<String, Value>,
}

/// `Application` of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Served {
    pub name: &'static str,
}

impl Cluster {
    /// Whether it runs what steps submit.
    ///
    /// # Errors
    /// It was started without Spark.
    pub(crate) fn check_spark(&self) -> Result<(), EmrError> {
        if self.has_application("Spark") {
            return Ok(());
        }
        Err(EmrError::validation(format!(
            "Cluster '{}' has no Spark, which spark-submit needs. Start it with Spark among its \
             applications.",
            self.id
        )))
    }
}

/// The names of the applications that were asked for, each once. `Version`, `Args` and
/// `AdditionalInfo` belong to releases before 4.0 and are refused.
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

/// Those of `asked` that the cluster serves.
pub(crate) fn served(asked: &[String]) -> Vec<Served> {
    let known = asked.iter().filter_map(|name| find(SERVED, name));
    known.map(|name| Served { name }).collect()
}

/// What to say about those of `asked` that the cluster doesn't serve.
pub(crate) fn missing(asked: &[String]) -> Vec<ErrorDetail> {
    let missing = NOT_SERVED
        .iter()
        .filter(|(name, _)| asked.iter().any(|asked| asked == name));
    missing
        .map(|(name, instead)| ErrorDetail {
            error_code: "APPLICATION_NOT_SERVED",
            error_data: vec![[("Application".to_owned(), (*name).to_owned())].into()],
            error_message: format!("{name} isn't served by this release of Lakeward. {instead}"),
        })
        .collect()
}

/// The spelling AWS uses for `name`, which is compared without regard to case.
fn canonical(name: &str) -> Result<String, EmrError> {
    let accepted = || SERVED.into_iter().chain(NOT_SERVED.map(|(name, _)| name));
    if let Some(known) = find(accepted(), name) {
        return Ok(known.to_owned());
    }
    match find(NOT_BUILT, name) {
        Some(known) => Err(EmrError::Unsupported(format!("The application '{known}'"))),
        None => Err(EmrError::validation(format!(
            "Application '{}' is not known. Known applications: {}.",
            name.chars().take(100).collect::<String>(),
            accepted().collect::<Vec<_>>().join(", ")
        ))),
    }
}

fn find(names: impl IntoIterator<Item = &'static str>, name: &str) -> Option<&'static str> {
    let mut names = names.into_iter();
    names.find(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_the_usual_spelling() {
        assert_eq!(canonical("spark").unwrap(), "Spark");
        assert_eq!(canonical("HIVE").unwrap(), "Hive");
        assert_eq!(
            canonical("JupyterEnterpriseGateway").unwrap(),
            "JupyterEnterpriseGateway"
        );
    }

    #[test]
    fn unbuilt_and_unknown_ones_are_refused_differently() {
        for name in NOT_BUILT {
            let error = canonical(name).unwrap_err();
            assert!(matches!(error, EmrError::Unsupported(_)), "{name}");
        }
        assert!(matches!(canonical("Sparkle"), Err(EmrError::Validation(_))));
    }

    #[test]
    fn what_is_not_served_is_named_and_not_listed() {
        let asked = ["Spark", "Hive", "Presto", "Livy"].map(str::to_owned);
        let listed: Vec<_> = served(&asked).iter().map(|one| one.name).collect();
        assert_eq!(listed, ["Spark", "Livy"]);
        let missing = missing(&asked);
        assert_eq!(missing.len(), 2);
        assert!(missing[0].error_message.starts_with("Hive isn't served"));
    }
}
