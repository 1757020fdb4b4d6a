//! A step's program asks for keys as any session does; this is who it is.

use jiff::Timestamp;
use lakeward_identity::{Role, RoleCredentials};
use lakeward_session::Login;

use crate::emr::{Emr, chain::ProfileRole, cluster::Cluster, error::EmrError, step::Step};

impl Emr {
    /// The login that owns a step's session. Its user name is the step's id, which no pair of
    /// `GetClusterSessionCredentials` can have, and it opens nothing from outside.
    pub(super) fn step_login(&self, cluster: &Cluster, step: &Step) -> Result<Login, EmrError> {
        let role_arn = match &step.role_arn {
            Some(role_arn) => role_arn.clone(),
            None => ProfileRole::of(&self.identity, cluster)?.arn,
        };
        Ok(Login {
            username: step.id.clone(),
            cluster_id: cluster.id.clone(),
            role_arn,
            caller_arn: step.caller_arn.clone(),
            source_identity: step.source_identity.clone(),
            expires_at: Timestamp::MAX,
        })
    }

    /// Keys for the program of a step: of its runtime role, or of the instance profile's. None when
    /// the login isn't a step's.
    ///
    /// # Errors
    /// The step is over, or a link of the chain doesn't hold any more.
    pub(crate) fn step_keys(
        &self,
        cluster: &Cluster,
        login: &Login,
    ) -> Result<Option<RoleCredentials>, EmrError> {
        let snapshot = self.store.snapshot();
        let Some(step) = Step::find(&snapshot, &cluster.id, &login.username) else {
            return Ok(None);
        };
        if !step.state.is_running() {
            let text = format!("The step '{}' is {}.", step.id, step.state.name());
            return Err(EmrError::invalid_request(text));
        }
        match &step.role_arn {
            Some(role_arn) => {
                check_same(Role::find(&snapshot, role_arn).as_deref(), &step, role_arn)?;
                self.chain_keys(cluster, login).map(Some)
            }
            // The instance profile is the cluster's own: its steps follow it when its role changes.
            None => self.instance_keys(cluster).map(Some),
        }
    }
}

/// A role made again under the same name is somebody else's. That it is there, the chain asks.
fn check_same(role: Option<&Role>, step: &Step, role_arn: &str) -> Result<(), EmrError> {
    if role.is_none_or(|role| Some(&role.id) == step.role_id.as_ref()) {
        return Ok(());
    }
    Err(EmrError::invalid_request(format!(
        "The runtime role {role_arn} is another than the one that the step was submitted with: it was \
         deleted and made again. Submit the step again."
    )))
}
