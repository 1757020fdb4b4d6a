//! What a cluster must be to be reached under a runtime role. AWS's texts for these refusals are
//! not public; these are our own.

use crate::emr::{
    cluster::Cluster, error::EmrError, release::Release, security_configuration::SecurityDocument,
};

/// What an EMR Studio workspace needs to be attached under a runtime role (EMR Management Guide,
/// "Run an EMR Studio Workspace with a runtime role").
const WORKSPACE_APPLICATIONS: [&str; 3] = ["Spark", "Livy", "JupyterEnterpriseGateway"];

/// What a session under a runtime role runs in. On AWS, Livy alone brings no Spark along.
const SESSION_APPLICATIONS: [&str; 2] = ["Livy", "Spark"];

/// What a cluster must meet before it gives out credentials.
pub(super) fn check_cluster(cluster: &Cluster, rules: &SecurityDocument) -> Result<(), EmrError> {
    if !cluster.state.is_ready() {
        return Err(EmrError::invalid_request(format!(
            "Cluster '{}' is {}. Session credentials are given out when it is RUNNING or WAITING.",
            cluster.id,
            cluster.state.name()
        )));
    }
    check_release(cluster, Release::FIRST_WITH_SESSION_CREDENTIALS, "sessions")?;
    check_rules(cluster, rules)?;
    let mut applications = SESSION_APPLICATIONS.iter();
    applications.try_for_each(|name| check_application(cluster, name))
}

impl Cluster {
    /// Whether workspaces may be attached under a runtime role, through the cluster's Jupyter
    /// gateway. It stays as it is for the cluster's life.
    ///
    /// # Errors
    /// Its release is too old, an application is missing, or its security configuration doesn't
    /// provide for it; the message says what to change.
    pub fn check_workspaces(&self) -> Result<(), EmrError> {
        check_release(self, Release::FIRST_WITH_WORKSPACES, "workspaces")?;
        check_rules(self, &self.security_rules()?)?;
        WORKSPACE_APPLICATIONS
            .iter()
            .try_for_each(|name| check_application(self, name))
    }
}

fn check_release(cluster: &Cluster, first: Release, what_for: &str) -> Result<(), EmrError> {
    if cluster.release_label.parse::<Release>()? >= first {
        return Ok(());
    }
    Err(EmrError::invalid_request(format!(
        "Cluster '{}' has the release {}. Runtime roles for {what_for} need {first} or later.",
        cluster.id, cluster.release_label
    )))
}

fn check_rules(cluster: &Cluster, rules: &SecurityDocument) -> Result<(), EmrError> {
    let id = &cluster.id;
    if !rules.runtime_roles() {
        return Err(EmrError::invalid_request(format!(
            "Runtime roles are not enabled on cluster '{id}'. Start it with a security \
             configuration in which EnableApplicationScopedIAMRole is true."
        )));
    }
    if !rules.in_transit_encryption() {
        return Err(EmrError::invalid_request(format!(
            "In-transit encryption is not enabled on cluster '{id}'. Start it with a security \
             configuration in which EnableInTransitEncryption is true."
        )));
    }
    Ok(())
}

fn check_application(cluster: &Cluster, name: &str) -> Result<(), EmrError> {
    if cluster.has_application(name) {
        return Ok(());
    }
    Err(EmrError::invalid_request(format!(
        "Cluster '{}' has no {name}, which sessions need. Start it with {name} among its \
         applications.",
        cluster.id
    )))
}
