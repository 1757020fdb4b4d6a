//! AWS Organizations: accounts in a tree, and the policies that limit them.
//!
//! The limits are those of ["Service control policies"] and ["Resource control policies"] of the
//! AWS Organizations User Guide: they bind member accounts, their roots too, and never the
//! management account.
//!
//! ["Service control policies"]: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
//! ["Resource control policies"]: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html

mod account_request;
mod api;
mod attachment;
mod context;
pub(crate) mod control;
mod error;
mod handshake;
mod membership;
mod naming;
mod organization;
mod policy;
mod resource_tags;
mod tree;
mod unit;

pub use account_request::AccountRequest;
pub use api::service;
pub use attachment::Attachments;
pub use handshake::{Handshake, HandshakeState};
pub use membership::{JoinedMethod, Membership};
pub use organization::Organization;
pub use policy::{OrganizationPolicy, PolicyType};
pub use resource_tags::ResourceTags;
pub use unit::OrganizationalUnit;

pub(crate) use context::{principal_context, resource_context};
