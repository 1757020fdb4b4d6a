//! Who is calling, and may they: IAM, STS, the authorizer and the audit trail.
//!
//! A request becomes a [`Call`]: a verified signature, the principal behind the key, and the only
//! way to a decision. Handlers ask with [`Call::authorize`]; the dispatcher ([`Front`]) refuses to
//! answer a handler that never asked.
#![forbid(unsafe_code)]

mod access_key;
mod account;
pub mod audit;
mod authorizer;
mod aws_managed_policies;
mod call;
mod caller;
pub mod cloudtrail;
pub mod explain;
mod front;
mod group;
pub mod iam;
mod identifier;
mod identity;
mod instance_profile;
mod inventory;
mod kept_caller;
mod key_usage;
mod managed_policy;
mod oidc_provider;
pub mod organizations;
mod principals;
mod refusal;
mod role;
mod service;
mod session;
mod standing;
mod stored_policy;
mod sts;
mod token;
mod user;

pub use access_key::{AccessKey, KeyStatus};
pub use account::Account;
pub use audit::{AuditTrail, Event};
pub use call::{Call, Origin, Permit};
pub use caller::{Caller, RoleSession};
pub use front::Front;
pub use group::Group;
pub use identity::{AuthenticationFailure, Identity};
pub use instance_profile::InstanceProfile;
pub use kept_caller::KeptCaller;
pub use managed_policy::{ManagedPolicy, PolicyVersion};
pub use oidc_provider::OidcProvider;
pub use principals::{UnknownPrincipal, unique_id};
pub use refusal::{ChangeRefused, unavailable};
pub use role::Role;
pub use service::Service;
pub use session::WebIdentity;
pub use stored_policy::StoredPolicy;
pub use sts::{
    AssumeRole, IssuerNetwork, IssuerNetworkError, OnBehalfOf, RoleCredentials, ServiceSession,
    service as sts_service,
};
pub use user::User;

use lakeward_store::Schema;

/// Registers the record types of this crate.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    schema
        .record::<Account>()
        .record::<AccessKey>()
        .record::<User>()
        .record::<Role>()
        .record::<Group>()
        .record::<ManagedPolicy>()
        .record::<InstanceProfile>()
        .record::<organizations::Organization>()
        .record::<organizations::OrganizationalUnit>()
        .record::<organizations::Membership>()
        .record::<organizations::OrganizationPolicy>()
        .record::<organizations::Attachments>()
        .record::<organizations::AccountRequest>()
        .record::<organizations::ResourceTags>()
        .record::<organizations::Handshake>()
        .record::<OidcProvider>()
        .record::<token::SigningKey>()
}
