//! A caller remembered beyond its request, so that the same question can be asked of it again.

use std::{net::IpAddr, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Call, Caller, Identity, Origin, caller::Kind, session::Session};

/// Who called, and from where. It opens nothing: no secret and no token is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptCaller {
    access_key_id: String,
    /// What the caller's temporary credentials stand for; none for a long-term key.
    session: Option<Session>,
    source_ip: IpAddr,
    user_agent: Option<String>,
}

impl Call {
    /// The caller of this call, to be kept.
    #[must_use]
    pub fn keep_caller(&self) -> KeptCaller {
        let caller = self.caller();
        let user_session = caller.user_session.as_deref().cloned();
        let session = match &caller.kind {
            Kind::Role { session, .. } => Some(Session::Role((**session).clone())),
            Kind::Federated { session, .. } => Some(Session::Federated((**session).clone())),
            Kind::Root | Kind::User(_) | Kind::WebIdentity(_) => user_session.map(Session::User),
        };
        let origin = self.origin();
        KeptCaller {
            access_key_id: caller.access_key_id.clone(),
            session,
            source_ip: origin.source_ip,
            user_agent: origin.user_agent.clone(),
        }
    }
}

impl KeptCaller {
    /// A call of the same caller as it stands now: its policies, tags and key are read anew. `None`
    /// once the role, user or long-term key is gone or inactive; one made again under the same
    /// name is another. Temporary credentials count beyond their time: what they asked for was
    /// given while they were good.
    #[must_use]
    pub fn call_again(&self, identity: &Arc<Identity>, now: Timestamp) -> Option<Call> {
        let caller = match &self.session {
            None => identity.authenticate(&self.access_key_id, None, now).ok()?,
            Some(session) => {
                let snapshot = identity.store().snapshot();
                let key = self.access_key_id.clone();
                Arc::new(Caller::of_session(&snapshot, key, session.clone())?)
            }
        };
        let origin = Origin {
            source_ip: self.source_ip,
            user_agent: self.user_agent.clone(),
            at: now,
        };
        Some(Call::begin(identity, caller, origin))
    }
}
