//! What runs behind a cluster's address: its Livy and its Jupyter gateway, with sessions under
//! runtime roles.

use std::{
    io, iter,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use anyhow::Result;
use async_trait::async_trait;
use axum::Router;
use ipnet::{IpNet, Ipv4Net};
use lakeward_cluster::{
    emr::{Cluster, ClusterCertificate, ClusterRuntime, Emr, LakeObjects, StepRunner},
    jupyter::JupyterServers,
    livy::LivyServers,
};
use lakeward_session::{
    AwsEndpoint, Incident, Isolation, Login, NoLogin, RoleCredentials, RuntimeRoles, SessionLimits,
    SessionRecord, SessionRecords, SessionRegistry, SessionRuntime, Visit,
};
use lakeward_wire::{AwsError, authority::CertificateAuthority};

use tokio::time::{sleep, timeout};

use crate::python;

use super::{Addresses, Settings, StateFolder, isolation, objects::Objects, steps::Programs};

/// How often to see whether statements still run.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// For clients that ask every second or so, to fetch what their last statement came to.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// The port of a cluster's Jupyter gateway, as on EMR.
const JUPYTER_PORT: u16 = 18888;

pub(super) struct Clusters {
    livy: LivyServers,
    jupyter: JupyterServers,
    roles: Arc<LateRoles>,
    authority: Arc<CertificateAuthority>,
    objects: Objects,
    programs: Programs,
    livy_port: u16,
    session_python: PathBuf,
    isolation: Isolation,
}

impl Clusters {
    pub(super) fn new(
        folder: &StateFolder,
        settings: &Settings,
        addresses: &Addresses,
        authority: Arc<CertificateAuthority>,
    ) -> Result<Arc<Self>> {
        let roles = Arc::new(LateRoles::default());
        let isolation = isolation::open(settings);
        let readable = isolation::python_folders(&settings.session_python);
        python::put_session_ca(&folder.packages(), authority.certificate_pem())?;
        let runtime = SessionRuntime {
            python: settings.session_python.clone(),
            module_path: folder.packages(),
            state_dir: folder.sessions(),
            environment: session_environment(folder, settings, addresses),
            credentials_url: match addresses.credentials {
                Some(address) => format!("http://{address}"),
                None => String::new(),
            },
            readable,
            isolation: isolation.clone(),
            closed_networks: closed_networks(settings.cluster_network, addresses),
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
        let programs = Programs {
            sessions: Arc::clone(livy.registry()),
        };
        Ok(Arc::new(Self {
            programs,
            livy,
            jupyter,
            roles,
            objects: Objects {
                endpoint: addresses.endpoint_url(),
                ca_pem: authority.certificate_pem().to_owned(),
                region: settings.region.clone(),
            },
            authority,
            livy_port: settings.livy_port,
            session_python: settings.session_python.clone(),
            isolation,
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

    pub(super) fn sessions(&self) -> &Arc<SessionRegistry> {
        self.livy.registry()
    }

    /// What keeps sessions from the host and from each other.
    pub(super) fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    /// What every enclosure is served.
    pub(super) fn serve_endpoint(&self, endpoint: AwsEndpoint) {
        self.sessions().serve_endpoint(endpoint);
    }

    /// What sessions are started with, or why none can be.
    pub(super) fn can_start_sessions(&self) -> Result<String, String> {
        let python = self.session_python.display();
        let sandbox = match &self.isolation {
            Isolation::Unavailable(reason) => return Err(reason.clone()),
            isolation => isolation.name(),
        };
        match self.session_python.metadata() {
            Ok(file) if file.is_file() => Ok(format!("Python {python}, sandbox {sandbox}")),
            _ => Err(format!(
                "the Python of sessions, {python}, is gone; restart to install it again"
            )),
        }
    }

    /// How many clusters could not be brought up and are tried again.
    pub(super) fn held_up(&self) -> usize {
        self.roles.emr().map_or(0, |emr| emr.held_up().len())
    }

    /// Opens no sessions any more, and waits until no statement runs, at most `grace`.
    pub(super) async fn drain(&self, grace: Duration) {
        let sessions = self.sessions();
        sessions.drain();
        let running = sessions.running();
        if running == 0 {
            return;
        }
        tracing::warn!(running, ?grace, "waiting for statements to end");
        let quiet = async {
            while sessions.running() > 0 {
                sleep(LOOK_AGAIN).await;
            }
            sleep(LAST_LOOK).await;
        };
        if timeout(grace, quiet).await.is_err() {
            tracing::warn!(left = sessions.running(), "the time for statements is over");
        }
    }

    /// Kills every session.
    pub(super) async fn kill(&self) {
        self.sessions().kill().await;
    }

    pub(super) async fn shutdown(&self) {
        self.livy.shutdown().await;
        self.jupyter.shutdown().await;
    }
}

/// Where clusters and this instance are: what listens there knows no session's bounds. On other nodes
/// too, if an address moves between them.
fn closed_networks(clusters: Ipv4Net, addresses: &Addresses) -> Arc<[IpNet]> {
    let own = [Some(addresses.endpoint), Some(addresses.proxy)];
    let optional = [addresses.credentials, addresses.metrics];
    let own = own.into_iter().chain(optional).flatten();
    let own = own.map(|address| IpNet::from(address.ip()));
    iter::once(clusters.into()).chain(own).collect()
}

/// Variables of every session. Sail's clients read `SSL_CERT_FILE`, boto3 reads `AWS_CA_BUNDLE`.
fn session_environment(
    folder: &StateFolder,
    settings: &Settings,
    addresses: &Addresses,
) -> Vec<(String, String)> {
    let ca = python::session_ca(&folder.packages());
    let ca = ca.display().to_string();
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
    async fn start(
        &self,
        cluster: &Cluster,
        certificate: Option<&ClusterCertificate>,
    ) -> io::Result<()> {
        let tls = match certificate {
            Some(certificate) => certificate.server_config(),
            None => self
                .authority
                .server_config(&[cluster.address.to_string()])
                .map_err(io::Error::other)?,
        };
        let settings = cluster.settings().map_err(io::Error::other)?;
        let sessions = self.sessions();
        sessions.open_cluster(&cluster.id, cluster.address.into(), settings);
        let address = SocketAddr::from((cluster.address, self.livy_port));
        if let Err(error) = self.livy.start(&cluster.id, address, Arc::clone(&tls)) {
            sessions.end_cluster(&cluster.id, "its Livy could not be started");
            return Err(error);
        }
        if let Err(reason) = cluster.check_workspaces() {
            tracing::info!(cluster = cluster.id, %reason, "no Jupyter gateway");
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

    fn pages(&self, cluster: &Cluster) -> String {
        format!("https://{}:{}", cluster.address, self.livy_port)
    }

    fn busy(&self, cluster_id: &str) -> bool {
        self.livy
            .sessions(cluster_id)
            .iter()
            .any(|session| session.state.is_active())
    }

    fn steps(&self) -> &dyn StepRunner {
        &self.programs
    }

    fn objects(&self) -> &dyn LakeObjects {
        &self.objects
    }
}

/// The EMR service and its runtime know each other; this end is tied when both are there.
#[derive(Default)]
struct LateRoles(OnceLock<Weak<Emr>>);

impl LateRoles {
    fn emr(&self) -> Option<Arc<Emr>> {
        self.0.get()?.upgrade()
    }

    fn running(&self) -> Result<Arc<Emr>, AwsError> {
        let gone = || AwsError::internal("the EMR service is shutting down");
        self.emr().ok_or_else(gone)
    }
}

impl RuntimeRoles for LateRoles {
    fn login(&self, cluster_id: &str, username: &str, password: &str) -> Result<Login, NoLogin> {
        let emr = self.emr().ok_or(NoLogin::Unknown)?;
        emr.login(cluster_id, username, password)
    }

    fn credentials(&self, login: &Login) -> Result<RoleCredentials, AwsError> {
        self.running()?.credentials(login)
    }

    fn can_record(&self) -> Result<(), AwsError> {
        self.running()?.can_record()
    }

    fn report(&self, login: &Login, incident: &Incident) -> Result<(), AwsError> {
        self.running()?.report(login, incident)
    }

    fn record(&self, visit: Visit<'_>) -> Result<(), AwsError> {
        self.running()?.record(visit)
    }
}

#[async_trait]
impl SessionRecords for LateRoles {
    async fn keep(&self, record: SessionRecord) -> Result<(), AwsError> {
        self.running()?.keep(record).await
    }

    fn kept(&self, cluster_id: &str) -> Vec<SessionRecord> {
        self.emr().map_or_else(Vec::new, |emr| emr.kept(cluster_id))
    }

    async fn forget(&self, cluster_id: &str, ids: Vec<u32>) -> Result<(), AwsError> {
        self.running()?.forget(cluster_id, ids).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_where_this_instance_listens() {
        let at = |text: &str| text.parse().unwrap();
        let addresses = Addresses {
            endpoint: at("203.0.113.1:8443"),
            proxy: at("203.0.113.2:3128"),
            credentials: None,
            metrics: Some(at("[2001:db8::3]:9464")),
        };
        let closed = closed_networks("127.87.0.0/16".parse().unwrap(), &addresses);
        let closed: Vec<String> = closed.iter().map(IpNet::to_string).collect();
        let expected = [
            "127.87.0.0/16",
            "203.0.113.1/32",
            "203.0.113.2/32",
            "2001:db8::3/128",
        ];
        assert_eq!(closed, expected);
    }
}
