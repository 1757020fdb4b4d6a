use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{error::AwsError, form::Form, xml};

/// How a service puts operations, inputs and outputs on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `X-Amz-Target: <target>.<Operation>`, JSON 1.1 bodies.
    AwsJson {
        /// The prefix before the dot, for instance `ElasticMapReduce`.
        target: &'static str,
    },
    /// `Action=<Operation>` in a form body, XML answers.
    Query {
        /// The API version clients send, for instance `2010-05-08`.
        version: &'static str,
        /// The XML namespace of answers.
        namespace: &'static str,
    },
    /// `POST /<Operation>` with JSON bodies.
    RestJson,
}

/// A request's operation name and its input, not yet typed.
#[derive(Debug)]
pub struct Incoming {
    /// The operation as the client named it.
    pub operation: String,
    input: Input,
}

#[derive(Debug)]
enum Input {
    Json(Value),
    Form(Form),
}

impl Incoming {
    /// Reads the input as `T`.
    ///
    /// # Errors
    /// `ValidationException` (`SerializationException` in JSON) that names the member.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, AwsError> {
        match self.input {
            Input::Json(value) => serde_json::from_value(value)
                .map_err(|error| AwsError::new(400, "SerializationException", error.to_string())),
            Input::Form(form) => form
                .read()
                .map_err(|error| AwsError::new(400, "ValidationError", error)),
        }
    }

    /// The input as JSON with its text values, for the audit record. Forms keep scalars only.
    #[must_use]
    pub fn parameters(&self) -> Value {
        match &self.input {
            Input::Json(value) => value.clone(),
            Input::Form(form) => form.clone().read().unwrap_or(Value::Null),
        }
    }
}

/// An operation's output or error, on its way out.
pub type Answer = Result<Value, AwsError>;

impl Protocol {
    /// Finds the operation and the input in a request.
    ///
    /// # Errors
    /// The protocol's own error for a request without operation or with a malformed body.
    pub fn decode(
        &self,
        path: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Incoming, AwsError> {
        match self {
            Self::AwsJson { target } => decode_json_target(target, headers, body),
            Self::Query { .. } => decode_form(body),
            Self::RestJson => Ok(Incoming {
                operation: path.trim_matches('/').to_owned(),
                input: json_body(body)?,
            }),
        }
    }

    /// The error for an operation that doesn't exist here, by name.
    #[must_use]
    pub fn unknown_operation(&self, operation: &str) -> AwsError {
        match self {
            Self::AwsJson { .. } | Self::RestJson => AwsError::new(
                400,
                "UnknownOperationException",
                format!("The operation `{operation}` is not implemented by this server."),
            ),
            Self::Query { version, .. } => AwsError::new(
                400,
                "InvalidAction",
                format!(
                    "Could not find operation {operation} for version {version}: it is not implemented by this server."
                ),
            ),
        }
    }

    /// The protocol's own name for a refusal that all services share ("Common errors" of their
    /// API references): the query protocol says `AccessDenied` (403), JSON says
    /// `AccessDeniedException` (400).
    #[must_use]
    pub fn native(&self, error: AwsError) -> AwsError {
        const NAMES: [(&str, &str); 6] = [
            ("AccessDenied", "AccessDeniedException"),
            ("InvalidClientTokenId", "UnrecognizedClientException"),
            ("ExpiredToken", "ExpiredTokenException"),
            ("SignatureDoesNotMatch", "InvalidSignatureException"),
            (
                "MissingAuthenticationToken",
                "MissingAuthenticationTokenException",
            ),
            ("IncompleteSignature", "IncompleteSignatureException"),
        ];
        let named = NAMES
            .iter()
            .find(|(query, json)| [query, json].contains(&&&*error.code));
        match (self, named) {
            (_, None) => error,
            (Self::Query { .. }, Some(("IncompleteSignature", _))) => error,
            (Self::Query { .. }, Some((query, _))) => AwsError::new(403, *query, error.message),
            (_, Some((_, json))) => AwsError::new(400, *json, error.message),
        }
    }

    /// Writes an answer.
    #[must_use]
    pub fn encode(&self, operation: &str, request_id: &str, answer: Answer) -> Response<Bytes> {
        match (self, answer.map_err(|error| self.native(error))) {
            (Self::Query { namespace, .. }, Ok(value)) => {
                query_answer(operation, namespace, request_id, value)
            }
            (Self::Query { namespace, .. }, Err(error)) => {
                query_error(namespace, request_id, error)
            }
            (Self::AwsJson { .. }, Ok(value)) => json(StatusCode::OK, "1.1", request_id, &value),
            (Self::RestJson, Ok(value)) => json(StatusCode::OK, "", request_id, &value),
            (Self::AwsJson { .. }, Err(error)) => json_error("1.1", request_id, &error),
            (Self::RestJson, Err(error)) => json_error("", request_id, &error),
        }
    }
}

fn decode_json_target(
    target: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Incoming, AwsError> {
    let named = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match named.split_once('.') {
        Some((prefix, operation)) if prefix == target => Ok(Incoming {
            operation: operation.to_owned(),
            input: json_body(body)?,
        }),
        _ => Err(AwsError::new(
            400,
            "UnknownOperationException",
            format!("X-Amz-Target is `{named}`; this service expects `{target}.<Operation>`"),
        )),
    }
}

fn json_body(body: &Bytes) -> Result<Input, AwsError> {
    if body.is_empty() {
        return Ok(Input::Json(json!({})));
    }
    serde_json::from_slice(body)
        .map(Input::Json)
        .map_err(|error| AwsError::new(400, "SerializationException", error.to_string()))
}

fn decode_form(body: &Bytes) -> Result<Incoming, AwsError> {
    let malformed = |why: String| AwsError::new(400, "MalformedQueryString", why);
    let text = std::str::from_utf8(body).map_err(|error| malformed(error.to_string()))?;
    let form = Form::parse(text).map_err(malformed)?;
    let Some(operation) = form.text("Action").map(str::to_owned) else {
        return Err(AwsError::new(
            400,
            "MissingAction",
            "The request is missing an Action parameter.",
        ));
    };
    Ok(Incoming {
        operation,
        input: Input::Form(form),
    })
}

fn query_answer(
    operation: &str,
    namespace: &str,
    request_id: &str,
    value: Value,
) -> Response<Bytes> {
    let mut members = serde_json::Map::new();
    if !value.is_null() {
        members.insert(format!("{operation}Result"), value);
    }
    members.insert("ResponseMetadata".into(), json!({"RequestId": request_id}));
    let root = format!("{operation}Response");
    xml_response(
        StatusCode::OK,
        &root,
        namespace,
        request_id,
        &Value::Object(members),
    )
}

fn query_error(namespace: &str, request_id: &str, error: AwsError) -> Response<Bytes> {
    let kind = if error.is_sender_fault() {
        "Sender"
    } else {
        "Receiver"
    };
    let body = json!({
        "Error": {"Type": kind, "Code": error.code, "Message": error.message},
        "RequestId": request_id,
    });
    xml_response(error.status, "ErrorResponse", namespace, request_id, &body)
}

fn xml_response(
    status: StatusCode,
    root: &str,
    namespace: &str,
    request_id: &str,
    value: &Value,
) -> Response<Bytes> {
    match xml::document(root, namespace, value) {
        Ok(body) => respond(status, "text/xml", request_id, body.into()),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as XML");
            respond(
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/xml",
                request_id,
                Bytes::new(),
            )
        }
    }
}

fn json(status: StatusCode, version: &str, request_id: &str, value: &Value) -> Response<Bytes> {
    let content_type = match version {
        "" => "application/json".to_owned(),
        version => format!("application/x-amz-json-{version}"),
    };
    let empty = json!({});
    let value = if value.is_null() { &empty } else { value };
    respond(status, &content_type, request_id, value.to_string().into())
}

fn json_error(version: &str, request_id: &str, error: &AwsError) -> Response<Bytes> {
    // Services differ in the case of this member; SDKs read either.
    let body = json!({"__type": error.code, "message": error.message, "Message": error.message});
    let mut response = json(error.status, version, request_id, &body);
    if let Ok(code) = HeaderValue::from_str(&error.code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

fn respond(
    status: StatusCode,
    content_type: &str,
    request_id: &str,
    body: Bytes,
) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(content_type) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: Protocol = Protocol::Query {
        version: "2011-06-15",
        namespace: "urn:sts",
    };

    fn text(response: &Response<Bytes>) -> &str {
        std::str::from_utf8(response.body()).unwrap()
    }

    #[test]
    fn a_query_refusal_is_access_denied_with_403() {
        let response = QUERY.encode("AssumeRole", "id", Err(AwsError::access_denied("no")));
        assert_eq!(response.status(), 403);
        assert!(
            text(&response)
                .contains("<Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message>")
        );
    }

    #[test]
    fn a_json_refusal_is_access_denied_exception_with_400() {
        let protocol = Protocol::AwsJson { target: "X" };
        let response = protocol.encode("Do", "id", Err(AwsError::access_denied("no")));
        assert_eq!(response.status(), 400);
        assert!(text(&response).contains(r#""__type":"AccessDeniedException""#));
    }

    #[test]
    fn a_target_of_another_service_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-target", HeaderValue::from_static("AWSGlue.GetTable"));
        let refused = Protocol::AwsJson {
            target: "ElasticMapReduce",
        }
        .decode("/", &headers, &Bytes::new());
        assert_eq!(refused.unwrap_err().code, "UnknownOperationException");
    }
}
