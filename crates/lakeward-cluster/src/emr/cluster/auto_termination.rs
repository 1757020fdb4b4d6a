//! The policy that ends an idle cluster.

use serde::Deserialize;

use crate::emr::error::EmrError;

const IDLE_SECONDS: std::ops::RangeInclusive<u32> = 60..=604_800;
const DEFAULT_IDLE_SECONDS: u32 = 3_600;

/// `AutoTerminationPolicy`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AutoTermination {
    pub idle_timeout: Option<u32>,
}

/// The seconds that a policy says, when there is one.
pub(crate) fn idle_timeout(policy: Option<AutoTermination>) -> Result<Option<u32>, EmrError> {
    let Some(policy) = policy else {
        return Ok(None);
    };
    let seconds = policy.idle_timeout.unwrap_or(DEFAULT_IDLE_SECONDS);
    if IDLE_SECONDS.contains(&seconds) {
        Ok(Some(seconds))
    } else {
        Err(EmrError::validation(
            "AutoTerminationPolicy.IdleTimeout must be between 60 and 604800 seconds.",
        ))
    }
}
