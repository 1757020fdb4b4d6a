//! What is known of a cluster.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use lakeward_store::Record;
use serde::{Deserialize, Serialize};

use crate::emr::{
    cluster::{
        ClusterState, InstanceGroup, InstanceRole,
        configuration::Configuration,
        instance::record::InstanceFleet,
        machine::Machine,
        scaling::ManagedScaling,
        state::{ReasonCode, StateReason},
    },
    error::EmrError,
    security_configuration::SecurityDocument,
    tag::Tag,
};

/// A cluster. It stays on record for two months after its end, as in AWS.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cluster {
    /// The owner.
    pub account: String,
    /// The region it runs in.
    pub region: String,
    /// `j-…`, unique in this installation.
    pub id: String,
    /// Need not be unique.
    pub name: String,
    /// Where it is in its life.
    pub state: ClusterState,
    /// Why it is in that state.
    pub reason: Option<StateReason>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its endpoints were there for the first time.
    pub ready_at: Option<Timestamp>,
    /// When it had ended.
    pub ended_at: Option<Timestamp>,
    /// `emr-N.N.N`.
    pub release_label: String,
    /// Names as AWS spells them.
    pub applications: Vec<String>,
    /// The tags as they are now.
    pub tags: Vec<Tag>,
    /// As given: a name or an ARN.
    pub service_role: String,
    /// As given: a name or an ARN.
    pub instance_profile: String,
    /// The rules it enforces.
    pub security: Option<Security>,
    /// What its applications were configured with.
    pub configurations: Vec<Configuration>,
    /// One of them is the primary; none for a cluster of fleets.
    #[serde(default)]
    pub groups: Vec<InstanceGroup>,
    /// One of them is the primary; none for a cluster of groups.
    #[serde(default)]
    pub fleets: Vec<InstanceFleet>,
    /// What was said about machines and networks: kept to be shown again.
    pub machine: Machine,
    /// Whether it stays when there is no step to run.
    pub keep_alive: bool,
    /// Whether `TerminateJobFlows` is refused.
    pub termination_protected: bool,
    /// It ends after so many idle seconds.
    pub idle_timeout: Option<u32>,
    /// When that was set on the running cluster.
    #[serde(default)]
    pub idle_timeout_set_at: Option<Timestamp>,
    /// Where its steps' logs go: `s3://bucket/folder/`.
    #[serde(default)]
    pub log_uri: Option<String>,
    /// How many steps may run at once.
    #[serde(default = "one")]
    pub step_concurrency: u32,
    /// Kept and shown.
    #[serde(default)]
    pub managed_scaling: Option<ManagedScaling>,
    /// Its own address, its alone while it lives.
    pub address: Ipv4Addr,
    /// The node it runs on, where several share the state; none before one of them took it.
    #[serde(default)]
    pub node: Option<String>,
}

/// The security configuration a cluster was started with. Deleting or replacing the configuration
/// of that name doesn't change what a running cluster enforces.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Security {
    /// The configuration's name.
    pub name: String,
    /// Its JSON text.
    pub document: String,
}

fn one() -> u32 {
    1
}

impl Cluster {
    /// The key of cluster `id` of `account`.
    #[must_use]
    pub fn key_of(account: &str, id: &str) -> String {
        format!("{account}/{id}")
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        format!(
            "arn:aws:elasticmapreduce:{}:{}:cluster/{}",
            self.region, self.account, self.id
        )
    }

    /// The state in which it is over, once its endpoints are gone.
    pub(crate) fn last_state(&self) -> ClusterState {
        let code = self.reason.as_ref().and_then(|reason| reason.code);
        if code.is_some_and(ReasonCode::is_failure) {
            ClusterState::TerminatedWithErrors
        } else {
            ClusterState::Terminated
        }
    }

    /// Whether the application `name` (as AWS spells it) is installed.
    #[must_use]
    pub fn has_application(&self, name: &str) -> bool {
        self.applications
            .iter()
            .any(|application| application == name)
    }

    /// The rules it enforces; none of them without a security configuration.
    ///
    /// # Errors
    /// The document was written by a version with another grammar.
    pub fn security_rules(&self) -> Result<SecurityDocument, EmrError> {
        match &self.security {
            Some(security) => SecurityDocument::read(&security.document),
            None => Ok(SecurityDocument::default()),
        }
    }

    /// The EC2 id of the primary instance: it names the instance profile's role session.
    #[must_use]
    pub fn primary_instance(&self) -> Option<&str> {
        let of_groups = self.groups.iter().map(|one| (one.role, &one.instances));
        let of_fleets = self.fleets.iter().map(|one| (one.role, &one.instances));
        let (_, instances) = of_groups
            .chain(of_fleets)
            .find(|(role, _)| *role == InstanceRole::Master)?;
        Some(instances.first()?.ec2_id.as_str())
    }

    /// Whether it is made of instance fleets.
    #[must_use]
    pub fn has_fleets(&self) -> bool {
        !self.fleets.is_empty()
    }
}

impl Record for Cluster {
    const KIND: &'static str = "emr-cluster";

    fn key(&self) -> String {
        Self::key_of(&self.account, &self.id)
    }
}
