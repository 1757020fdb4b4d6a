use jiff::Timestamp;
use lakeward_wire::AwsError;
use thiserror::Error;

use super::network::FetchError;

/// Why a token opens nothing.
#[derive(Debug, Error)]
pub(super) enum WebIdentityError {
    #[error("The ID Token provided is not a valid JWT: {0}")]
    Malformed(&'static str),
    #[error("Missing a required claim: {0}")]
    MissingClaim(&'static str),
    #[error("No OpenIDConnect provider found in your account for {0}")]
    NoProvider(String),
    #[error("Incorrect token audience")]
    Audience,
    #[error(
        "Token expired: current date/time {now} must be before the expiration date/time {expired}"
    )]
    Expired { now: i64, expired: i64 },
    #[error("Token is not valid yet: {claim} is in the future")]
    Early { claim: &'static str },
    #[error("The signature algorithm of the ID Token is not supported; RS256 and ES256 are")]
    Algorithm,
    #[error(
        "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements"
    )]
    NoKey,
    #[error(
        "The web identity token that was passed could not be validated. Get a new identity token from the identity provider and then retry the request."
    )]
    Signature,
    #[error(
        "The identity provider (IDP) that was asked to verify the incoming identity token could not be reached: {0}"
    )]
    Unreachable(#[from] FetchError),
    #[error("Not authorized to perform sts:AssumeRoleWithWebIdentity")]
    Refused,
}

impl WebIdentityError {
    /// The token is older than its `exp`.
    pub(super) fn expired(now: Timestamp, expired: i64) -> Self {
        Self::Expired {
            now: now.as_second(),
            expired,
        }
    }
}

impl From<WebIdentityError> for AwsError {
    fn from(error: WebIdentityError) -> Self {
        let code = match &error {
            WebIdentityError::Refused => return AwsError::access_denied(error.to_string()),
            WebIdentityError::Expired { .. } => "ExpiredTokenException",
            WebIdentityError::Unreachable(_) => "IDPCommunicationError",
            _ => "InvalidIdentityToken",
        };
        AwsError::new(400, code, error.to_string())
    }
}
