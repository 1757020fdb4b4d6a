//! Requests made by hand, so that each part of them can be wrong.

use std::time::SystemTime;

use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use lakeward::profile::Instance;
use lakeward_client::Credentials;
use serde_json::Value;

/// One request, before anyone signed it.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub service: &'static str,
    pub method: Method,
    /// Path and query.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Exchange {
    /// An S3 request.
    pub fn s3(method: Method, path: &str) -> Self {
        Self {
            service: "s3",
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// An awsJson request.
    pub fn json(service: &'static str, target: &str, input: &Value) -> Self {
        Self {
            headers: vec![
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", target.to_owned()),
            ],
            body: input.to_string().into(),
            ..Self::post(service, "/")
        }
    }

    /// A restJson request.
    pub fn rest_json(service: &'static str, operation: &str, input: &Value) -> Self {
        Self {
            headers: vec![("content-type", "application/json".to_owned())],
            body: input.to_string().into(),
            ..Self::post(service, &format!("/{operation}"))
        }
    }

    /// A query request.
    pub fn query(service: &'static str, version: &str, parameters: &[(&str, &str)]) -> Self {
        let whole = parameters.iter().copied().chain([("Version", version)]);
        Self {
            headers: vec![(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            )],
            body: lakeward_client::form(whole).into(),
            ..Self::post(service, "/")
        }
    }

    fn post(service: &'static str, path: &str) -> Self {
        Self {
            service,
            ..Self::s3(Method::POST, path)
        }
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    }

    /// The error's code, whatever the protocol.
    pub fn code(&self) -> String {
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(json) => json["__type"].as_str().unwrap_or_default().to_owned(),
            Err(_) => self.one("Code"),
        }
    }

    /// The id that the audit record has too.
    pub fn request_id(&self) -> String {
        let json = self.header("x-amzn-requestid");
        if json.is_empty() {
            self.header("x-amz-request-id")
        } else {
            json
        }
    }

    /// The contents of every element of this name.
    pub fn all(&self, element: &str) -> Vec<String> {
        elements(&self.text(), element)
    }

    pub fn one(&self, element: &str) -> String {
        self.all(element).into_iter().next().unwrap_or_default()
    }
}

/// The contents of every element of this name.
pub fn elements(xml: &str, name: &str) -> Vec<String> {
    xml.split(&format!("<{name}>"))
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(&format!("</{name}>"))?.0.to_owned()))
        .collect()
}

/// Sends requests to one instance.
#[derive(Clone)]
pub struct Sender {
    http: reqwest::Client,
    endpoint: String,
}

impl Sender {
    pub fn of(instance: &Instance) -> Self {
        // Several providers may be linked; the first one installed wins.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca = std::fs::read(&instance.ca).unwrap();
        let http = reqwest::Client::builder()
            .add_root_certificate(reqwest::Certificate::from_pem(&ca).unwrap())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            http,
            endpoint: instance.addresses.endpoint_url(),
        }
    }

    /// Sends without a signature.
    pub async fn unsigned(&self, exchange: &Exchange) -> Answer {
        self.execute(self.request(exchange)).await.unwrap()
    }

    /// Signs and sends.
    pub async fn signed(&self, exchange: &Exchange, keys: &Credentials) -> Answer {
        self.try_signed(exchange, keys).await.unwrap()
    }

    /// Signs and sends, to a server that may die meanwhile.
    pub async fn try_signed(
        &self,
        exchange: &Exchange,
        keys: &Credentials,
    ) -> Result<Answer, reqwest::Error> {
        let signed = signed(self.request(exchange), exchange, keys, SystemTime::now());
        self.execute(signed).await
    }

    /// Signs as if it were another time.
    pub async fn signed_at(
        &self,
        exchange: &Exchange,
        keys: &Credentials,
        at: SystemTime,
    ) -> Answer {
        let signed = signed(self.request(exchange), exchange, keys, at);
        self.execute(signed).await.unwrap()
    }

    /// Signs, then puts another body in its place.
    pub async fn altered(
        &self,
        exchange: &Exchange,
        keys: &Credentials,
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut signed = signed(self.request(exchange), exchange, keys, SystemTime::now());
        *signed.body_mut() = body.into();
        self.execute(signed).await.unwrap()
    }

    fn request(&self, exchange: &Exchange) -> Request<Bytes> {
        let uri = format!("{}{}", self.endpoint, exchange.path);
        let mut request = Request::builder().method(exchange.method.clone()).uri(&uri);
        let host = self.endpoint.trim_start_matches("https://");
        request = request.header("host", host);
        for (name, value) in &exchange.headers {
            request = request.header(*name, value);
        }
        request.body(exchange.body.clone()).unwrap()
    }

    async fn execute(&self, request: Request<Bytes>) -> Result<Answer, reqwest::Error> {
        let request = reqwest::Request::try_from(request)?;
        let response = self.http.execute(request).await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
        })
    }
}

fn signed(
    mut request: Request<Bytes>,
    exchange: &Exchange,
    keys: &Credentials,
    at: SystemTime,
) -> Request<Bytes> {
    let mut settings = SigningSettings::default();
    if exchange.service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let identity = aws_credential_types::Credentials::new(
        keys.access_key_id(),
        keys.secret_access_key(),
        keys.session_token().map(str::to_owned),
        None,
        "test",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(super::REGION)
        .name(exchange.service)
        .time(at)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let uri = request.uri().to_string();
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), uri, headers, body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request
}
