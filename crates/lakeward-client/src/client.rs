use bytes::Bytes;
use http::{Method, Request, header};
use serde_json::Value;

use crate::{ClientError, Credentials, Signer, element, form};

/// The longest answer that is read to learn why a request was refused, in bytes.
const LARGEST_FAULT: usize = 64 << 10;

/// A client of one endpoint, with one set of keys.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: String,
    region: String,
    credentials: Credentials,
}

impl Client {
    /// A client of `endpoint` (`https://host:port`) that trusts `ca_pem` only.
    ///
    /// # Errors
    /// `ca_pem` is not a certificate.
    pub fn new(
        endpoint: &str,
        ca_pem: &str,
        region: &str,
        credentials: Credentials,
    ) -> Result<Self, ClientError> {
        // Several providers may be linked; the first installed one wins, so a refusal is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca =
            reqwest::Certificate::from_pem(ca_pem.as_bytes()).map_err(ClientError::Certificate)?;
        let http = reqwest::Client::builder()
            .add_root_certificate(ca)
            .no_proxy()
            .build()
            .map_err(ClientError::Certificate)?;
        Ok(Self {
            http,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            region: region.to_owned(),
            credentials,
        })
    }

    /// The same endpoint with other keys.
    #[must_use]
    pub fn with_credentials(&self, credentials: Credentials) -> Self {
        Self {
            credentials,
            ..self.clone()
        }
    }

    /// The keys this client signs with.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Calls an awsJson operation, for instance `("elasticmapreduce", "ElasticMapReduce.ListClusters")`.
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn json(
        &self,
        service: &str,
        target: &str,
        input: Value,
    ) -> Result<Value, ClientError> {
        let request = Request::post(format!("{}/", self.endpoint))
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(Bytes::from(input.to_string()));
        self.json_answer(service, target, request).await
    }

    /// Calls a restJson operation, for instance `("lakeformation", "GrantPermissions")`.
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn rest_json(
        &self,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Result<Value, ClientError> {
        let request = Request::post(format!("{}/{operation}", self.endpoint))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(input.to_string()));
        self.json_answer(service, operation, request).await
    }

    /// Calls a query operation and returns the XML answer.
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn query(
        &self,
        service: &str,
        version: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, ClientError> {
        let operation = parameters
            .iter()
            .find(|(name, _)| *name == "Action")
            .map_or("", |(_, value)| value);
        let body = form(parameters.iter().copied().chain([("Version", version)]));
        let request = Request::post(format!("{}/", self.endpoint))
            .header(
                header::CONTENT_TYPE,
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(Bytes::from(body));
        let answer = self.send(service, operation, request).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// An S3 request on `path` (`/bucket/key?query`).
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn s3(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, ClientError> {
        let request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.endpoint))
            .body(body);
        self.send("s3", &format!("{method} {path}"), request).await
    }

    /// Reads an S3 object of at most `most` bytes.
    ///
    /// # Errors
    /// The server can't be reached or refuses, or the object is larger.
    pub async fn s3_object(&self, path: &str, most: usize) -> Result<Vec<u8>, ClientError> {
        let operation = format!("GET {path}");
        let request = Request::get(format!("{}{path}", self.endpoint)).body(Bytes::new());
        let mut response = self.execute("s3", request).await?;
        let status = response.status();
        let bound = if status.is_success() {
            most
        } else {
            LARGEST_FAULT
        };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.transport(e))? {
            body.extend_from_slice(&chunk);
            if body.len() > bound {
                return Err(ClientError::TooLarge { operation, most });
            }
        }
        if status.is_success() {
            return Ok(body);
        }
        Err(refusal(&operation, status, &body))
    }

    async fn json_answer(
        &self,
        service: &str,
        operation: &str,
        request: Result<Request<Bytes>, http::Error>,
    ) -> Result<Value, ClientError> {
        let answer = self.send(service, operation, request).await?;
        serde_json::from_slice(&answer).map_err(|error| ClientError::Unreadable {
            operation: operation.to_owned(),
            why: error.to_string(),
        })
    }

    async fn send(
        &self,
        service: &str,
        operation: &str,
        request: Result<Request<Bytes>, http::Error>,
    ) -> Result<Bytes, ClientError> {
        let response = self.execute(service, request).await?;
        let status = response.status();
        let body = response.bytes().await.map_err(|e| self.transport(e))?;
        if status.is_success() {
            return Ok(body);
        }
        Err(refusal(operation, status, &body))
    }

    /// Signs and sends; the answer's body is still to be read.
    async fn execute(
        &self,
        service: &str,
        request: Result<Request<Bytes>, http::Error>,
    ) -> Result<reqwest::Response, ClientError> {
        let request = request.map_err(|error| ClientError::Signing(error.to_string()))?;
        let signed = Signer::new(&self.credentials, &self.region, service).sign(request)?;
        let request = reqwest::Request::try_from(signed).map_err(|e| self.transport(e))?;
        let sent = self.http.execute(request).await;
        sent.map_err(|e| self.transport(e))
    }

    fn transport(&self, source: reqwest::Error) -> ClientError {
        ClientError::Transport {
            endpoint: self.endpoint.clone(),
            source,
        }
    }
}

fn refusal(operation: &str, status: http::StatusCode, body: &[u8]) -> ClientError {
    let (code, message) = fault(body);
    ClientError::Refused {
        operation: operation.to_owned(),
        status: status.as_u16(),
        code,
        message,
    }
}

/// Code and message of an error body, JSON or XML.
fn fault(body: &[u8]) -> (String, String) {
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        let text = |name: &str| {
            json.get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        return (text("__type"), text("message"));
    }
    let xml = String::from_utf8_lossy(body);
    let text = |name: &str| element(&xml, name).unwrap_or_default().to_owned();
    (text("Code"), text("Message"))
}
