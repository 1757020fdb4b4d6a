//! Who an interpreter works for. A warm one works for nobody yet.

use std::sync::Arc;

use parking_lot::Mutex;

use super::incident::Incidents;
use super::log::SessionLog;
use super::session::Session;

/// Who an interpreter works for, and what became of it. Its listeners, the reader of its output and
/// the session's task share it.
#[derive(Default)]
pub(super) struct Occupant {
    place: Mutex<Place>,
    /// What was refused to it.
    pub incidents: Incidents,
}

#[derive(Default)]
struct Place {
    session: Option<Arc<Session>>,
    /// What was written before there was a session whose log it belongs to.
    early: SessionLog,
}

impl Occupant {
    /// The session, once there is one.
    pub fn session(&self) -> Option<Arc<Session>> {
        self.place.lock().session.clone()
    }

    /// Gives it to a session, with what was written so far. Happens once.
    pub fn assign(&self, session: &Arc<Session>) {
        let mut place = self.place.lock();
        let early = std::mem::take(&mut place.early);
        for line in early.slice(0, early.len()) {
            session.note(line);
        }
        place.session = Some(Arc::clone(session));
    }

    /// Puts a line into the session's log.
    pub fn note(&self, line: String) {
        let mut place = self.place.lock();
        match &place.session {
            Some(session) => session.note(line),
            None => place.early.push(line),
        }
    }
}
