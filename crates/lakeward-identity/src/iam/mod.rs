//! The IAM service: users, groups, roles, their keys, policies, boundaries and tags.
//!
//! Names, limits and error codes follow the IAM API Reference.

mod account_aliases;
mod account_summary;
mod authorization_details;
mod boundaries;
mod error;
mod groups;
mod holder;
mod instance_profiles;
mod keys;
mod managed;
mod memberships;
mod naming;
mod oidc_providers;
mod paging;
mod policies;
mod roles;
mod service_linked_roles;
mod simulation;
mod tags;
mod target;
mod users;

use std::sync::Arc;

use lakeward_wire::Protocol;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::{Identity, Service};

pub(crate) use tags::{Tag, tag_list, tag_map};

/// The IAM service table.
#[must_use]
pub fn service(identity: &Arc<Identity>) -> Service {
    let protocol = Protocol::Query {
        version: "2010-05-08",
        namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
    };
    let service = Service::new("iam", protocol);
    let service = users::operations(service, identity);
    let service = groups::operations(service, identity);
    let service = memberships::operations(service, identity);
    let service = keys::operations(service, identity);
    let service = roles::operations(service, identity);
    let service = policies::operations(service, identity);
    let service = managed::operations(service, identity);
    let service = boundaries::operations(service, identity);
    let service = tags::operations(service, identity);
    let service = oidc_providers::operations(service, identity);
    let service = service_linked_roles::operations(service, identity);
    let service = account_aliases::operations(service, identity);
    let service = account_summary::operations(service, identity);
    let service = simulation::operations(service, identity);
    let service = authorization_details::operations(service, identity);
    instance_profiles::operations(service, identity)
}

/// An operation's output that carries nothing.
#[derive(Serialize)]
pub(crate) struct Nothing;

/// A document as IAM's answers carry it.
fn url_encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
