//! Sessions across a restart: their records are kept while they are known, and what an earlier
//! process ran is shown again as dead.

use std::sync::Arc;

use tokio::sync::watch;

use lakeward_session::{RuntimeRoles, SessionRegistry};

/// Shows again what the records of a cluster name.
pub(super) fn restore(roles: &dyn RuntimeRoles, sessions: &SessionRegistry, cluster_id: &str) {
    for record in roles.kept(cluster_id) {
        sessions.restore(record);
    }
}

/// Removes the records of sessions that are forgotten, until the other end of `ended` is dropped.
pub(super) async fn tidy(
    roles: Arc<dyn RuntimeRoles>,
    sessions: Arc<SessionRegistry>,
    cluster_id: String,
    mut ended: watch::Receiver<()>,
) {
    let pause = sessions.limits().bounded_reap_interval();
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = ended.changed() => return,
        }
        let mut forgotten = roles.kept(&cluster_id);
        forgotten.retain(|record| !sessions.knows(&cluster_id, record.id));
        // A shutdown empties the registry, and the records are what is left of its sessions then.
        if ended.has_changed().is_err() {
            return;
        }
        if forgotten.is_empty() {
            continue;
        }
        let ids = forgotten.iter().map(|record| record.id).collect();
        if let Err(error) = roles.forget(&cluster_id, ids).await {
            tracing::warn!(cluster = cluster_id, %error, "records of sessions not removed");
        }
    }
}
