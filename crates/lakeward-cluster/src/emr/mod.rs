//! The EMR service: security configurations, clusters, and the credentials that open a session
//! under a runtime role.
//!
//! A cluster here is an address of this machine with endpoints behind it. What AWS says about
//! machines, subnets and security groups is kept and shown again; what isn't built is refused by
//! name. An operation decodes, asks the authorizer, then acts.

mod activity;
mod certificate;
mod chain;
pub(crate) mod cluster;
mod credential;
mod error;
mod housekeeping;
mod identifier;
mod interface;
mod marker;
mod notebook;
mod object;
mod ownership;
mod public_access;
mod release;
mod runtime;
mod security_configuration;
mod session_record;
mod spark_connect;
mod step;
mod studio;
mod table;
mod tag;

pub use certificate::{CertificateError, ClusterCertificate};
pub use cluster::{Cluster, ClusterState, InstanceGroup, InstanceRole, Security};
pub use credential::{CredentialLimits, SessionCredential};
pub use error::EmrError;
pub use object::{LakeObjects, ObjectAddress, ObjectError};
pub use release::Release;
pub use runtime::ClusterRuntime;
pub use security_configuration::{SecurityConfiguration, SecurityDocument};
pub use step::{
    ActionOnFailure, Failure, NotStarted, SparkSubmit, Step, StepEnd, StepRun, StepRunner,
    StepState,
};
pub use table::services;
pub use tag::Tag;

use std::{
    net::Ipv4Addr,
    sync::{Arc, Weak},
    time::Duration,
};

use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};
use lakeward_identity::Identity;
use lakeward_store::{Schema, Store};

use crate::emr::{activity::Activity, cluster::turns::Turns, step::StepWork};

/// How the EMR service is set up.
#[derive(Clone, Debug)]
pub struct EmrConfig {
    /// Where clusters get their addresses from. Every address of it must be one of this machine.
    pub network: Ipv4Net,
    /// How long a user name and password of `GetClusterSessionCredentials` are good for.
    pub credential_lifetime: SignedDuration,
    /// How many such pairs may be good at a time.
    pub credential_limits: CredentialLimits,
    /// This node's name where several share the state: a cluster belongs to the node that started
    /// it. With None there is one node, and every cluster is its own.
    pub node: Option<String>,
    /// The time now. Tests set it.
    pub clock: fn() -> Timestamp,
    /// The time since some beginning, which only goes on: idleness is measured with it. Tests set it.
    pub steady_clock: fn() -> Duration,
}

impl Default for EmrConfig {
    /// `127.87.0.0/16`, twelve hours, the only node, the system's clock.
    fn default() -> Self {
        Self {
            network: Ipv4Net::new_assert(Ipv4Addr::new(127, 87, 0, 0), 16),
            credential_lifetime: SignedDuration::from_hours(12),
            credential_limits: CredentialLimits::default(),
            node: None,
            clock: Timestamp::now,
            steady_clock: activity::steady,
        }
    }
}

/// The EMR service.
pub struct Emr {
    store: Store,
    identity: Arc<Identity>,
    runtime: Arc<dyn ClusterRuntime>,
    config: EmrConfig,
    activity: Activity,
    turns: Turns,
    steps: StepWork,
}

impl Emr {
    /// The service over `store` and `identity`.
    ///
    /// `runtime` is given the service it will belong to, since what runs on a cluster asks the
    /// service for logins and keys. Nothing is started before [`Emr::resume`].
    #[must_use]
    pub fn new(
        store: Store,
        identity: Arc<Identity>,
        config: EmrConfig,
        runtime: impl FnOnce(&Weak<Self>) -> Arc<dyn ClusterRuntime>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            runtime: runtime(this),
            store,
            identity,
            activity: Activity::new(config.steady_clock),
            config,
            turns: Turns::default(),
            steps: StepWork::default(),
        })
    }

    fn now(&self) -> Timestamp {
        (self.config.clock)()
    }
}

/// Adds this service's record types.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    schema
        .record::<SecurityConfiguration>()
        .record::<Cluster>()
        .record::<SessionCredential>()
        .record::<session_record::KeptSession>()
        .record::<Step>()
}

#[cfg(test)]
mod tests;
