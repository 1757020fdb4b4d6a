use http::HeaderMap;
use jiff::SignedDuration;

use super::{
    ALGORITHM, CLOCK_SKEW, Scope, SignedRequest,
    claim::{Place, signed_headers},
    date::SignedAt,
    incomplete,
    query::{Query, SIGNATURE},
    scope::credential,
};
use crate::{AwsError, Secret};

/// The longest life of a presigned URL, in seconds: a week.
pub const MAX_EXPIRES: u32 = 604_800;

/// Reads the claims of a presigned URL.
pub(super) fn read(query: &Query, headers: &HeaderMap) -> Result<SignedRequest, AwsError> {
    // Beside the parameters these could only contradict them.
    for name in ["x-amz-date", "x-amz-security-token"] {
        if headers.contains_key(name) {
            return Err(incomplete(format!(
                "a request that is signed in its query string can't have the header '{name}'"
            )));
        }
    }
    let algorithm = required(query, "X-Amz-Algorithm")?;
    if algorithm != ALGORITHM {
        return Err(incomplete(format!(
            "Unsupported AWS 'algorithm': '{algorithm}'."
        )));
    }
    let credentials = required(query, "X-Amz-Credential")?;
    let signature = required(query, SIGNATURE)?;
    let names = required(query, "X-Amz-SignedHeaders")?;
    let date = required(query, "X-Amz-Date")?;
    let (access_key_id, scope) = credential(credentials)?;
    Ok(SignedRequest {
        access_key_id,
        session_token: query
            .single("X-Amz-Security-Token")?
            .map(|token| Secret::new(token.to_owned())),
        place: Place::Query,
        credential: credentials.to_owned(),
        signed_headers: signed_headers(names)?,
        signature: signature.to_owned(),
        signed_at: SignedAt::basic(date, &scope)?,
        life: life(query, &scope)?,
        scope,
    })
}

fn required<'a>(query: &'a Query, name: &str) -> Result<&'a str, AwsError> {
    query.single(name)?.ok_or_else(|| {
        incomplete(format!(
            "AWS query-string parameters must include '{name}'. Re-examine the query-string parameters."
        ))
    })
}

/// How long the URL is good for. STS takes every signature for a quarter of an hour, whatever the
/// URL says: Kubernetes' tokens say a minute and live for fourteen.
fn life(query: &Query, scope: &Scope) -> Result<SignedDuration, AwsError> {
    let Some(text) = query.single("X-Amz-Expires")? else {
        return Ok(CLOCK_SKEW);
    };
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (1..=MAX_EXPIRES).contains(seconds))
        .ok_or_else(|| {
            incomplete(format!(
                "X-Amz-Expires must be a number of seconds between 1 and {MAX_EXPIRES}, not '{text}'"
            ))
        })?;
    Ok(match &*scope.service {
        "sts" => CLOCK_SKEW,
        _ => SignedDuration::from_secs(seconds.into()),
    })
}
