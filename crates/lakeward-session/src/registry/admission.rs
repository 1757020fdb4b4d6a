//! Who may open one more session.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lakeward_wire::Secret;
use parking_lot::MutexGuard;
use rand::Rng as _;

use super::{SessionRegistry, State};
use crate::authority::Login;
use crate::cluster::OpenCluster;
use crate::error::SessionError;
use crate::limits::SessionLimits;
use crate::retention::Holder as _;
use crate::session::{Session, SessionRequest, SessionState};
use crate::settings::Grant;

/// A session that is within every bound and can be found. While this lives, no other is admitted
/// and none ends.
pub(super) struct Admission<'a> {
    pub state: MutexGuard<'a, State>,
    pub session: Arc<Session>,
    pub cluster: Arc<OpenCluster>,
    /// What the session gets.
    pub grant: Grant,
}

impl SessionRegistry {
    pub(super) fn admit(
        &self,
        owner: &Login,
        request: SessionRequest,
    ) -> Result<Admission<'_>, SessionError> {
        let cluster = self.cluster(&owner.cluster_id);
        let grant = cluster.settings.grant(&request)?;
        let mut state = self.state.lock();
        check(&state, owner, &request, &cluster.limits)?;
        let id = new_id(&state, &owner.cluster_id);
        let (key, token) = secrets();
        let (limits, counters) = (&cluster.limits, self.counters.clone());
        let mut session = Session::new(id, key, token, owner.clone(), request, limits, counters);
        session.retention = Some(Arc::clone(&self.retention));
        let session = Arc::new(session);
        self.retention.add(&session);
        state.insert(&session);
        state.forget_surplus(owner, limits);
        Ok(Admission {
            state,
            session,
            cluster,
            grant,
        })
    }
}

/// Whether one more session is within every bound. Those that are being ended count until their
/// processes are gone, but their names are free.
fn check(
    state: &State,
    owner: &Login,
    request: &SessionRequest,
    limits: &SessionLimits,
) -> Result<(), SessionError> {
    if state.is_closed {
        return Err(SessionError::ShuttingDown);
    }
    let active: Vec<_> = state
        .of_cluster(&owner.cluster_id)
        .chain(
            state
                .leaving
                .iter()
                .filter(|session| session.owner.cluster_id == owner.cluster_id),
        )
        .map(|session| (session, session.state()))
        .filter(|(_, state)| !state.has_ended())
        .collect();
    let starting = |found: &&(_, SessionState)| found.1 == SessionState::Starting;
    if active.len() >= limits.sessions_per_cluster {
        let limit = limits.sessions_per_cluster;
        return Err(SessionError::TooManySessions { limit });
    }
    if active.iter().filter(starting).count() >= limits.starting_per_cluster {
        return Err(SessionError::TooManyStarting);
    }
    let of_role = |found: &&(&Arc<Session>, _)| found.0.owner.role_arn == owner.role_arn;
    if active.iter().filter(of_role).count() >= limits.sessions_per_role {
        return Err(SessionError::TooManyOfRole {
            role: owner.role_name().to_owned(),
            limit: limits.sessions_per_role,
        });
    }
    let mut own = active
        .iter()
        .filter(|(session, _)| session.owner.is_same_binding(owner));
    if own.clone().count() >= limits.sessions_per_login {
        let limit = limits.sessions_per_login;
        return Err(SessionError::TooManyOfLogin { limit });
    }
    let is_namesake = |found: &&(&Arc<Session>, SessionState)| {
        request.name.is_some()
            && state.knows(found.0)
            && found.0.request.name == request.name
            && found.0.is_batch() == request.script.is_some()
    };
    match own.find(is_namesake) {
        Some((session, _)) => Err(SessionError::DuplicateName {
            name: request.name.clone().unwrap_or_default(),
            id: session.id,
        }),
        None => Ok(()),
    }
}

impl State {
    /// Whether the session can still be found.
    fn knows(&self, session: &Session) -> bool {
        self.by_key.contains_key(&session.key)
    }

    /// Forgets the sessions that ended longest ago, where the owner or the cluster has too many.
    fn forget_surplus(&mut self, owner: &Login, limits: &SessionLimits) {
        let mut ended: Vec<_> = self
            .of_cluster(&owner.cluster_id)
            .filter_map(|session| Some((session.ended_at()?, Arc::clone(session))))
            .collect();
        ended.sort_by_key(|(at, _)| *at);
        let own = |session: &Session| session.owner.is_same_binding(owner);
        let count = ended.iter().filter(|(_, session)| own(session)).count();
        let mut surplus = ended.len().saturating_sub(limits.ended_per_cluster);
        let mut surplus_own = count.saturating_sub(limits.ended_per_login);
        for (_, session) in ended {
            let is_own_surplus = own(&session) && surplus_own > 0;
            if surplus == 0 && !is_own_surplus {
                continue;
            }
            surplus = surplus.saturating_sub(1);
            surplus_own -= usize::from(is_own_surplus);
            self.remove(&session);
        }
    }
}

/// Numbers are random: a row of them would tell one user how many sessions others opened, and an
/// old number must not find a new session after a restart.
fn new_id(state: &State, cluster_id: &str) -> u32 {
    let mut random = rand::rng();
    loop {
        let id = random.random_range(1..=i32::MAX.unsigned_abs());
        if !state.by_id.contains_key(&(cluster_id.to_owned(), id)) {
            return id;
        }
    }
}

/// A session's key, which names it to the credentials endpoint, and the token that opens it.
pub(crate) fn secrets() -> (String, Secret) {
    let mut random = rand::rng();
    let key = hex::encode(random.random::<[u8; 16]>());
    let token = Secret::new(URL_SAFE_NO_PAD.encode(random.random::<[u8; 32]>()));
    (key, token)
}
