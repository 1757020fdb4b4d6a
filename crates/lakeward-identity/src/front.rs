mod destination;
mod introduction;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, header, request::Parts};
use jiff::Timestamp;
use lakeward_wire::{
    AwsError, Protocol, Secret,
    sigv4::{SignedRequest, SigningKeys},
};
use serde_json::Value;

use self::destination::operation;
use crate::{AuthenticationFailure, Call, Caller, Identity, Origin, Service, audit::Event};

/// The dispatcher: signature, principal, operation, decision, audit record, answer.
pub struct Front {
    identity: Arc<Identity>,
    services: BTreeMap<&'static str, Service>,
    keys: SigningKeys,
}

/// How a request for a service that doesn't exist is answered.
const FALLBACK: Protocol = Protocol::AwsJson { target: "" };

impl Front {
    /// A dispatcher over services, found by their signing names.
    #[must_use]
    pub fn new(identity: &Arc<Identity>, services: impl IntoIterator<Item = Service>) -> Self {
        Self {
            identity: Arc::clone(identity),
            services: services
                .into_iter()
                .map(|service| (service.signing_name, service))
                .collect(),
            keys: SigningKeys::default(),
        }
    }

    /// The services, in order of their signing names.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// Answers one request, whose body has been read whole.
    pub async fn serve(&self, request: Request<Bytes>, source_ip: IpAddr) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let origin = Origin {
            source_ip,
            user_agent: text(&parts, header::USER_AGENT.as_str()),
            at: Timestamp::now(),
        };
        let admitted = match self.public_service(&parts, &body) {
            Some(service) => self.introduce(service, &parts, &body, origin.at).await,
            None => self.admit(&parts, &body, origin.at),
        };
        match admitted {
            Ok((service, caller)) => {
                self.identity
                    .note_key_use(&caller, service.signing_name, origin.at);
                let call = Call::begin(&self.identity, caller, origin);
                self.answer(service, &parts, &body, call).await
            }
            Err(refusal) => self.refuse(&parts, &body, &origin, refusal),
        }
    }

    /// The service that a request is for, and who asks it.
    fn admit(
        &self,
        parts: &Parts,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<(&Service, Arc<Caller>), Refusal<'_>> {
        let claim = SignedRequest::parse(&parts.uri, &parts.headers).map_err(|error| Refusal {
            service: self.unsigned_service(parts, body),
            access_key_id: None,
            error: Box::new(error),
        })?;
        let refused = |service, error| Refusal {
            service,
            access_key_id: Some(claim.access_key_id.clone()),
            error: Box::new(error),
        };
        let service = self
            .signed_service(&claim.scope)
            .map_err(|error| refused(None, error))?;
        let caller = self
            .authenticate(&claim, parts, body, now)
            .map_err(|error| refused(Some(service), error))?;
        Ok((service, caller))
    }

    fn authenticate(
        &self,
        claim: &SignedRequest,
        parts: &Parts,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<Arc<Caller>, AwsError> {
        let Some(secret) = self.identity.secret(&claim.access_key_id) else {
            return Err(AuthenticationFailure::UnknownKey.into());
        };
        self.keys.verify(claim, parts, body, &secret, now)?;
        self.check_scope(&claim.scope, parts)?;
        let token = claim.session_token.as_ref().map(Secret::expose);
        let caller = self
            .identity
            .authenticate(&claim.access_key_id, token, now)?;
        Ok(caller)
    }

    async fn answer(
        &self,
        service: &Service,
        parts: &Parts,
        body: &Bytes,
        call: Call,
    ) -> Response<Bytes> {
        let incoming = service.protocol.decode(&parts.uri, &parts.headers, body);
        let operation = operation(service.protocol, parts, body);
        let parameters = match &incoming {
            Ok(incoming) => incoming.parameters(),
            Err(_) => Value::Null,
        };
        let answer = match (self.identity.audit().ready(), incoming) {
            (Ok(()), Ok(incoming)) => service.run(call.clone(), incoming).await,
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        let answer = answer.map_err(|error| call.explain(service.protocol.native(error)));
        if let Ok(output) = &answer {
            call.leave_response(&operation, output);
        }
        let answer = call.close(service.signing_name, &operation, parameters, answer);
        service
            .protocol
            .encode(&operation, call.request_id(), answer)
    }

    fn refuse(
        &self,
        parts: &Parts,
        body: &Bytes,
        origin: &Origin,
        refusal: Refusal<'_>,
    ) -> Response<Bytes> {
        let protocol = refusal.service.map_or(FALLBACK, |service| service.protocol);
        let operation = operation(protocol, parts, body);
        let request_id = uuid::Uuid::new_v4().to_string();
        let error = protocol.native(*refusal.error);
        let event = Event {
            service: refusal
                .service
                .map_or("unknown", |service| service.signing_name),
            operation: &operation,
            parameters: Value::Null,
            region: self.identity.region(),
            request_id: &request_id,
            error: Some(&error),
        };
        let key = refusal.access_key_id.as_deref();
        let recorded = self.identity.audit().refused(origin, key, event);
        let error = recorded.err().unwrap_or(error);
        protocol.encode(&operation, &request_id, Err(error))
    }
}

/// A request that nobody is known to have made.
struct Refusal<'a> {
    service: Option<&'a Service>,
    access_key_id: Option<String>,
    error: Box<AwsError>,
}

fn text(parts: &Parts, name: &str) -> Option<String> {
    let value = parts.headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}
