//! What a cluster must be before it gives out credentials.

use crate::emr::{
    cluster::Cluster, error::EmrError, release::Release, security_configuration::SecurityDocument,
};

/// The rules a cluster must meet before it gives out credentials. AWS's texts for these refusals
/// are not public; these are our own.
pub(super) fn check_cluster(cluster: &Cluster, rules: &SecurityDocument) -> Result<(), EmrError> {
    let id = &cluster.id;
    let refuse = |message: String| Err(EmrError::InvalidRequest(message));
    if !cluster.state.is_ready() {
        return refuse(format!(
            "Cluster '{id}' is {}. Session credentials are given out when it is RUNNING or WAITING.",
            cluster.state.name()
        ));
    }
    let first = Release::FIRST_WITH_SESSION_CREDENTIALS;
    if cluster.release_label.parse::<Release>()? < first {
        return refuse(format!(
            "Cluster '{id}' has the release {}. Runtime roles for sessions need {first} or later.",
            cluster.release_label
        ));
    }
    if !rules.runtime_roles() {
        return refuse(format!(
            "Runtime roles are not enabled on cluster '{id}'. Start it with a security \
             configuration in which EnableApplicationScopedIAMRole is true."
        ));
    }
    if !rules.in_transit_encryption() {
        return refuse(format!(
            "In-transit encryption is not enabled on cluster '{id}'. Start it with a security \
             configuration in which EnableInTransitEncryption is true."
        ));
    }
    if !cluster.has_application("Livy") {
        return refuse(format!(
            "Cluster '{id}' has no Livy to open sessions with. Start it with Livy among its \
             applications."
        ));
    }
    Ok(())
}
