//! What sessions tried and were refused: counted, and reported now and then rather than each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

use super::authority::RuntimeRoles;
use super::session::Session;

/// Between two reports of the same kind about one session.
const PAUSE: Duration = Duration::from_secs(10);
/// Different things that one report names.
const NAMED: usize = 16;
/// Bytes of one of them.
const NAME_BYTES: usize = 200;

/// What a session was kept from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum IncidentKind {
    /// A system call that no session needs.
    SystemCall,
    /// More memory than it may have; something in it was killed.
    Memory,
    /// More processes than it may have.
    Processes,
    /// An AWS service that is not on its cluster's list.
    Service,
    /// A host that is not on its cluster's list.
    Host,
    /// Another session's keys.
    Credentials,
}

impl IncidentKind {
    /// The name of the event, in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SystemCall => "RefuseSystemCall",
            Self::Memory => "EndOverMemory",
            Self::Processes => "RefuseProcess",
            Self::Service => "RefuseService",
            Self::Host => "RefuseHost",
            Self::Credentials => "RefuseCredentials",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::SystemCall => "refused system calls",
            Self::Memory => "killed for going over the memory limit",
            Self::Processes => "refused to start more processes than the limit",
            Self::Service => "refused requests to services that the cluster does not allow",
            Self::Host => "refused connections to hosts that the cluster does not allow",
            Self::Credentials => "refused credentials that are not this session's",
        }
    }
}

/// Things of one kind that a session was kept from, since the last report of that kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// The session's number.
    pub session_id: u32,
    /// Its application id.
    pub application_id: String,
    /// What kind of thing.
    pub kind: IncidentKind,
    /// How often.
    pub count: u64,
    /// The different ones, as far as they are kept: names of system calls, services, hosts.
    pub what: Vec<String>,
}

impl Incident {
    /// What happened, in words.
    #[must_use]
    pub fn text(&self) -> String {
        let what = match self.what.is_empty() {
            true => String::new(),
            false => format!(": {}", self.what.join(", ")),
        };
        format!("{} ({} times){what}", self.kind.words(), self.count)
    }
}

#[derive(Default)]
struct Count {
    times: u64,
    what: BTreeSet<String>,
}

/// What has happened in one enclosure and was not reported yet.
#[derive(Default)]
pub(super) struct Incidents {
    waiting: Mutex<BTreeMap<IncidentKind, Count>>,
    added: Notify,
}

impl Incidents {
    /// Notes that something happened `times` times. `what` comes from the session: it is bounded.
    pub fn add(&self, kind: IncidentKind, times: u64, what: &str) {
        let mut waiting = self.waiting.lock();
        let count = waiting.entry(kind).or_default();
        count.times = count.times.saturating_add(times);
        if !what.is_empty() && count.what.len() < NAMED {
            let printable = what.chars().filter(|character| !character.is_control());
            count.what.insert(printable.take(NAME_BYTES).collect());
        }
        drop(waiting);
        self.added.notify_one();
    }

    fn take(&self, session: &Session) -> Vec<Incident> {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        waiting
            .into_iter()
            .map(|(kind, count)| Incident {
                session_id: session.id,
                application_id: session.application_id(),
                kind,
                count: count.times,
                what: count.what.into_iter().collect(),
            })
            .collect()
    }

    /// Waits until there is something to report.
    pub async fn added(&self) {
        self.added.notified().await;
    }

    /// Reports what has happened, in the session's log and to the audit trail.
    pub async fn report(&self, session: &Arc<Session>, roles: &Arc<dyn RuntimeRoles>) {
        let incidents = self.take(session);
        if incidents.is_empty() {
            return;
        }
        for incident in &incidents {
            session.note(incident.text());
            let name = incident.kind.name();
            session.counters.refused(name, incident.count);
        }
        let (owner, roles) = (session.owner.clone(), Arc::clone(roles));
        let reported = tokio::task::spawn_blocking(move || {
            let failed = |incident: &Incident| roles.report(&owner, incident).err();
            incidents.iter().find_map(failed)
        });
        match reported.await {
            Ok(None) => {}
            Ok(Some(error)) => tracing::error!(%error, "incidents of a session not recorded"),
            Err(error) => tracing::error!(%error, "incidents of a session not recorded"),
        }
    }

    /// The shortest time between two reports.
    pub const PAUSE: Duration = PAUSE;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::Counters;
    use crate::fixture::{Authority, limits, login};
    use crate::session::SessionRequest;
    use lakeward_wire::Secret;

    fn session() -> Arc<Session> {
        Arc::new(Session::new(
            7,
            String::new(),
            Secret::new(String::new()),
            login("david"),
            SessionRequest::default(),
            &limits(),
            Counters::default(),
        ))
    }

    #[tokio::test]
    async fn many_of_a_kind_are_one_report_with_a_count() {
        let (session, incidents) = (session(), Incidents::default());
        let authority = Arc::new(Authority::default());
        let roles: Arc<dyn RuntimeRoles> = Arc::clone(&authority) as _;
        incidents.add(IncidentKind::SystemCall, 1, "ptrace");
        incidents.add(IncidentKind::SystemCall, 4, "mount");
        incidents.add(IncidentKind::Host, 1, "evil.example:443");
        incidents.added().await;
        incidents.report(&session, &roles).await;
        incidents.report(&session, &roles).await;
        let reports = authority.incidents.lock().clone();
        assert_eq!(reports.len(), 2, "{reports:?}");
        assert_eq!(
            (reports[0].kind, reports[0].count),
            (IncidentKind::SystemCall, 5)
        );
        assert_eq!(reports[0].what, ["mount", "ptrace"]);
        let log = session.log_tail(2);
        assert!(log[0].contains("5 times") && log[1].contains("evil.example:443"));
    }

    #[test]
    fn what_a_session_says_is_bounded() {
        let (session, incidents) = (session(), Incidents::default());
        for number in 0..100 {
            let what = format!("{number}\n{}", "x".repeat(5000));
            incidents.add(IncidentKind::Service, 1, &what);
        }
        let all = incidents.take(&session);
        assert_eq!((all[0].count, all[0].what.len()), (100, NAMED));
        assert!(
            all[0]
                .what
                .iter()
                .all(|name| name.len() <= NAME_BYTES && !name.contains('\n'))
        );
    }
}
