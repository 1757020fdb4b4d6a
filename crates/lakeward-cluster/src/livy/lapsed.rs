//! Pairs that were good once, so that they can still end the sessions they opened.

use std::collections::VecDeque;

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::pair::Pair;
use lakeward_session::Login;

/// Pairs remembered for one cluster.
const PAIRS: usize = 1024;

/// Digests of the pairs that were last seen, newest at the end.
#[derive(Default)]
pub(super) struct LapsedLogins {
    known: Mutex<VecDeque<([u8; 32], Login)>>,
}

impl LapsedLogins {
    /// Notes a good pair.
    pub fn remember(&self, pair: &Pair, login: &Login) {
        let digest = digest(pair);
        let mut known = self.known.lock();
        if known.iter().any(|(found, _)| *found == digest) {
            return;
        }
        if known.len() == PAIRS {
            known.pop_front();
        }
        known.push_back((digest, login.clone()));
    }

    /// The login that the pair once opened.
    pub fn recall(&self, pair: &Pair) -> Option<Login> {
        let digest = digest(pair);
        let known = self.known.lock();
        let found = known.iter().find(|(found, _)| found.ct_eq(&digest).into());
        found.map(|(_, login)| login.clone())
    }
}

/// The passwords are long and random, so a plain digest does not give them away.
fn digest(pair: &Pair) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(pair.username.as_bytes());
    digest.update(b":");
    digest.update(pair.password.expose().as_bytes());
    digest.finalize().into()
}
