use serde::{Deserialize, Serialize};

/// The names of everything in the example, all from one stack name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stack {
    /// The stack's name, the beginning of all others.
    pub name: String,
    /// The account it is in.
    pub account: String,
    /// The region it is in.
    pub region: String,
}

/// David sees customers without what is sensitive about them.
pub(super) const DAVID: &str = "david-non-sensitive-customer";
/// Tina sees sales, and products, each under its own role.
pub(super) const TINA: &str = "tina-sales-electronics";
/// The key of the zip with the cluster's certificate.
pub(super) const CERTIFICATE: &str = "certificates/emr.zip";
/// The Glue database.
pub(super) const DATABASE: &str = "tpc";

impl Stack {
    /// `marketing`, `sales` or `electronics` as a role name.
    #[must_use]
    pub fn runtime_role(&self, purpose: &str) -> String {
        format!("{}-{purpose}-data-access-role", self.name)
    }

    /// The ARN of a role in this account.
    #[must_use]
    pub fn role_arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:role/{name}", self.account)
    }

    /// The ARN of a user in this account.
    #[must_use]
    pub fn user_arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:user/{name}", self.account)
    }

    /// The Studio execution role of a user profile.
    #[must_use]
    pub fn studio_role(&self, user_profile: &str) -> String {
        format!("{}-studio-{user_profile}", self.name)
    }

    /// The role that the cluster's machines hold.
    #[must_use]
    pub fn instance_role(&self) -> String {
        format!("{}-emr-ec2-role", self.name)
    }

    /// The cluster's instance profile.
    #[must_use]
    pub fn instance_profile(&self) -> String {
        format!("{}-emr-ec2-profile", self.name)
    }

    /// EMR's service role.
    #[must_use]
    pub fn service_role(&self) -> String {
        format!("{}-emr-service-role", self.name)
    }

    /// The cluster's name.
    #[must_use]
    pub fn cluster(&self) -> String {
        format!("{}-emr-cluster", self.name)
    }

    /// The security configuration's name.
    #[must_use]
    pub fn security_configuration(&self) -> String {
        format!("{}-runtime-roles", self.name)
    }

    /// The bucket for what clusters need: `certificates/`, the `programs/` of steps, and `logs/`.
    #[must_use]
    pub fn cluster_bucket(&self) -> String {
        format!("{}-emr-{}", self.name, self.account)
    }

    /// Where the zip with the cluster's certificate is.
    #[must_use]
    pub fn certificate_uri(&self) -> String {
        format!("s3://{}/{CERTIFICATE}", self.cluster_bucket())
    }

    /// The lake's bucket.
    #[must_use]
    pub fn bucket(&self) -> String {
        format!("{}-lake-{}", self.name, self.account)
    }
}
