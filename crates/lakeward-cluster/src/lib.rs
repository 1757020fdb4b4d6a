//! EMR: clusters, security configurations and runtime-role credentials; and Livy and the Jupyter
//! gateway, through which notebooks reach the sessions that run on a cluster.
#![forbid(unsafe_code)]

pub mod administration;
pub mod emr;
pub mod jupyter;
pub mod livy;
mod opened;
mod pair;
mod servers;
mod visit;
