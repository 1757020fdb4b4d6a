//! What runs behind a cluster's address: its Livy and its Jupyter gateway, with sessions under
//! runtime roles.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock, Weak},
};

use anyhow::Result;
use async_trait::async_trait;
use axum::Router;
use lakeward_cluster::{
    emr::{Cluster, ClusterRuntime, Emr},
    jupyter::JupyterServers,
    livy::LivyServers,
};
use lakeward_session::{
    Login, RoleCredentials, RuntimeRoles, SessionLimits, SessionRuntime, Visit,
};
use lakeward_wire::{AwsError, authority::CertificateAuthority};

use super::{Addresses, Settings, StateFolder};

/// The port of a cluster's Jupyter gateway, as on EMR.
const JUPYTER_PORT: u16 = 18888;

pub(super) struct Clusters {
    livy: LivyServers,
    jupyter: JupyterServers,
    roles: Arc<LateRoles>,
    authority: Arc<CertificateAuthority>,
    livy_port: u16,
}

impl Clusters {
    pub(super) fn new(
        folder: &StateFolder,
        settings: &Settings,
        addresses: &Addresses,
        authority: Arc<CertificateAuthority>,
    ) -> Result<Arc<Self>> {
        let roles = Arc::new(LateRoles::default());
        let runtime = SessionRuntime {
            python: settings.session_python.clone(),
            module_path: folder.packages(),
            state_dir: folder.sessions(),
            environment: session_environment(folder, settings, addresses),
            credentials_url: format!("http://{}", addresses.credentials),
        };
        let livy = LivyServers::new(
            Arc::clone(&roles) as Arc<dyn RuntimeRoles>,
            runtime,
            SessionLimits::default(),
        )?;
        let jupyter = JupyterServers::new(
            Arc::clone(&roles) as Arc<dyn RuntimeRoles>,
            Arc::clone(livy.registry()),
        );
        Ok(Arc::new(Self {
            livy,
            jupyter,
            roles,
            authority,
            livy_port: settings.livy_port,
        }))
    }

    /// Joins this runtime to the service that logins and keys come from.
    pub(super) fn serve(self: &Arc<Self>, emr: &Weak<Emr>) -> Arc<dyn ClusterRuntime> {
        // The first and only call: a daemon has one EMR service.
        let _ = self.roles.0.set(Weak::clone(emr));
        Arc::clone(self) as Arc<dyn ClusterRuntime>
    }

    pub(super) fn credentials_router(&self) -> Router {
        self.livy.credentials_router()
    }

    pub(super) async fn shutdown(&self) {
        self.livy.shutdown().await;
        self.jupyter.shutdown().await;
    }
}

/// Variables of every session. Sail's clients read `SSL_CERT_FILE`, boto3 reads `AWS_CA_BUNDLE`.
fn session_environment(
    folder: &StateFolder,
    settings: &Settings,
    addresses: &Addresses,
) -> Vec<(String, String)> {
    let ca = folder.ca().display().to_string();
    [
        ("AWS_REGION", settings.region.clone()),
        ("AWS_DEFAULT_REGION", settings.region.clone()),
        ("AWS_ENDPOINT_URL", addresses.endpoint_url()),
        ("SSL_CERT_FILE", ca.clone()),
        ("AWS_CA_BUNDLE", ca.clone()),
        ("REQUESTS_CA_BUNDLE", ca),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_MAX_ATTEMPTS", "3".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

#[async_trait]
impl ClusterRuntime for Clusters {
    async fn start(&self, cluster: &Cluster) -> io::Result<()> {
        let tls = self
            .authority
            .server_config(&[cluster.address.to_string()])
            .map_err(io::Error::other)?;
        let address = SocketAddr::from((cluster.address, self.livy_port));
        self.livy.start(&cluster.id, address, Arc::clone(&tls))?;
        if !cluster.has_application("JupyterEnterpriseGateway") {
            return Ok(());
        }
        let address = SocketAddr::from((cluster.address, JUPYTER_PORT));
        let started = self.jupyter.start(&cluster.id, address, tls);
        if started.is_err() {
            self.livy.stop(&cluster.id).await;
        }
        started
    }

    async fn stop(&self, cluster_id: &str) {
        self.livy.stop(cluster_id).await;
        self.jupyter.stop(cluster_id).await;
    }

    fn busy(&self, cluster_id: &str) -> bool {
        self.livy
            .sessions(cluster_id)
            .iter()
            .any(|session| session.state.is_active())
    }
}

/// The EMR service and its runtime know each other; this end is tied when both are there.
#[derive(Default)]
struct LateRoles(OnceLock<Weak<Emr>>);

impl LateRoles {
    fn emr(&self) -> Option<Arc<Emr>> {
        self.0.get()?.upgrade()
    }
}

impl RuntimeRoles for LateRoles {
    fn login(&self, cluster_id: &str, username: &str, password: &str) -> Option<Login> {
        self.emr()?.login(cluster_id, username, password)
    }

    fn credentials(&self, login: &Login) -> Result<RoleCredentials, AwsError> {
        match self.emr() {
            Some(emr) => emr.credentials(login),
            None => Err(AwsError::internal("the EMR service is shutting down")),
        }
    }

    fn can_record(&self) -> Result<(), AwsError> {
        match self.emr() {
            Some(emr) => emr.can_record(),
            None => Err(AwsError::internal("the EMR service is shutting down")),
        }
    }

    fn record(&self, visit: Visit<'_>) -> Result<(), AwsError> {
        match self.emr() {
            Some(emr) => emr.record(visit),
            None => Err(AwsError::internal("the EMR service is shutting down")),
        }
    }
}
