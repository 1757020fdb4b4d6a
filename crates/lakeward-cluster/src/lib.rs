//! EMR: clusters, security configurations and runtime-role credentials; and Livy, through which
//! notebooks reach the sessions that run on a cluster.

pub mod administration;
pub mod emr;
pub mod livy;
