use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, header, request::Parts};
use jiff::Timestamp;
use lakeward_wire::{
    AwsError, Protocol,
    sigv4::{Scope, SignedRequest},
};
use percent_encoding::percent_decode;
use serde_json::Value;

use crate::{Call, Caller, Identity, Origin, Service, audit::Event};

/// The dispatcher: signature, principal, operation, decision, audit record, answer.
pub struct Front {
    identity: Arc<Identity>,
    services: BTreeMap<&'static str, Service>,
}

/// How a request for a service that doesn't exist is answered.
const FALLBACK: Protocol = Protocol::AwsJson { target: "" };
/// Longer than any operation's name, in bytes.
const LONGEST_OPERATION: usize = 128;

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
        let claim = match SignedRequest::parse(&parts.headers) {
            Ok(claim) => claim,
            Err(error) => {
                let service = self.unsigned_service(&parts, &body);
                let refusal = Refusal {
                    origin,
                    access_key_id: None,
                    error,
                };
                return self.refuse(service, &parts, &body, refusal);
            }
        };
        let Some(service) = self.services.get(&*claim.scope.service) else {
            let error = AwsError::new(
                404,
                "UnknownService",
                format!(
                    "the service `{}` is not implemented by this server",
                    claim.scope.service
                ),
            );
            let refusal = Refusal {
                origin,
                access_key_id: Some(claim.access_key_id),
                error,
            };
            return self.refuse(None, &parts, &body, refusal);
        };
        match self.authenticate(&claim, &parts, &body, origin.at) {
            Ok(caller) => {
                self.answer(
                    service,
                    &parts,
                    &body,
                    Call::begin(&self.identity, caller, origin),
                )
                .await
            }
            Err(error) => {
                let refusal = Refusal {
                    origin,
                    access_key_id: Some(claim.access_key_id),
                    error,
                };
                self.refuse(Some(service), &parts, &body, refusal)
            }
        }
    }

    fn authenticate(
        &self,
        claim: &SignedRequest,
        parts: &Parts,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<Arc<Caller>, AwsError> {
        let Some(secret) = self.identity.secret(&claim.access_key_id) else {
            return Err(crate::AuthenticationFailure::UnknownKey.into());
        };
        claim.verify(parts, body, &secret, now)?;
        self.check_region(&claim.scope)?;
        let token = claim
            .session_token
            .as_ref()
            .map(lakeward_wire::Secret::expose);
        let caller = self
            .identity
            .authenticate(&claim.access_key_id, token, now)?;
        Ok(caller)
    }

    /// A signature is good for one region. IAM and STS are also reached as the global services,
    /// which sign for `us-east-1`.
    fn check_region(&self, scope: &Scope) -> Result<(), AwsError> {
        let global = matches!(&*scope.service, "iam" | "sts") && scope.region == "us-east-1";
        if global || scope.region == self.identity.region() {
            return Ok(());
        }
        Err(AwsError::new(
            403,
            "SignatureDoesNotMatch",
            format!(
                "Credential should be scoped to a valid region, not '{}'; this is {}.",
                scope.region,
                self.identity.region()
            ),
        ))
    }

    async fn answer(
        &self,
        service: &Service,
        parts: &Parts,
        body: &Bytes,
        call: Call,
    ) -> Response<Bytes> {
        let incoming = service
            .protocol
            .decode(parts.uri.path(), &parts.headers, body);
        let operation = operation(service.protocol, parts, body);
        let parameters = match &incoming {
            Ok(incoming) => incoming.parameters(),
            Err(_) => Value::Null,
        };
        let answer = match incoming {
            Ok(incoming) => service.run(call.clone(), incoming).await,
            Err(error) => Err(error),
        }
        .map_err(|error| service.protocol.native(error));
        let event = Event {
            service: service.signing_name,
            operation: &operation,
            parameters,
            region: self.identity.region(),
            request_id: call.request_id(),
            error: answer.as_ref().err(),
        };
        self.identity.audit().call(&call, event);
        service
            .protocol
            .encode(&operation, call.request_id(), answer)
    }

    fn refuse(
        &self,
        service: Option<&Service>,
        parts: &Parts,
        body: &Bytes,
        refusal: Refusal,
    ) -> Response<Bytes> {
        let protocol = service.map_or(FALLBACK, |service| service.protocol);
        let operation = operation(protocol, parts, body);
        let request_id = uuid::Uuid::new_v4().to_string();
        let error = protocol.native(refusal.error);
        let event = Event {
            service: service.map_or("unknown", |service| service.signing_name),
            operation: &operation,
            parameters: Value::Null,
            region: self.identity.region(),
            request_id: &request_id,
            error: Some(&error),
        };
        let key = refusal.access_key_id.as_deref();
        self.identity.audit().refused(&refusal.origin, key, event);
        protocol.encode(&operation, &request_id, Err(error))
    }

    /// An unsigned request names its service only by its target, or by its form's operation.
    fn unsigned_service(&self, parts: &Parts, body: &Bytes) -> Option<&Service> {
        let target = text(parts, "x-amz-target").unwrap_or_default();
        let form = text(parts, header::CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let has = |service: &Service, name: &str| service.operations().any(|own| own == name);
        let query = |service: &Service| form && matches!(service.protocol, Protocol::Query { .. });
        let named = self
            .services
            .values()
            .find(|service| match service.protocol {
                Protocol::AwsJson { target: own } => target.split('.').next() == Some(own),
                Protocol::Query { .. } => {
                    query(service) && has(service, &operation(service.protocol, parts, body))
                }
                Protocol::RestJson => has(service, parts.uri.path().trim_matches('/')),
            });
        // A form for an operation that nobody has is answered as a form all the same.
        named.or_else(|| self.services.values().find(|service| query(service)))
    }
}

struct Refusal {
    origin: Origin,
    access_key_id: Option<String>,
    error: AwsError,
}

fn text(parts: &Parts, name: &str) -> Option<String> {
    let value = parts.headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// The operation that a request names, for the audit record: it is there even when the rest of the
/// body can't be read. What is no operation's name is not repeated.
fn operation(protocol: Protocol, parts: &Parts, body: &Bytes) -> String {
    let named = match protocol {
        Protocol::AwsJson { .. } => text(parts, "x-amz-target")
            .and_then(|target| Some(target.split_once('.')?.1.to_owned())),
        Protocol::Query { .. } => form_action(body),
        Protocol::RestJson => Some(parts.uri.path().trim_matches('/').to_owned()),
    };
    named
        .filter(|name| is_operation(name))
        .unwrap_or_else(|| "Unknown".to_owned())
}

/// The `Action` of a form, of which the last one counts.
fn form_action(body: &Bytes) -> Option<String> {
    let value = body
        .rsplit(|byte| *byte == b'&')
        .find_map(|pair| pair.strip_prefix(b"Action="))?;
    let decoded = percent_decode(value).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

fn is_operation(name: &str) -> bool {
    let sized = (1..=LONGEST_OPERATION).contains(&name.len());
    sized && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
