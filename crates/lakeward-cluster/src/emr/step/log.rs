//! The logs of a step: `controller.gz`, `stdout.gz` and `stderr.gz` under
//! `LogUri/CLUSTER/steps/STEP/` (EMR Management Guide, "View log files").

use std::{io::Write as _, time::Duration};

use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;

use crate::emr::{Emr, cluster::Cluster, object::ObjectAddress, step::Step};

/// S3 is this instance; nothing that lasts longer comes to a good end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the cluster did for a step, a line at a time.
#[derive(Default)]
pub(super) struct Controller(String);

impl Controller {
    pub(super) fn say(&mut self, at: Timestamp, line: &str) {
        let line = line.replace(char::is_control, " ");
        self.0.push_str(&format!("{at:.3} INFO {line}\n"));
    }
}

/// All that a step leaves behind.
#[derive(Default)]
pub(super) struct Logs {
    pub(super) controller: Controller,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Logs {
    /// With the command in them.
    pub(super) fn begun(at: Timestamp, args: &[String]) -> Self {
        let mut logs = Self::default();
        logs.controller
            .say(at, &format!("startExec '{}'", args.join(" ")));
        logs
    }

    /// The last line of the standard error, which says what was wrong.
    pub(super) fn last_words(&self) -> Option<String> {
        const LONGEST: usize = 1_024;
        let text = String::from_utf8_lossy(&self.stderr);
        let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
        Some(line.trim().chars().take(LONGEST).collect())
    }
}

impl Emr {
    /// Writes the logs with the keys of the instance profile's role.
    ///
    /// # Errors
    /// Why they aren't there, for people. The step goes on as if they were.
    pub(super) async fn write_logs(
        &self,
        cluster: &Cluster,
        step: &Step,
        logs: &Logs,
    ) -> Result<(), String> {
        let Some(folder) = step.log_uri.as_deref().and_then(ObjectAddress::parse) else {
            return Ok(());
        };
        let written = tokio::time::timeout(PATIENCE, self.write_each(cluster, &folder, logs)).await;
        let written = written.unwrap_or_else(|_| Err("S3 did not answer in time".to_owned()));
        written.map_err(|why| {
            tracing::warn!(cluster = %cluster.id, step = %step.id, %why, "logs not written");
            format!("The logs could not be written to {folder}: {why}.")
        })
    }

    async fn write_each(
        &self,
        cluster: &Cluster,
        folder: &ObjectAddress,
        logs: &Logs,
    ) -> Result<(), String> {
        let keys = self
            .instance_keys(cluster)
            .map_err(|error| error.to_string())?;
        let objects = self.runtime.objects();
        for (name, content) in [
            ("controller.gz", logs.controller.0.as_bytes()),
            ("stdout.gz", &logs.stdout),
            ("stderr.gz", &logs.stderr),
        ] {
            let packed = gzip(content).map_err(|error| error.to_string())?;
            let put = objects.put(&keys, &folder.under(name), packed).await;
            put.map_err(|error| {
                let role = &keys.role_arn;
                format!("{error} (the instance profile's role {role} needs s3:PutObject there)")
            })?;
        }
        Ok(())
    }
}

fn gzip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    encoder.finish()
}
