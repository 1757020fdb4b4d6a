//! When each long-term key was last used. Kept in memory only: after a restart nothing is known.

use std::collections::HashMap;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::{Caller, Identity};

/// The last uses that this process has seen. Only keys that were believed are noted, so there are
/// never more entries than keys that were made.
#[derive(Debug, Default)]
pub(crate) struct KeyUsage {
    last: Mutex<HashMap<String, LastUse>>,
}

/// One use of a key.
#[derive(Debug, Clone)]
pub(crate) struct LastUse {
    pub(crate) at: Timestamp,
    /// The service's signing name.
    pub(crate) service: String,
    pub(crate) region: String,
}

impl KeyUsage {
    /// Notes a use of a key; temporary keys aren't followed.
    fn note(&self, access_key_id: &str, service: &str, region: &str, at: Timestamp) {
        if !access_key_id.starts_with("AKIA") {
            return;
        }
        let mut last = self.last.lock();
        let use_of = LastUse {
            at,
            service: service.to_owned(),
            region: region.to_owned(),
        };
        match last.get_mut(access_key_id) {
            Some(known) if known.at > at => {}
            Some(known) => *known = use_of,
            None => {
                last.insert(access_key_id.to_owned(), use_of);
            }
        }
    }

    pub(crate) fn last(&self, access_key_id: &str) -> Option<LastUse> {
        self.last.lock().get(access_key_id).cloned()
    }
}

impl Identity {
    /// Notes that `caller`, whose signature has been verified, used its key for the service of
    /// this signing name. `GetAccessKeyLastUsed` tells it.
    pub fn note_key_use(&self, caller: &Caller, service: &str, at: Timestamp) {
        self.key_usage()
            .note(&caller.access_key_id, service, self.region(), at);
    }
}
