//! Requests whose callers hold no key: what they ask says who they are.

use std::sync::Arc;

use bytes::Bytes;
use http::{header, request::Parts};
use jiff::Timestamp;
use lakeward_wire::sigv4::SignedRequest;

use super::{Front, Refusal, destination::operation, text};
use crate::{Caller, Service};

/// The error of a request without any signature.
const UNSIGNED: &str = "MissingAuthenticationToken";

impl Front {
    /// The service whose public operation a request names. A signature for that very service doesn't
    /// matter: AWS's clients send none, and it proves nothing about the token inside. With a signature
    /// for another one the request is that one's, since doors before this one let it pass as such.
    pub(super) fn public_service(&self, parts: &Parts, body: &Bytes) -> Option<&Service> {
        let claimed = match SignedRequest::parse(&parts.uri, &parts.headers) {
            Ok(claim) => Some(claim.scope.service),
            Err(error) if error.code == UNSIGNED => None,
            Err(_) => return None,
        };
        let form = text(parts, header::CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let mut services = self.services.values().filter(|service| {
            let named = claimed.as_deref();
            form && named.is_none_or(|name| name == service.signing_name)
        });
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
                error: Box::new(error),
            }),
        }
    }
}
