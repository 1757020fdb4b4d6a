//! From `connect` to the first row: the calls that the open notebook client makes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::rig::{
    instance::Instance,
    livy::{Livy, Polling},
};

/// AWS's connect extension sleeps this long by itself between its credentials and its session.
pub const OWN_SLEEP: Duration = Duration::from_secs(3);

const QUERY: &str = r#"sqlContext.sql("select * from tpc.dl_tpc_customer limit 10").show()"#;

/// An idle session, and how long it took.
pub struct Session {
    livy: Livy,
    path: String,
    /// From the request for credentials to `idle`.
    pub idle: Duration,
    /// From the request for credentials to the printed rows.
    pub first_row: Duration,
}

impl Session {
    /// David connects as marketing and shows ten customers.
    pub async fn connect(instance: &Instance, polling: Polling) -> Result<Self> {
        let client = instance.client("david").await?;
        let begun = Instant::now();
        let livy =
            Livy::log_in(instance, &client, &instance.cluster(), "marketing", polling).await?;
        let path = livy.create_session().await?;
        livy.wait(&path, "idle").await?;
        let idle = begun.elapsed();
        let output = livy.run(&path, QUERY).await?;
        let first_row = begun.elapsed();
        let shown = output
            .pointer("/data/text~1plain")
            .and_then(Value::as_str)
            .with_context(|| format!("the query answered {output}"))?;
        anyhow::ensure!(shown.contains("c_customer_sk"), "no customers in {shown}");
        Ok(Self {
            livy,
            path,
            idle,
            first_row,
        })
    }

    /// Ends the session.
    pub async fn end(self) -> Result<()> {
        self.livy.end(&self.path).await
    }
}
