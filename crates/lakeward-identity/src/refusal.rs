use lakeward_store::StoreError;
use lakeward_wire::AwsError;

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
        Self(AwsError::internal(error))
    }
}

impl From<ChangeRefused> for AwsError {
    fn from(refused: ChangeRefused) -> Self {
        refused.0
    }
}
