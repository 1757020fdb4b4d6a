//! The body of `POST /batches`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::error::LivyError;
use super::request::{checked_name, refuse_files, settings};
use lakeward_session::BatchRequest;

/// The body of `POST /batches`. Sizes are taken and have no effect: the cluster decides.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateBatch {
    file: Option<String>,
    pub proxy_user: Option<String>,
    class_name: Option<String>,
    args: Option<Vec<String>>,
    jars: Option<Vec<String>>,
    py_files: Option<Vec<String>>,
    files: Option<Vec<String>>,
    archives: Option<Vec<String>>,
    name: Option<String>,
    conf: Option<BTreeMap<String, Value>>,
    #[serde(rename = "driverMemory")]
    _driver_memory: Option<String>,
    #[serde(rename = "driverCores")]
    _driver_cores: Option<u32>,
    #[serde(rename = "executorMemory")]
    _executor_memory: Option<String>,
    #[serde(rename = "executorCores")]
    _executor_cores: Option<u32>,
    #[serde(rename = "numExecutors")]
    _num_executors: Option<u32>,
    #[serde(rename = "queue")]
    _queue: Option<String>,
}

impl CreateBatch {
    /// Checks the request and turns it into the batch's own. What of the script is wrong, its
    /// opening says.
    pub fn into_request(self) -> Result<BatchRequest, LivyError> {
        refuse_files(&[
            ("jars", &self.jars),
            ("files", &self.files),
            ("archives", &self.archives),
        ])?;
        if self
            .class_name
            .as_ref()
            .is_some_and(|name| !name.is_empty())
        {
            let text = "className is not taken: there is no JVM on this cluster; give a PySpark script as file";
            return Err(LivyError::Rejected(text.to_owned()));
        }
        Ok(BatchRequest {
            name: checked_name(self.name.as_deref())?,
            file: self.file.unwrap_or_default(),
            args: self.args.unwrap_or_default(),
            py_files: self.py_files.unwrap_or_default(),
            settings: settings(self.conf.as_ref())?,
            details: Default::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::livy::request::read;

    fn request(body: &str) -> Result<BatchRequest, LivyError> {
        read::<CreateBatch>(body.as_bytes())?.into_request()
    }

    #[test]
    fn all_of_livys_fields_are_known() {
        let body = r#"{"file": "s3://b/job.py", "proxyUser": "x", "className": "", "args": ["1"],
            "jars": [], "pyFiles": ["s3://b/m.py"], "files": [], "driverMemory": "1g",
            "driverCores": 1, "executorMemory": "1g", "executorCores": 1, "numExecutors": 1,
            "archives": [], "queue": "q", "name": "nightly", "conf": {"a": 1}}"#;
        let request = request(body).unwrap();
        assert_eq!(request.name.as_deref(), Some("nightly"));
        assert_eq!(request.settings, r#"{"a":"1"}"#);
        assert_eq!(
            (&*request.args, &*request.py_files),
            (&["1".to_owned()][..], &["s3://b/m.py".to_owned()][..])
        );
    }

    #[test]
    fn what_needs_a_jvm_is_refused_by_name() {
        for (body, expected) in [
            (r#"{"className": "com.Main"}"#, "className"),
            (r#"{"jars": ["s3://b/x.jar"]}"#, "no JVM"),
            (r#"{"archives": ["s3://b/x.zip"]}"#, "archives"),
            (r#"{"kind": "pyspark"}"#, "unknown field `kind`"),
        ] {
            let error = request(body).unwrap_err().to_string();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }
}
