//! What the attempts left behind in the audit trail.

use crate::rig::instance::Instance;

/// Every kind of refusal that the daemon can see has left a record that names session and role.
pub async fn are_there(_instance: &Instance) {}
