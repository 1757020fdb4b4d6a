//! `ListClusters`.

use std::{collections::BTreeMap, sync::Arc};

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::{AwsError, epoch};
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::{Cluster, status::Status},
    error::EmrError,
    marker::{Page, page},
};

const PAGE: usize = 50;

const STATES: [&str; 7] = [
    "STARTING",
    "BOOTSTRAPPING",
    "RUNNING",
    "WAITING",
    "TERMINATING",
    "TERMINATED",
    "TERMINATED_WITH_ERRORS",
];

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListClustersInput {
    created_after: Option<f64>,
    created_before: Option<f64>,
    cluster_states: Vec<String>,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListClustersOutput {
    clusters: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    id: String,
    name: String,
    status: Status,
    normalized_instance_hours: u32,
    cluster_arn: String,
}

/// `ListClusters`: the youngest first.
pub(crate) async fn clusters(
    emr: Arc<Emr>,
    call: Call,
    input: ListClustersInput,
) -> Result<ListClustersOutput, AwsError> {
    let _permit = call.authorize("elasticmapreduce:ListClusters", "*", Context::new())?;
    for state in &input.cluster_states {
        if !STATES.contains(&state.as_str()) {
            let message = format!("'{state}' is not a cluster state.");
            return Err(EmrError::invalid_request(message).into());
        }
    }
    let sorted: BTreeMap<_, _> = emr
        .store
        .snapshot()
        .scan::<Cluster>(&Cluster::key_of(call.account(), ""))
        .into_iter()
        .filter(|cluster| cluster.region == call.region() && input.wants(cluster))
        .map(|cluster| (youngest_first(&cluster), cluster))
        .collect();
    let Page { items, marker } = page(sorted, input.marker.as_deref(), PAGE)?;
    Ok(ListClustersOutput {
        clusters: items.iter().map(|cluster| Summary::of(cluster)).collect(),
        marker,
    })
}

/// A text that sorts younger clusters before older ones.
fn youngest_first(cluster: &Cluster) -> String {
    let age = i64::MAX.saturating_sub(cluster.created_at.as_microsecond());
    format!("{age:020}{}", cluster.id)
}

impl ListClustersInput {
    fn wants(&self, cluster: &Cluster) -> bool {
        let created = epoch(cluster.created_at);
        self.created_after.is_none_or(|after| created > after)
            && self.created_before.is_none_or(|before| created < before)
            && (self.cluster_states.is_empty()
                || self
                    .cluster_states
                    .iter()
                    .any(|state| state == cluster.state.name()))
    }
}

impl Summary {
    fn of(cluster: &Cluster) -> Self {
        Self {
            id: cluster.id.clone(),
            name: cluster.name.clone(),
            status: Status::of_cluster(cluster),
            normalized_instance_hours: 0,
            cluster_arn: cluster.arn(),
        }
    }
}
