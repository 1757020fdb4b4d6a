use lakeward_store::StoreError;
use lakeward_wire::AwsError;

/// The answer to a call that needed the durable state and didn't get it: `ServiceUnavailable`, 503,
/// where waiting or making room helps, an internal failure otherwise. The cause goes to the log.
#[must_use]
pub fn unavailable(cause: StoreError) -> AwsError {
    let text = match &cause {
        StoreError::Unwritable(_) => {
            "The change was not made: the disk of the state is full or failing. Try again when there is room."
        }
        StoreError::Unavailable(_) => {
            "The change was not made: the database of the state cannot be reached. Try again when it is back."
        }
        StoreError::OutcomeUnknown(_) => {
            "Whether the change was made is not known: the database of the state was lost meanwhile. Look before you try again."
        }
        _ => return AwsError::internal(cause),
    };
    tracing::error!(%cause, "the state can't be changed");
    AwsError::new(503, "ServiceUnavailable", text)
}

/// Why a change did not happen: refused by a rule, or not committed.
#[derive(Debug)]
pub struct ChangeRefused(AwsError);

impl From<AwsError> for ChangeRefused {
    fn from(error: AwsError) -> Self {
        Self(error)
    }
}

impl From<StoreError> for ChangeRefused {
    fn from(error: StoreError) -> Self {
        Self(unavailable(error))
    }
}

impl From<ChangeRefused> for AwsError {
    fn from(refused: ChangeRefused) -> Self {
        refused.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_said_and_the_cause_is_not() {
        let inside = || "password of postgres://10.0.0.7".to_owned();
        for (cause, status, said) in [
            (
                StoreError::Unwritable(inside()),
                503,
                "was not made: the disk of the state is full",
            ),
            (
                StoreError::Unavailable(inside()),
                503,
                "was not made: the database of the state cannot be reached",
            ),
            (StoreError::OutcomeUnknown(inside()), 503, "is not known"),
            (StoreError::Unregistered("thing"), 500, "internal error"),
        ] {
            let answer = unavailable(cause);
            assert_eq!(answer.status.as_u16(), status, "{answer}");
            assert!(answer.message.contains(said), "{answer}");
            assert!(!answer.message.contains("10.0.0.7"), "{answer}");
            assert_eq!(
                answer.code == "ServiceUnavailable",
                status == 503,
                "{answer}"
            );
        }
    }
}
