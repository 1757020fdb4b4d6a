use jiff::{SignedDuration, Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};

use super::{Scope, incomplete, mismatch};
use crate::AwsError;

/// A signature may be this much older or newer than the server's clock.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// When a request was signed.
#[derive(Debug, Clone)]
pub(super) struct SignedAt {
    at: Timestamp,
    /// As the string to sign has it.
    pub(super) text: String,
}

impl SignedAt {
    /// Reads `X-Amz-Date`, for instance `20261121T100000Z`, of a signature with this scope.
    pub(super) fn basic(text: &str, scope: &Scope) -> Result<Self, AwsError> {
        let at = DateTime::strptime("%Y%m%dT%H%M%SZ", text)
            .and_then(|at| at.to_zoned(TimeZone::UTC))
            .map_err(|_| {
                incomplete(format!(
                    "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
                ))
            })?;
        Self::within(at.timestamp(), scope)
    }

    /// Reads the `Date` header, which counts when there is no `X-Amz-Date`.
    pub(super) fn header(text: &str, scope: &Scope) -> Result<Self, AwsError> {
        match rfc2822::parse(text) {
            Ok(at) => Self::within(at.timestamp(), scope),
            Err(_) => Self::basic(text, scope),
        }
    }

    fn within(at: Timestamp, scope: &Scope) -> Result<Self, AwsError> {
        let text = stamp(at);
        if text.get(..8) == Some(&*scope.date) {
            return Ok(Self { at, text });
        }
        Err(mismatch(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from '{text}'.",
            scope.date,
            text.get(..8).unwrap_or_default(),
        )))
    }

    /// Checks that a signature that is good for `life` is current.
    pub(super) fn check(&self, life: SignedDuration, now: Timestamp) -> Result<(), AwsError> {
        let age = now.duration_since(self.at);
        if age > life {
            return Err(mismatch(format!(
                "Signature expired: {} is now earlier than {} ({} - {}.)",
                self.text,
                stamp(now - life),
                stamp(now),
                span(life),
            )));
        }
        if age < -CLOCK_SKEW {
            return Err(mismatch(format!(
                "Signature not yet current: {} is still later than {} ({} + {}.)",
                self.text,
                stamp(now + CLOCK_SKEW),
                stamp(now),
                span(CLOCK_SKEW),
            )));
        }
        Ok(())
    }
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn span(life: SignedDuration) -> String {
    match life.as_secs() {
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} sec"),
    }
}
