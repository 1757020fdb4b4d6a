//! Each live cluster has an address of its own, so that its services keep their usual ports.

use std::{collections::BTreeSet, net::Ipv4Addr};

use ipnet::Ipv4Net;
use lakeward_store::Snapshot;

use crate::emr::{cluster::Cluster, error::EmrError};

/// The lowest address of `network` that no live cluster has.
pub(crate) fn allocate(network: Ipv4Net, snapshot: &Snapshot) -> Result<Ipv4Addr, EmrError> {
    let taken: BTreeSet<Ipv4Addr> = snapshot
        .scan::<Cluster>("")
        .iter()
        .filter(|cluster| !cluster.state.is_over())
        .map(|cluster| cluster.address)
        .collect();
    network
        .hosts()
        .find(|address| !taken.contains(address))
        .ok_or_else(|| EmrError::NoAddress(network.to_string()))
}
