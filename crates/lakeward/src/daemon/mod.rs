//! One running instance: state folder, services, listeners, clusters.

mod address;
mod clusters;
mod endpoint;
mod isolation;
mod objects;
mod operations;
mod proxy;
mod settings;
mod state_folder;
mod steps;

pub use address::Addresses;
pub use settings::Settings;
pub use state_folder::StateFolder;

use std::{fs::File, future::Future, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use ipnet::Ipv4Net;
use lakeward_catalog::Catalog;
use lakeward_cluster::{
    administration,
    emr::{self, Emr, EmrConfig},
};
use lakeward_gate::{BucketPolicies, Gate};
use lakeward_identity::{
    AuditTrail, Front, Identity, Service, cloudtrail,
    explain::{self, Doors},
    iam, organizations, sts_service,
};
use lakeward_sandbox::Mode;
use lakeward_session::{AwsEndpoint, Isolation, descriptors};
use lakeward_store::{Schema, Store};
use lakeward_wire::{authority::CertificateAuthority, listener};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

use crate::python;
use clusters::Clusters;
use endpoint::Underway;
use operations::{Health, Metrics, Sources};

/// For requests that are under way at the end; longer than a listener waits for its own.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// A running instance. [`Daemon::shutdown`] ends it in order; dropping it aborts it.
pub struct Daemon {
    identity: Arc<Identity>,
    front: Arc<Front>,
    addresses: Addresses,
    ca_pem: String,
    clusters: Arc<Clusters>,
    cluster_network: Ipv4Net,
    health: Arc<Health>,
    stop: watch::Sender<bool>,
    /// What answers requests: stopped, and waited for.
    listeners: JoinSet<()>,
    underway: Underway,
    /// What carries tunnels to a listener; ended after the listeners.
    proxy: JoinSet<()>,
    /// What works on clusters unasked; ended at once.
    upkeep: JoinSet<()>,
    /// Last, so that no other instance takes the folder before this one has let go of all of it.
    _held: File,
}

/// The record types of every crate.
#[must_use]
pub fn schema() -> Schema {
    let schema = lakeward_identity::schema(Schema::new());
    let schema = lakeward_catalog::schema(schema);
    let schema = lakeward_gate::schema(schema);
    emr::schema(schema)
}

impl Daemon {
    /// Opens the state, binds every address and brings back the clusters that were running; those that
    /// can't come up now are tried again.
    ///
    /// # Errors
    /// The state is unreadable or in use, or an address is taken; the text names which.
    pub async fn start(folder: &StateFolder, settings: Settings) -> Result<Self> {
        survive_file_limits()?;
        descriptors::raise_limit().context("the limit on open files can't be raised")?;
        let held = folder.hold()?;
        let store = open_store(folder).await?;
        // Only now: another instance's sessions may be running from this folder until then.
        python::unpack_session_package(&folder.packages())?;
        let audit = AuditTrail::open_with(&folder.audit(), settings.audit_keep)
            .context("the audit trail can't be opened")?;
        let identity = Identity::open(store.clone(), audit, settings.region.clone()).await?;
        identity.reach_issuers(&settings.issuers)?;
        let authority = Arc::new(CertificateAuthority::open(&folder.tls())?);
        let listeners = Listeners::bind(&settings).await?;
        let addresses = listeners.addresses()?;
        let catalog = Arc::new(Catalog::new());
        let gate = Gate::open(
            &folder.objects(),
            store.clone(),
            Arc::clone(&identity),
            Arc::clone(&catalog),
        )
        .await?;

        let (stop, stopped) = watch::channel(false);
        let clusters = Clusters::new(folder, &settings, &addresses, Arc::clone(&authority))?;
        let config = EmrConfig {
            network: settings.cluster_network,
            node: store.is_shared().then(|| folder.node()).transpose()?,
            ..EmrConfig::default()
        };
        let emr = Emr::new(store, Arc::clone(&identity), config, |emr| {
            clusters.serve(emr)
        });

        let mut services = vec![iam::service(&identity), sts_service(&identity)];
        services.extend(lakeward_catalog::services(&catalog));
        services.extend(emr::services(&emr));
        services.push(organizations::service(&identity));
        services.push(cloudtrail::service(&identity));
        let doors: Vec<Arc<dyn Doors>> = vec![Arc::new(BucketPolicies), catalog];
        let explain = explain::service(&identity, doors);
        services.push(administration::operations(
            explain,
            &emr,
            clusters.sessions(),
        ));
        let front = Arc::new(Front::new(&identity, services));
        let s3 = lakeward_gate::service(gate, endpoint::bucket_hosts(&settings.region));
        let metrics = Metrics::new(Sources {
            identity: &identity,
            services: front.services(),
            traffic: s3.traffic(),
            sessions: clusters.sessions(),
        });
        let health = Arc::new(Health::new(&identity, &clusters));
        let tls = authority.server_config(&endpoint::names(&settings))?;
        let underway = Underway::default();
        let router = endpoint::router(&identity, &front, s3, &underway);

        clusters.serve_endpoint(AwsEndpoint {
            port: addresses.endpoint.port(),
            tls: Arc::clone(&tls),
            router: router.clone(),
        });

        let mut served = JoinSet::new();
        served.spawn(listener::serve(
            listeners.endpoint,
            tls,
            router,
            stopped.clone(),
        ));
        if let Some(listener) = listeners.credentials {
            let router = clusters.credentials_router();
            served.spawn(listener::serve_plain(listener, router, stopped.clone()));
        }
        if let Some(listener) = listeners.metrics {
            let router = operations::router(Arc::new(metrics), Arc::clone(&health));
            served.spawn(listener::serve_plain(listener, router, stopped.clone()));
        }
        let (mut proxy, mut upkeep) = (JoinSet::new(), JoinSet::new());
        proxy.spawn(async move {
            // It goes on while the listeners stop: an answer that is under way may pass through it.
            let (_never, stop) = watch::channel(false);
            proxy::serve(listeners.proxy, addresses.endpoint, stop).await;
        });
        emr.resume().await?;
        health.clusters_are_up();
        upkeep.spawn(Arc::clone(&emr).keep_house());
        Ok(Self {
            identity,
            front,
            addresses,
            ca_pem: authority.certificate_pem().to_owned(),
            clusters,
            cluster_network: settings.cluster_network,
            health,
            stop,
            listeners: served,
            underway,
            proxy,
            upkeep,
            _held: held,
        })
    }

    /// Where this instance listens.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Where clusters get their addresses from, the lowest first.
    #[must_use]
    pub fn cluster_network(&self) -> Ipv4Net {
        self.cluster_network
    }

    /// What keeps sessions from the host and from each other.
    #[must_use]
    pub fn isolation(&self) -> &Isolation {
        self.clusters.isolation()
    }

    /// The identity service, for making the first account.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// The services that answer here, with their operations; S3 keeps its own list.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.front.services()
    }

    /// The CA certificate that clients trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Ends the sessions, then the listeners. From the beginning it is not ready any more and opens
    /// no sessions; statements that run have `grace` to come to their end. When `hurry` is done all
    /// sessions are killed.
    pub async fn shutdown_with_grace(self, grace: Duration, hurry: impl Future<Output = ()>) {
        self.health.stop();
        let clusters = Arc::clone(&self.clusters);
        let in_order = async {
            clusters.drain(grace).await;
            clusters.shutdown().await;
        };
        tokio::select! {
            () = in_order => {}
            () = hurry => clusters.kill().await,
        }
        self.shutdown().await;
    }

    /// Ends the sessions, whatever they do, then the listeners. Requests that are under way come
    /// to their end, and to their records, within seconds.
    pub async fn shutdown(mut self) {
        self.health.stop();
        self.clusters.shutdown().await;
        self.upkeep.shutdown().await;
        self.stop.send_replace(true);
        let answered = async {
            while self.listeners.join_next().await.is_some() {}
            // Those of sessions' own listeners, and those whose listener did not wait for them.
            self.underway.ended().await;
        };
        if timeout(LAST_REQUESTS, answered).await.is_err() {
            tracing::warn!("the instance ends before all requests are answered");
        }
        self.listeners.shutdown().await;
        self.proxy.shutdown().await;
    }
}

/// Deletes a state folder, if it is one and no instance uses it.
///
/// # Errors
/// The folder is something else or in use, or can't be deleted.
pub async fn reset(root: &Path) -> Result<()> {
    let _held = match StateFolder::existing(root) {
        Ok(folder) => Some(folder.hold()?),
        Err(_) => None,
    };
    StateFolder::reset(root)
}

/// Makes a write beyond a limit on file sizes fail, as on a full disk, instead of ending the process:
/// the system's signal for it is taken from now on, and nobody needs to look at it.
fn survive_file_limits() -> Result<()> {
    // SIGXFSZ has this number wherever Lakeward runs.
    const SIGXFSZ: i32 = 25;
    let taken = signal(SignalKind::from_raw(SIGXFSZ));
    taken.map(drop).context("a signal can't be listened for")
}

async fn open_store(folder: &StateFolder) -> Result<Store> {
    let store = folder.store();
    Store::at(&store, schema())
        .await
        .with_context(|| format!("the state in {store} can't be opened"))
}

/// Every listener is bound before anything is served, so that a taken port changes nothing.
struct Listeners {
    endpoint: TcpListener,
    proxy: TcpListener,
    /// Only for sessions that have no enclosure.
    credentials: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

impl Listeners {
    async fn bind(settings: &Settings) -> Result<Self> {
        Ok(Self {
            endpoint: bind(settings.endpoint, "--listen").await?,
            proxy: bind(settings.proxy, "--proxy").await?,
            credentials: match settings.sandbox {
                Mode::None => Some(bind(settings.credentials, "--credentials").await?),
                _ => None,
            },
            metrics: match settings.metrics {
                Some(address) => Some(bind(address, "--metrics").await?),
                None => None,
            },
        })
    }

    fn addresses(&self) -> std::io::Result<Addresses> {
        let of = |listener: &Option<TcpListener>| {
            let listener = listener.as_ref();
            listener.map(TcpListener::local_addr).transpose()
        };
        Ok(Addresses {
            endpoint: self.endpoint.local_addr()?,
            proxy: self.proxy.local_addr()?,
            credentials: of(&self.credentials)?,
            metrics: of(&self.metrics)?,
        })
    }
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("{address} can't be listened on (is another program using the port?); choose another address with {flag} HOST:PORT")
    })
}
