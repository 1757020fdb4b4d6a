//! The end of an answer: was it decided, what goes into the audit trail, and how errors read.

use http::{HeaderValue, Method, Response, StatusCode, header};
use lakeward_identity::{Call, Event, Identity};
use lakeward_wire::AwsError;
use s3s::Body;

use crate::service::Trace;

/// An answer on its way out.
pub(crate) struct Answer<'a> {
    response: Response<Body>,
    trace: &'a Trace,
    request_id: String,
    error: Option<Failure>,
}

/// What an error answer says. The message is as the XML has it, with its escapes.
struct Failure {
    code: String,
    message: String,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(response: Response<Body>, trace: &'a Trace) -> Self {
        let request_id = match trace.call.get() {
            Some(call) => call.request_id().to_owned(),
            None => uuid::Uuid::new_v4().to_string(),
        };
        Self {
            error: Failure::of(&response),
            response,
            trace,
            request_id,
        }
    }

    /// Nothing succeeds that nobody decided on: an operation that forgot to ask fails closed.
    pub(crate) fn refuse_undecided(&mut self) {
        let decided = self.trace.call.get().is_some_and(Call::decided);
        let failed = self.response.status().as_u16() >= 400;
        if decided || failed {
            return;
        }
        tracing::error!(
            operation = self.trace.operation.get(),
            "an S3 operation answered without a decision"
        );
        self.response = empty(StatusCode::INTERNAL_SERVER_ERROR);
        self.error = Some(Failure {
            code: "InternalError".into(),
            message: "We encountered an internal error. Please try again.".into(),
        });
    }

    /// Leaves the record of the request in the audit trail. Nothing is answered without one.
    pub(crate) fn record(&mut self, identity: &Identity, access_key_id: Option<&str>) {
        let error = self.error();
        let event = Event {
            service: "s3",
            operation: self.trace.operation.get().map_or("Unknown", String::as_str),
            parameters: self.trace.parameters.get().cloned().unwrap_or_default(),
            region: identity.region(),
            request_id: &self.request_id,
            error: error.as_ref(),
        };
        let recorded = match self.trace.call.get() {
            Some(call) => identity.audit().call(call, event),
            None => identity
                .audit()
                .refused(&self.trace.origin, access_key_id, event),
        };
        if let Err(unwritten) = recorded {
            self.response = empty(unwritten.status);
            self.error = Some(Failure {
                code: unwritten.code.into_owned(),
                message: unwritten.message,
            });
        }
    }

    fn error(&self) -> Option<AwsError> {
        let error = self.error.as_ref()?;
        let status = self.response.status().as_u16();
        Some(AwsError::new(
            status,
            error.code.clone(),
            error.message.clone(),
        ))
    }

    /// Seals into a refusal why it was one.
    fn explain(&mut self) {
        if let (Some(call), Some(error)) = (self.trace.call.get(), self.error()) {
            for (name, value) in call.explain(error).headers() {
                self.add(name, value);
            }
        }
    }

    /// The finished response.
    pub(crate) fn finish(mut self, method: &Method, region: &str) -> Response<Body> {
        self.explain();
        if let Some(error) = &self.error {
            let xml = error.xml(&self.request_id);
            let headers = self.response.headers_mut();
            let kind = HeaderValue::from_static("application/xml");
            headers.insert(header::CONTENT_TYPE, kind);
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(xml.len()));
            *self.response.body_mut() = Body::from(xml);
        }
        let bodiless = self.response.status() == StatusCode::NOT_MODIFIED;
        if bodiless || (self.error.is_some() && method == Method::HEAD) {
            self.response.headers_mut().remove(header::CONTENT_LENGTH);
            *self.response.body_mut() = Body::empty();
        }
        self.add("x-amz-request-id", &self.request_id.clone());
        // S3 tells the region even to those who may not look; clients find it that way.
        if self.error.is_some() {
            self.add("x-amz-bucket-region", region);
        }
        self.response
    }

    fn add(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response.headers_mut().insert(name, value);
        }
    }
}

impl Failure {
    /// Reads the codec's error document.
    fn of(response: &Response<Body>) -> Option<Self> {
        if response.status().as_u16() < 400 {
            return None;
        }
        let body = response.body().bytes().unwrap_or_default();
        let xml = String::from_utf8_lossy(&body);
        let code = element(&xml, "Code").unwrap_or("InternalError").to_owned();
        let message = match plain(&code) {
            Some(text) => text.to_owned(),
            None => element(&xml, "Message").unwrap_or_default().to_owned(),
        };
        Some(Self { code, message })
    }

    fn xml(&self, request_id: &str) -> String {
        let Self { code, message } = self;
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
        )
    }
}

/// S3's own words where the codec has none or others.
fn plain(code: &str) -> Option<&'static str> {
    match code {
        "SignatureDoesNotMatch" => Some(
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        ),
        "RequestTimeTooSkewed" => {
            Some("The difference between the request time and the current time is too large.")
        }
        "InternalError" => Some("We encountered an internal error. Please try again."),
        "InvalidBucketName" => Some("The specified bucket is not valid."),
        "KeyTooLongError" => Some("Your key is too long"),
        "MalformedXML" => Some(
            "The XML you provided was not well-formed or did not validate against our published schema",
        ),
        _ => None,
    }
}

fn element<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text)
}

/// A response without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
