//! Which service and which operation a request is for.

use std::borrow::Cow;

use bytes::Bytes;
use http::{header, request::Parts};
use lakeward_wire::{AwsError, Protocol, sigv4::Scope};
use percent_encoding::percent_decode;

use super::{Front, text};
use crate::Service;

/// Longer than any operation's name, in bytes.
const LONGEST_OPERATION: usize = 128;

impl Front {
    /// The service that a signature is for.
    pub(super) fn signed_service(&self, scope: &Scope) -> Result<&Service, AwsError> {
        self.services.get(&*scope.service).ok_or_else(|| {
            AwsError::new(
                404,
                "UnknownService",
                format!(
                    "the service `{}` is not implemented by this server",
                    scope.service
                ),
            )
        })
    }

    /// An unsigned request names its service only by its target, or by its form's operation.
    pub(super) fn unsigned_service(&self, parts: &Parts, body: &Bytes) -> Option<&Service> {
        let target = text(parts, "x-amz-target").unwrap_or_default();
        let form = is_form(parts);
        let has = |service: &Service, name: &str| service.operations().any(|own| own == name);
        let query = |service: &Service| form && matches!(service.protocol, Protocol::Query { .. });
        let named = self
            .services
            .values()
            .find(|service| match service.protocol {
                Protocol::AwsJson { target: own } => {
                    target.rsplit_once('.').map(|(prefix, _)| prefix) == Some(own)
                }
                Protocol::Query { .. } => {
                    query(service) && has(service, &operation(service.protocol, parts, body))
                }
                Protocol::RestJson => has(service, parts.uri.path().trim_matches('/')),
            });
        // A form for an operation that nobody has is answered as a form all the same.
        named.or_else(|| self.services.values().find(|service| query(service)))
    }

    /// A signature is good for one service and one region. IAM, STS and Organizations are also
    /// reached as the global services, which sign for `us-east-1`.
    pub(super) fn check_scope(&self, scope: &Scope, parts: &Parts) -> Result<(), AwsError> {
        if let Some(host) = self.service_of_host(parts)
            && host != scope.service
        {
            return Err(misdirected(format!(
                "Credential should be scoped to correct service: '{host}'."
            )));
        }
        let global = matches!(&*scope.service, "iam" | "sts" | "organizations");
        let here = self.identity.region();
        if scope.region == here || (global && scope.region == "us-east-1") {
            return Ok(());
        }
        Err(misdirected(format!(
            "Credential should be scoped to a valid region, not '{}'; this is {here}.",
            scope.region
        )))
    }

    /// The service that the host's name belongs to, if it is one of AWS's names.
    fn service_of_host(&self, parts: &Parts) -> Option<&str> {
        let host = text(parts, header::HOST.as_str());
        let host = host.or_else(|| Some(parts.uri.authority()?.to_string()))?;
        let name = host.split(':').next()?;
        let label = name.strip_suffix(".amazonaws.com")?.split('.').next()?;
        self.services.get(label).map(Service::signing_name)
    }
}

fn misdirected(message: String) -> AwsError {
    AwsError::new(403, "SignatureDoesNotMatch", message)
}

fn is_form(parts: &Parts) -> bool {
    let kind = text(parts, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded") || query_action(parts).is_some()
}

/// The operation that a request names, for the audit record: it is there even when the rest of the
/// body can't be read. What is no operation's name is not repeated.
pub(super) fn operation(protocol: Protocol, parts: &Parts, body: &Bytes) -> String {
    let named = match protocol {
        Protocol::AwsJson { .. } => text(parts, "x-amz-target")
            .and_then(|target| Some(target.rsplit_once('.')?.1.to_owned())),
        Protocol::Query { .. } => action(body).or_else(|| query_action(parts)),
        Protocol::RestJson => Some(parts.uri.path().trim_matches('/').to_owned()),
    };
    named
        .filter(|name| is_operation(name))
        .unwrap_or_else(|| "Unknown".to_owned())
}

fn query_action(parts: &Parts) -> Option<String> {
    action(parts.uri.query()?.as_bytes())
}

/// The `Action` of a form, whose names may be percent-encoded like its values. A form with two of
/// them is refused.
fn action(form: &[u8]) -> Option<String> {
    let value = form.split(|byte| *byte == b'&').find_map(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let (name, value) = (parts.next()?, parts.next()?);
        percent_decode(name).eq(*b"Action").then_some(value)
    })?;
    percent_decode(value)
        .decode_utf8()
        .ok()
        .map(Cow::into_owned)
}

fn is_operation(name: &str) -> bool {
    let sized = (1..=LONGEST_OPERATION).contains(&name.len());
    sized && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_named_however_its_parameter_is_written() {
        for form in [
            "Action=GetUser",
            "Version=1&Action=GetUser",
            "%41ction=GetUser",
            "UserName=a&%41%63tion=Get%55ser",
        ] {
            assert_eq!(
                action(form.as_bytes()).as_deref(),
                Some("GetUser"),
                "{form}"
            );
        }
        for form in [
            "",
            "Action",
            "action=GetUser",
            "Action.x=GetUser",
            "X=Action=GetUser",
        ] {
            assert_eq!(action(form.as_bytes()), None, "{form}");
        }
    }
}
