//! Batches are a part of Livy that is not built.

use super::error::LivyError;

/// Says so, for every address below `/batches`.
pub(super) async fn refuse() -> LivyError {
    LivyError::NotBuilt("batches are")
}
