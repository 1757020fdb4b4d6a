//! The S3 service as HTTP: around the codec, everything that holds for every request.
//!
//! A request passes [`GateService::serve`], which refuses what its signature does not cover; the
//! codec, which verifies the signature with the secret that [`Keys`] finds; [`Admission`], which
//! turns the key into a [`Call`]; and the operation, which asks the call for decisions. On the way
//! out `serve` refuses an answer that nobody decided on.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use http::{Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use lakeward_identity::{AuthenticationFailure, Call, Identity, Origin};
use lakeward_policy::Context;
use lakeward_wire::{AwsError, sigv4::CLOCK_SKEW};
use s3s::{
    Body, S3Error, S3ErrorCode, S3Result, StdError,
    access::{S3Access, S3AccessContext},
    auth::{S3Auth, SecretKey},
    config::{S3Config, StaticConfigProvider},
    path::S3Path,
    s3_error,
    service::{S3Service, S3ServiceBuilder},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    answer::{Answer, empty},
    error::{access_denied, internal, timed_out},
    gate::{Gate, Traffic},
    host::Hosts,
    intake::payload_hash_mismatch,
    operations::Operations,
    pace::{TooSlow, paced},
    signature::{self, Scope},
};

/// The longest XML or JSON document in a request, in bytes.
const MAX_DOCUMENT: usize = 8 << 20;

/// The S3 service. Cheap to clone.
#[derive(Clone)]
pub struct GateService {
    codec: S3Service,
    gate: Arc<Gate>,
}

/// The S3 service over an open gate; `hosts` says which host names hold buckets.
#[must_use]
pub fn service(gate: Arc<Gate>, hosts: Hosts) -> GateService {
    let mut config = S3Config::default();
    config.xml_max_body_size = MAX_DOCUMENT;
    // None, were it no number of seconds.
    config.presigned_url_max_skew_time_secs = CLOCK_SKEW.as_secs().try_into().unwrap_or_default();
    let mut builder = S3ServiceBuilder::new(Operations(Arc::clone(&gate)));
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.set_host(hosts);
    builder.set_auth(Keys(Arc::clone(&gate.identity)));
    builder.set_access(Admission(Arc::clone(&gate)));
    GateService {
        codec: builder.build(),
        gate,
    }
}

/// What a request leaves behind for the end of its answer.
#[derive(Clone)]
pub(crate) struct Trace {
    pub(crate) origin: Origin,
    pub(crate) call: Arc<OnceLock<Call>>,
    pub(crate) operation: Arc<OnceLock<String>>,
    pub(crate) parameters: Arc<OnceLock<Value>>,
}

impl GateService {
    /// How much was served.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.gate.traffic
    }

    /// Answers one request from `source_ip`.
    pub async fn serve(
        &self,
        request: Request<impl Into<Body>>,
        source_ip: IpAddr,
    ) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let agent = parts.headers.get(header::USER_AGENT);
        let trace = Trace {
            origin: Origin {
                source_ip,
                user_agent: agent.and_then(|agent| Some(agent.to_str().ok()?.to_owned())),
                at: Timestamp::now(),
            },
            call: Arc::default(),
            operation: Arc::default(),
            parameters: Arc::default(),
        };
        let method = parts.method.clone();
        let scope = signature::inspect(&parts, self.gate.identity.region());
        let key = scope.as_ref().ok().map(|scope| scope.access_key_id.clone());
        let answer = match scope {
            Ok(scope) => self.ask(parts, body.into(), scope, &trace).await,
            Err(error) => Err(error),
        };
        let answer = answer.or_else(S3Error::to_http_response);
        let answer = answer.unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR));
        let mut answer = Answer::new(answer, &trace);
        answer.refuse_undecided();
        answer.record(&self.gate.identity, key.as_deref());
        answer.finish(&method, self.gate.identity.region())
    }

    async fn ask(
        &self,
        mut parts: Parts,
        body: Body,
        scope: Scope,
        trace: &Trace,
    ) -> S3Result<Response<Body>> {
        let body = verified_document(&parts, paced(body)).await?;
        parts.extensions.insert(trace.clone());
        parts.extensions.insert(scope);
        let request = Request::from_parts(parts, body);
        self.codec
            .call(request)
            .await
            .map_err(|error| internal(StdError::from(error)))
    }
}

/// Reads a document in the request whole and compares it with the hash that was signed. The codec
/// would refuse a wrong one too, but not say why.
async fn verified_document(parts: &Parts, body: Body) -> S3Result<Body> {
    let query = parts.uri.query().unwrap_or_default();
    let document = parts.method == Method::POST
        || (parts.method == Method::PUT && signature::parameter(query, "policy").is_some());
    let claimed = parts.headers.get("x-amz-content-sha256");
    let claimed = claimed.and_then(|hash| hex::decode(hash.as_bytes()).ok());
    let (true, Some(claimed)) = (document, claimed) else {
        return Ok(body);
    };
    let collected = Limited::new(body, MAX_DOCUMENT).collect().await;
    let bytes = collected.map_err(|error| unreadable(&*error))?.to_bytes();
    if Sha256::digest(&bytes).as_slice() != claimed {
        return Err(payload_hash_mismatch());
    }
    Ok(Body::from(bytes))
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> S3Error {
    if TooSlow::is_in(error) {
        return timed_out();
    }
    s3_error!(
        MaxMessageLengthExceeded,
        "Your request was too big, or broke off."
    )
}

/// Finds the secret that a key signs with.
struct Keys(Arc<Identity>);

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let secret = self.0.secret(access_key).ok_or_else(unknown_key)?;
        Ok(SecretKey::from(secret.expose()))
    }
}

fn unknown_key() -> S3Error {
    s3_error!(
        InvalidAccessKeyId,
        "The AWS Access Key Id you provided does not exist in our records."
    )
}

/// Turns the key of a verified signature into a call.
struct Admission(Arc<Gate>);

#[async_trait::async_trait]
impl S3Access for Admission {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let trace = context.extensions_mut().get::<Trace>().cloned();
        let trace = trace.ok_or_else(|| internal("a request came around the gate's front"))?;
        let _ = trace.operation.set(context.s3_op().name().to_owned());
        let _ = trace.parameters.set(parameters(context));
        let credentials = context.credentials().ok_or_else(access_denied)?;
        let token = session_token(context);
        let caller = self
            .0
            .identity
            .authenticate(&credentials.access_key, token.as_deref(), trace.origin.at)
            .map_err(refusal)?;
        self.0.identity.audit().ready().map_err(unrecorded)?;
        let facts = facts(context, trace.origin.at)?;
        self.0.identity.note_key_use(&caller, "s3", trace.origin.at);
        let call = Call::begin_with(&self.0.identity, caller, trace.origin.clone(), facts);
        let _ = trace.call.set(call.clone());
        context.extensions_mut().insert(call);
        Ok(())
    }
}

/// The condition keys that every question of the request has.
fn facts(context: &mut S3AccessContext<'_>, now: Timestamp) -> S3Result<Context> {
    let scope = context.extensions_mut().get::<Scope>().cloned();
    let scope = scope.ok_or_else(|| internal("a request came around the gate's front"))?;
    let query = context.uri().query().unwrap_or_default();
    scope.facts(context.headers(), query, now)
}

/// What the audit trail says was asked for.
fn parameters(context: &S3AccessContext<'_>) -> Value {
    let query = context.uri().query().unwrap_or_default();
    match context.s3_path() {
        S3Path::Root => Value::Null,
        S3Path::Bucket { bucket } => {
            json!({"bucketName": bucket, "prefix": signature::parameter(query, "prefix")})
        }
        S3Path::Object { bucket, key } => json!({
            "bucketName": bucket,
            "key": key,
            "x-amz-copy-source": context
                .headers()
                .get("x-amz-copy-source")
                .and_then(|source| source.to_str().ok()),
        }),
    }
}

fn session_token(context: &S3AccessContext<'_>) -> Option<String> {
    let header = context.headers().get("x-amz-security-token");
    match header {
        Some(token) => Some(token.to_str().unwrap_or_default().to_owned()),
        None => signature::parameter(context.uri().query()?, "X-Amz-Security-Token"),
    }
}

/// Nothing is done that the audit trail can't tell of.
fn unrecorded(error: AwsError) -> S3Error {
    S3Error::with_message(S3ErrorCode::ServiceUnavailable, error.message)
}

fn refusal(failure: AuthenticationFailure) -> S3Error {
    match failure {
        AuthenticationFailure::UnknownKey => unknown_key(),
        AuthenticationFailure::InvalidToken => s3_error!(
            InvalidToken,
            "The provided token is malformed or otherwise invalid."
        ),
        AuthenticationFailure::Expired => {
            s3_error!(ExpiredToken, "The provided token has expired.")
        }
    }
}
