mod input;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{error::AwsError, form::Form, xml};

/// How a service puts operations, inputs and outputs on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `X-Amz-Target: <target>.<Operation>`, JSON 1.1 bodies.
    AwsJson {
        /// The prefix before the last dot, for instance `ElasticMapReduce`. It may have dots itself.
        target: &'static str,
    },
    /// `Action=<Operation>` in a form body or the query string, XML answers.
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
    /// Reads the input as `T`. In JSON a member that is null isn't given.
    ///
    /// # Errors
    /// `ValidationError` (in JSON `ValidationException`, `SerializationException` for a value of the
    /// wrong type) that names the member.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, AwsError> {
        match self.input {
            Input::Json(mut value) => {
                input::drop_nulls(&mut value);
                input::read(value)
            }
            Input::Form(form) => form
                .read()
                .map_err(|error| AwsError::new(400, "ValidationError", error)),
        }
    }

    /// The input as JSON, for the audit record. The values of forms are texts.
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
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Incoming, AwsError> {
        match self {
            Self::AwsJson { target } => decode_json_target(target, headers, body),
            Self::Query { .. } => decode_form(uri.query().unwrap_or_default(), body),
            Self::RestJson => Ok(Incoming {
                operation: uri.path().trim_matches('/').to_owned(),
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
        let Some((query, json)) = named else {
            return error;
        };
        match self {
            // STS has an error of this very name, about a token that it was handed: 400.
            Self::Query { .. }
                if error.code == *json
                    && *json == "ExpiredTokenException"
                    && error.status == StatusCode::BAD_REQUEST =>
            {
                error
            }
            // Malformed, not refused: 400.
            Self::Query { .. } if *query == "IncompleteSignature" => error.renamed(400, query),
            Self::Query { .. } => error.renamed(403, query),
            Self::AwsJson { .. } | Self::RestJson => error.renamed(400, json),
        }
    }

    /// Writes an answer.
    #[must_use]
    pub fn encode(&self, operation: &str, request_id: &str, answer: Answer) -> Response<Bytes> {
        let answer = answer.map_err(|error| self.native(error));
        let extra = answer.as_ref().err().map(AwsError::headers);
        let extra = extra.unwrap_or_default().to_vec();
        let mut response = self.write(operation, request_id, answer);
        for (name, value) in extra {
            // What can't be a header is left out: the error itself matters more.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response
                    .headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
        }
        response
    }

    fn write(&self, operation: &str, request_id: &str, answer: Answer) -> Response<Bytes> {
        match (self, answer) {
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
    match named.rsplit_once('.') {
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

fn decode_form(query: &str, body: &Bytes) -> Result<Incoming, AwsError> {
    let malformed = |why: String| AwsError::new(400, "MalformedQueryString", why);
    let text = std::str::from_utf8(body).map_err(|error| malformed(error.to_string()))?;
    let form = Form::parse(query, text).map_err(malformed)?;
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
    let own = [
        ("__type", &*error.code),
        ("message", &error.message),
        ("Message", &error.message),
    ];
    let members = own.into_iter().chain(error.member());
    let body: Value = members.map(|(name, text)| (name, json!(text))).collect();
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
mod tests;
