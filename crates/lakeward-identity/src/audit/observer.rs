use std::time::Duration;

use jiff::Timestamp;
use lakeward_wire::AwsError;

use super::Event;
use crate::Origin;

/// Is told of every request that leaves a record. Called before the answer leaves: it must not block.
pub trait Observer: Send + Sync {
    /// A request has come to its end.
    fn request(&self, request: &Observed<'_>);
}

/// A request, as far as it is counted.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The service's signing name.
    pub service: &'a str,
    /// The operation, as the caller named it: it may be none that there is.
    pub operation: &'a str,
    /// How it ended.
    pub outcome: RequestOutcome,
    /// From the reading of the request to its record, by the system's clock; an object's body is sent
    /// after that. None for guests, whose requests are recorded by another part of the system.
    pub took: Option<Duration>,
    /// Whether the record was written.
    pub is_recorded: bool,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// It was answered.
    Ok,
    /// The caller may not, or nobody knows who it is.
    Denied,
    /// The request was at fault otherwise.
    Refused,
    /// Lakeward was at fault.
    Failed,
}

impl RequestOutcome {
    /// Every outcome there is.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Denied, Self::Refused, Self::Failed];

    /// The outcome of a request that ended with `error`, or with none.
    #[must_use]
    pub fn of(error: Option<&AwsError>) -> Self {
        let Some(error) = error else {
            return Self::Ok;
        };
        match error.status.as_u16() {
            401 | 403 => Self::Denied,
            _ if error.is_access_denied() => Self::Denied,
            500.. => Self::Failed,
            _ => Self::Refused,
        }
    }

    /// One word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl<'a> Observed<'a> {
    pub(super) fn of(event: &Event<'a>, origin: Option<&Origin>) -> Self {
        let took = |origin: &Origin| {
            let took = Timestamp::now().duration_since(origin.at);
            // The system's clock may have been set back meanwhile.
            Duration::try_from(took).unwrap_or_default()
        };
        Self {
            service: event.service,
            operation: event.operation,
            outcome: RequestOutcome::of(event.error),
            took: origin.map(took),
            is_recorded: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_tell_whose_fault_it_was() {
        for (status, code, outcome) in [
            (400, "AccessDeniedException", RequestOutcome::Denied),
            (403, "SignatureDoesNotMatch", RequestOutcome::Denied),
            (401, "Unauthorized", RequestOutcome::Denied),
            (400, "ValidationException", RequestOutcome::Refused),
            (404, "NoSuchKey", RequestOutcome::Refused),
            (503, "ServiceUnavailable", RequestOutcome::Failed),
        ] {
            let error = AwsError::new(status, code, "no");
            assert_eq!(RequestOutcome::of(Some(&error)), outcome, "{code}");
        }
        assert_eq!(RequestOutcome::of(None), RequestOutcome::Ok);
    }
}
