//! What temporary credentials can't be used for, whatever policies say ("Comparing AWS STS
//! credentials" of the IAM User Guide).

use lakeward_wire::AwsError;

use crate::{Caller, caller::Kind};

impl Caller {
    /// Refuses the operations that are closed to the caller's kind of credentials.
    ///
    /// # Errors
    /// AWS's codes: IAM doesn't believe such a token at all, STS denies.
    pub(crate) fn check_reach(&self, service: &str, operation: &str) -> Result<(), AwsError> {
        let open: &[&str] = match &self.kind {
            // None of these sessions was made with MFA, which would open IAM to them.
            Kind::Root | Kind::User(_) if self.user_session.is_some() => {
                &["AssumeRole", "GetCallerIdentity"]
            }
            Kind::Federated { .. } => &["GetCallerIdentity"],
            _ => return Ok(()),
        };
        match service {
            "iam" => Err(AwsError::new(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid: IAM can't be called with credentials of GetSessionToken or GetFederationToken; sign with the user's own key, or assume a role",
            )),
            "sts" if !open.contains(&operation) => Err(AwsError::access_denied(format!(
                "Cannot call {operation} with session credentials"
            ))),
            _ => Ok(()),
        }
    }
}
