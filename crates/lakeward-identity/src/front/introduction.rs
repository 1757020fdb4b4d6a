//! Requests whose callers hold no key: what they ask says who they are.

use std::sync::Arc;

use bytes::Bytes;
use http::{header, request::Parts};
use jiff::Timestamp;

use super::{Front, Refusal, destination::operation, text};
use crate::{Caller, Service};

impl Front {
    /// The service whose public operation a request names. A signature, if there is one, doesn't
    /// matter: AWS's clients send none, and it proves nothing about the token inside.
    pub(super) fn public_service(&self, parts: &Parts, body: &Bytes) -> Option<&Service> {
        let form = text(parts, header::CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let mut services = self.services.values().filter(|_| form);
        services.find(|service| service.is_public(&operation(service.protocol, parts, body)))
    }

    /// The caller that vouches for itself by the request's input.
    pub(super) async fn introduce<'a>(
        &self,
        service: &'a Service,
        parts: &Parts,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<(&'a Service, Arc<Caller>), Refusal<'a>> {
        let introduced = match service.protocol.decode(&parts.uri, &parts.headers, body) {
            Ok(incoming) => service.vouch(incoming, now).await,
            Err(error) => Err(error),
        };
        match introduced {
            Ok(caller) => Ok((service, Arc::new(caller))),
            Err(error) => Err(Refusal {
                service: Some(service),
                access_key_id: None,
                error,
            }),
        }
    }
}
