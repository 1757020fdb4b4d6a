//! EMR: clusters, security configurations and runtime-role credentials; Livy and the sessions
//! that run on a cluster.

pub mod emr;
pub mod livy;
pub mod session;
