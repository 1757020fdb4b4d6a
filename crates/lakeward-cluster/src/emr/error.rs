//! What the EMR service refuses, with AWS's texts where they are known.

use lakeward_store::StoreError;
use lakeward_wire::AwsError;
use thiserror::Error;

/// Why an EMR operation was refused.
///
/// The older operations (`RunJobFlow`, `TerminateJobFlows`, `Set…`) answer `ValidationException`, the
/// newer ones `InvalidRequestException`; the messages are those AWS is known to send.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmrError {
    /// A cluster that isn't there, or belongs to another account or region: they look alike.
    #[error("Cluster id '{0}' is not valid.")]
    NoSuchCluster(String),
    /// A step that the cluster hasn't.
    #[error("Step id '{0}' is not valid.")]
    NoSuchStep(String),
    /// The same for the older operations.
    #[error("Specified job flow ID not valid")]
    NoSuchJobFlow,
    /// `TerminateJobFlows` on a protected cluster.
    #[error("Could not shut down one or more job flows since they are termination protected.")]
    TerminationProtected,
    /// A change to a cluster that is ending or has ended.
    #[error("A job flow that is shutting down, terminated, or finished may not be modified.")]
    Finished,
    /// An instance group that the cluster hasn't.
    #[error("Instance group id '{0}' is not valid.")]
    NoSuchInstanceGroup(String),
    /// An instance fleet that the cluster hasn't.
    #[error("Instance fleet id '{0}' is not valid.")]
    NoSuchInstanceFleet(String),
    /// A security configuration's name is taken.
    #[error("SecurityConfiguration with name '{0}' already exists.")]
    SecurityConfigurationExists(String),
    /// No security configuration of that name in the account and region.
    #[error("Security configuration with name '{0}' does not exist.")]
    NoSuchSecurityConfiguration(String),
    /// `RunJobFlow` names a security configuration that isn't there.
    #[error("Security configuration with name '{0}' does not exist.")]
    LaunchWithoutSecurityConfiguration(String),
    /// A field or value that AWS has and Lakeward doesn't, yet.
    #[error("{0} isn't supported by this release of Lakeward.")]
    Unsupported(String),
    /// The same, for the newer operations.
    #[error("{0} isn't supported by this release of Lakeward.")]
    UnsupportedRequest(String),
    /// Input of an older operation that breaks its rules.
    #[error("{0}")]
    Validation(String),
    /// Input of a newer operation that breaks its rules.
    #[error("{0}")]
    InvalidRequest(String),
    /// A `Marker` that no answer of this operation gave out.
    #[error("Marker '{0}' is not valid.")]
    InvalidMarker(String),
    /// All addresses of the cluster network are taken.
    #[error(
        "no address is left in the cluster network {0}: terminate a cluster or configure a wider network"
    )]
    NoAddress(String),
    /// The durable state failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another part of Lakeward answered in AWS's terms already.
    #[error("{}", .0.message)]
    Aws(AwsError),
}

impl EmrError {
    /// An `InvalidRequestException` with `message`.
    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::InvalidRequest(message.into())
    }

    /// A `ValidationException` with `message`.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::Validation(message.into())
    }

    /// The same refusal as the newer operations say it.
    pub(crate) fn of_newer_operation(self) -> Self {
        match self {
            Self::Unsupported(what) => Self::UnsupportedRequest(what),
            Self::Validation(message) => Self::InvalidRequest(message),
            Self::NoSuchJobFlow | Self::TerminationProtected | Self::Finished => {
                Self::InvalidRequest(self.to_string())
            }
            other => other,
        }
    }

    /// The same refusal as the older operations say it: none of them has an
    /// `InvalidRequestException`.
    pub(crate) fn of_older_operation(self) -> Self {
        match self {
            Self::NoSuchCluster(_) => Self::NoSuchJobFlow,
            Self::UnsupportedRequest(what) => Self::Unsupported(what),
            Self::InvalidRequest(message) => Self::Validation(message),
            Self::NoSuchInstanceGroup(_) | Self::NoSuchInstanceFleet(_) => {
                Self::Validation(self.to_string())
            }
            other => other,
        }
    }

    /// `InvalidRequestException`'s `ErrorCode`; none for a `ValidationException`, which has no such
    /// member. Of AWS's words only `NoSuchCluster` is known.
    fn request_code(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoSuchCluster(_) => "NoSuchCluster",
            Self::NoSuchStep(_) => "NoSuchStep",
            Self::NoSuchInstanceGroup(_) => "NoSuchInstanceGroup",
            Self::NoSuchInstanceFleet(_) => "NoSuchInstanceFleet",
            Self::SecurityConfigurationExists(_) => "SecurityConfigurationExists",
            Self::NoSuchSecurityConfiguration(_) => "NoSuchSecurityConfiguration",
            Self::UnsupportedRequest(_) => "Unsupported",
            Self::InvalidMarker(_) => "InvalidMarker",
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::NoSuchJobFlow
            | Self::TerminationProtected
            | Self::Finished
            | Self::LaunchWithoutSecurityConfiguration(_)
            | Self::Unsupported(_)
            | Self::Validation(_)
            | Self::NoAddress(_)
            | Self::Store(_)
            | Self::Aws(_) => return None,
        })
    }
}

impl From<AwsError> for EmrError {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

impl From<EmrError> for AwsError {
    fn from(error: EmrError) -> Self {
        let message = error.to_string();
        match error {
            EmrError::Aws(inner) => inner,
            EmrError::Store(cause) => lakeward_identity::unavailable(cause),
            refused => match refused.request_code() {
                Some(code) => Self::new(400, "InvalidRequestException", message)
                    .with_member("ErrorCode", code),
                None => Self::validation(message),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_request_has_an_error_code_and_a_validation_error_none() {
        let missing = AwsError::from(EmrError::NoSuchCluster("j-1".to_owned()));
        assert_eq!(missing.code, "InvalidRequestException");
        assert_eq!(missing.member(), Some(("ErrorCode", "NoSuchCluster")));
        let older = AwsError::from(EmrError::NoSuchCluster("j-1".to_owned()).of_older_operation());
        assert_eq!(older.code, "ValidationException");
        assert_eq!(older.member(), None);
        let unbuilt = EmrError::Unsupported("X".to_owned()).of_newer_operation();
        let unbuilt = AwsError::from(unbuilt);
        assert_eq!(unbuilt.member(), Some(("ErrorCode", "Unsupported")));
    }
}
