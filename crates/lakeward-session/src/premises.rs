//! What the daemon serves inside one enclosure, on listeners that were bound in there: there is no
//! other way out.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;

use ipnet::IpNet;
use lakeward_sandbox::Refusals;
use lakeward_wire::{listener, tunnel};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::authority::RuntimeRoles;
use super::cluster::OpenCluster;
use super::credentials;
use super::descriptors::{OF_SESSIONS, Share};
use super::egress::Egress;
use super::endpoint::{AwsEndpoint, Guard, guarded};
use super::incident::{IncidentKind, Incidents};
use super::occupant::Occupant;

/// Connections that one session may have open at once, by what they are to.
const TO_SERVICES: usize = 64;
const TO_CREDENTIALS: usize = 8;
const TO_HOSTS: usize = 16;
/// Descriptors that a session may make the daemon hold besides those connections: its pipes and
/// listeners.
const OWN: usize = 16;
/// Where the other two listen, unless the endpoint's port is there.
const CREDENTIALS_PORTS: [u16; 2] = [8444, 8446];
const EGRESS_PORTS: [u16; 2] = [3128, 3130];

/// The ports of an enclosure's loopback address that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    pub endpoint: u16,
    pub credentials: u16,
    /// None where no host is allowed.
    pub egress: Option<u16>,
}

impl Ports {
    /// The endpoint keeps its number, so that its address is the same inside and outside.
    pub fn beside(endpoint: u16, has_egress: bool) -> Self {
        let other = |[first, second]: [u16; 2]| if first == endpoint { second } else { first };
        Self {
            endpoint,
            credentials: other(CREDENTIALS_PORTS),
            egress: has_egress.then(|| other(EGRESS_PORTS)),
        }
    }

    pub fn all(self) -> Vec<u16> {
        [Some(self.endpoint), Some(self.credentials), self.egress]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// The listeners of one enclosure, and the record of what it was refused. All ends with it.
pub(super) struct Premises {
    /// Held so that the listeners go on.
    _stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    _share: Share,
    occupant: Arc<Occupant>,
    roles: Arc<dyn RuntimeRoles>,
}

/// What is served.
pub(super) struct Offer<'a> {
    pub cluster: &'a OpenCluster,
    pub endpoint: &'a AwsEndpoint,
    pub roles: &'a Arc<dyn RuntimeRoles>,
    pub occupant: &'a Arc<Occupant>,
    /// Networks that no session is led to.
    pub closed: &'a Arc<[IpNet]>,
}

/// Descriptors that a session may make the daemon hold. A tunnel to a host has two ends.
fn descriptors(leads_out: bool) -> usize {
    let to_hosts = if leads_out { 2 * TO_HOSTS } else { 0 };
    TO_SERVICES + TO_CREDENTIALS + to_hosts + OWN
}

impl Premises {
    /// Serves on the listeners, which are in the order of [`Ports::all`].
    pub fn open(
        offer: &Offer<'_>,
        listeners: Vec<StdListener>,
        refusals: Refusals,
    ) -> io::Result<Self> {
        let leads_out = !offer.cluster.network.hosts.is_empty();
        let share = OF_SESSIONS.share(descriptors(leads_out))?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut listeners = listeners.into_iter().map(adopt);
        let mut next = || {
            let missing = || Err(io::Error::other("the enclosure lacks a listener"));
            listeners.next().unwrap_or_else(missing)
        };
        let (services, keys) = (next()?, next()?);
        tasks.spawn(listener::serve_up_to(
            TO_SERVICES,
            services,
            Arc::clone(&offer.endpoint.tls),
            guarded(offer.endpoint.router.clone(), offer.guard()),
            stopped.clone(),
        ));
        tasks.spawn(listener::serve_plain_up_to(
            TO_CREDENTIALS,
            keys,
            credentials::router_of(Arc::clone(offer.occupant), Arc::clone(offer.roles)),
            stopped.clone(),
        ));
        if leads_out {
            let egress = Arc::new(offer.egress());
            tasks.spawn(tunnel::serve(next()?, egress, TO_HOSTS, stopped));
        }
        tasks.spawn(hear(refusals_of(refusals)?, Arc::clone(offer.occupant)));
        tasks.spawn(tell(Arc::clone(offer.occupant), Arc::clone(offer.roles)));
        Ok(Self {
            _stop: stop,
            tasks,
            _share: share,
            occupant: Arc::clone(offer.occupant),
            roles: Arc::clone(offer.roles),
        })
    }

    /// Stops serving, and reports what was not reported yet.
    pub async fn close(mut self) {
        self.tasks.shutdown().await;
        if let Some(session) = self.occupant.session() {
            self.occupant.incidents.report(&session, &self.roles).await;
        }
    }
}

impl Offer<'_> {
    fn guard(&self) -> Guard {
        Guard {
            cluster_id: Arc::clone(&self.cluster.id),
            address: self.cluster.address,
            network: Arc::clone(&self.cluster.network),
            occupant: Arc::clone(self.occupant),
        }
    }

    fn egress(&self) -> Egress {
        Egress {
            cluster_id: Arc::clone(&self.cluster.id),
            network: Arc::clone(&self.cluster.network),
            closed: Arc::clone(self.closed),
            occupant: Arc::clone(self.occupant),
        }
    }
}

fn adopt(listener: StdListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

#[allow(
    deprecated,
    reason = "its successor is unsafe for descriptors that may close early; this one is owned"
)]
fn refusals_of(refusals: Refusals) -> io::Result<AsyncFd<Refusals>> {
    AsyncFd::with_interest(refusals, Interest::READABLE)
}

/// Notes the system calls that the enclosure refuses, until it ends.
async fn hear(mut refusals: AsyncFd<Refusals>, occupant: Arc<Occupant>) {
    while let Ok(mut ready) = refusals.readable_mut().await {
        // What comes from here on makes it ready anew: all there is now is taken below.
        ready.clear_ready();
        match ready.get_inner_mut().take() {
            Ok(Some(refused)) => {
                for refusal in refused {
                    let (kind, incidents) = (IncidentKind::SystemCall, &occupant.incidents);
                    incidents.add(kind, refusal.count, refusal.syscall);
                }
            }
            Ok(None) | Err(_) => return,
        }
    }
}

/// Reports what happens, at most every so often. A warm interpreter has nobody to report to.
async fn tell(occupant: Arc<Occupant>, roles: Arc<dyn RuntimeRoles>) {
    loop {
        occupant.incidents.added().await;
        match occupant.session() {
            Some(session) => occupant.incidents.report(&session, &roles).await,
            None => tracing::warn!("something was refused to an interpreter that has no owner"),
        }
        tokio::time::sleep(Incidents::PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_never_the_same() {
        for endpoint in [8443, 8444, 3128, 443] {
            let ports = Ports::beside(endpoint, true).all();
            let mut distinct = ports.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!((distinct.len(), ports[0]), (3, endpoint));
        }
        assert_eq!(Ports::beside(8443, false).all(), [8443, 8444]);
    }
}
