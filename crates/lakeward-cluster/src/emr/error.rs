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

    /// What isn't supported, as the newer operations say it.
    pub(crate) fn of_newer_operation(self) -> Self {
        match self {
            Self::Unsupported(_) => Self::InvalidRequest(self.to_string()),
            other => other,
        }
    }
}

impl From<AwsError> for EmrError {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

impl From<EmrError> for AwsError {
    fn from(error: EmrError) -> Self {
        let code = match error {
            EmrError::Aws(inner) => return inner,
            EmrError::Store(cause) => return lakeward_identity::unavailable(cause),
            EmrError::NoSuchJobFlow
            | EmrError::TerminationProtected
            | EmrError::Finished
            | EmrError::LaunchWithoutSecurityConfiguration(_)
            | EmrError::Unsupported(_)
            | EmrError::Validation(_)
            | EmrError::NoAddress(_) => "ValidationException",
            EmrError::NoSuchCluster(_)
            | EmrError::NoSuchStep(_)
            | EmrError::NoSuchInstanceGroup(_)
            | EmrError::NoSuchInstanceFleet(_)
            | EmrError::UnsupportedRequest(_)
            | EmrError::SecurityConfigurationExists(_)
            | EmrError::NoSuchSecurityConfiguration(_)
            | EmrError::InvalidRequest(_)
            | EmrError::InvalidMarker(_) => "InvalidRequestException",
        };
        Self::new(400, code, error.to_string())
    }
}
