//! Clusters beside the example's own.

use std::time::Duration;

use anyhow::{Context, Result};
use lakeward_client::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::instance::{Cluster, Instance};

const LOOKS: usize = 300;
const PAUSE: Duration = Duration::from_millis(100);

/// Makes a cluster like the example's whose sessions have these settings.
pub async fn make(instance: &Instance, name: &str, settings: Value) -> Result<Cluster> {
    let admin = instance.client("admin").await?;
    let stack = &instance.demo.stack;
    let input = json!({
        "Name": name,
        "ReleaseLabel": "emr-6.10.0",
        "Applications": [{"Name": "Spark"}, {"Name": "Livy"}],
        "Configurations": [{"Classification": "lakeward-session", "Properties": settings}],
        "Instances": {
            "InstanceGroups": [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}],
            "KeepJobFlowAliveWhenNoSteps": true,
        },
        "JobFlowRole": stack.instance_profile(),
        "ServiceRole": stack.service_role(),
        "SecurityConfiguration": stack.security_configuration(),
    });
    let made = emr(&admin, "RunJobFlow", input).await?;
    let id = text(&made, "/JobFlowId")?;
    for _ in 0..LOOKS {
        let seen = emr(&admin, "DescribeCluster", json!({"ClusterId": id})).await?;
        if text(&seen, "/Cluster/Status/State")? == "WAITING" {
            let address = text(&seen, "/Cluster/MasterPublicDnsName")?;
            return Ok(Cluster { id, address });
        }
        sleep(PAUSE).await;
    }
    anyhow::bail!("the cluster {name} didn't come up")
}

/// Ends a cluster.
pub async fn end(instance: &Instance, cluster: &Cluster) -> Result<()> {
    let admin = instance.client("admin").await?;
    let input = json!({"JobFlowIds": [cluster.id]});
    emr(&admin, "TerminateJobFlows", input).await.map(drop)
}

async fn emr(admin: &Client, operation: &str, input: Value) -> Result<Value> {
    let target = format!("ElasticMapReduce.{operation}");
    Ok(admin.json("elasticmapreduce", &target, input).await?)
}

fn text(answer: &Value, pointer: &str) -> Result<String> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .with_context(|| format!("no {pointer} in {answer}"))
}
