//! The operations of AWS Organizations. Names, limits and error codes follow its API Reference.

mod accounts;
mod attachments;
mod entry;
mod handshakes;
mod lifecycle;
mod paging;
mod places;
mod policies;
mod policy_types;
mod tags;
mod units;
mod visit;

use std::sync::Arc;

use lakeward_wire::Protocol;

use crate::{Identity, Service};

/// The Organizations service table.
#[must_use]
pub fn service(identity: &Arc<Identity>) -> Service {
    let protocol = Protocol::AwsJson {
        target: "AWSOrganizationsV20161128",
    };
    let service = Service::new("organizations", protocol);
    let service = lifecycle::operations(service, identity);
    let service = accounts::operations(service, identity);
    let service = units::operations(service, identity);
    let service = places::operations(service, identity);
    let service = policy_types::operations(service, identity);
    let service = policies::operations(service, identity);
    let service = attachments::operations(service, identity);
    let service = tags::operations(service, identity);
    handshakes::operations(service, identity)
}
