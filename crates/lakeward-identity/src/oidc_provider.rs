use std::sync::Arc;

use jiff::Timestamp;
use lakeward_policy::Context;
use lakeward_store::{Record, Snapshot};
use serde::{Deserialize, Serialize};

use crate::inventory::{self, Tags};

/// An OpenID Connect identity provider of an account: whose tokens may be exchanged for sessions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OidcProvider {
    /// The owning account.
    pub account: String,
    /// The issuer, `https://host/path`, as its tokens name it.
    pub url: String,
    /// The clients (audiences) whose tokens are accepted.
    pub client_ids: Vec<String>,
    /// SHA-1 thumbprints, 40 hexadecimal digits. They are kept for the clients that manage them;
    /// what an issuer's certificate is checked against are the trusted roots.
    pub thumbprints: Vec<String>,
    /// Tags by key.
    pub tags: Tags,
    /// When it was made.
    pub created: Timestamp,
}

impl OidcProvider {
    /// The scheme of every issuer.
    pub(crate) const SCHEME: &'static str = "https://";

    /// `arn:aws:iam::account:oidc-provider/host/path`.
    #[must_use]
    pub fn arn(&self) -> String {
        Self::arn_of(&self.account, self.issuer())
    }

    pub(crate) fn arn_of(account: &str, issuer: &str) -> String {
        format!("arn:aws:iam::{account}:oidc-provider/{issuer}")
    }

    /// The issuer without its scheme, as ARNs and condition keys have it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.url.strip_prefix(Self::SCHEME).unwrap_or(&self.url)
    }

    /// Finds the provider of an account whose tokens name this issuer.
    pub(crate) fn of_issuer(snapshot: &Snapshot, account: &str, url: &str) -> Option<Arc<Self>> {
        let issuer = url.strip_prefix(Self::SCHEME)?;
        snapshot.get::<Self>(&Self::arn_of(account, issuer))
    }

    /// The `aws:ResourceTag/…` and `iam:ResourceTag/…` keys of a question about this provider.
    #[must_use]
    pub fn tag_context(&self) -> Context {
        inventory::resource_tags(&self.tags)
    }
}

impl Record for OidcProvider {
    const KIND: &'static str = "oidc-provider";

    fn key(&self) -> String {
        self.arn()
    }
}
