use std::sync::{Arc, LazyLock};

use lakeward_policy::MalformedPolicy;
use lakeward_store::{Record, Snapshot};
use serde::{Deserialize, Serialize};

use super::Organization;
use crate::StoredPolicy;

/// What a policy of an organization limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PolicyType {
    /// What the principals of an account may do.
    ServiceControlPolicy,
    /// What may be done to the resources of an account.
    ResourceControlPolicy,
}

impl PolicyType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ServiceControlPolicy, Self::ResourceControlPolicy];

    /// As the API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ServiceControlPolicy => "SERVICE_CONTROL_POLICY",
            Self::ResourceControlPolicy => "RESOURCE_CONTROL_POLICY",
        }
    }

    /// AWS's own policy of this type, which every target has at first.
    pub(crate) fn full_access(self) -> &'static str {
        match self {
            Self::ServiceControlPolicy => "p-FullAWSAccess",
            Self::ResourceControlPolicy => "p-RCPFullAWSAccess",
        }
    }

    /// Takes a text of this type.
    pub(crate) fn parse(self, text: String) -> Result<StoredPolicy, MalformedPolicy> {
        match self {
            Self::ServiceControlPolicy => StoredPolicy::service_control(text),
            Self::ResourceControlPolicy => StoredPolicy::resource_control(text),
        }
    }
}

/// A service control policy or resource control policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrganizationPolicy {
    /// The organization; `aws` for AWS's own.
    pub organization: String,
    /// `p-…`
    pub id: String,
    /// What it limits.
    pub kind: PolicyType,
    /// The name; unique within the organization.
    pub name: String,
    /// Free text.
    pub description: String,
    /// The document.
    pub policy: StoredPolicy,
}

impl OrganizationPolicy {
    /// A policy of an organization, or one of AWS's own, by its id.
    #[must_use]
    pub fn find(snapshot: &Snapshot, organization: &str, id: &str) -> Option<Arc<Self>> {
        AWS_MANAGED
            .iter()
            .find(|own| own.id == id)
            .cloned()
            .or_else(|| snapshot.get::<Self>(&format!("{organization}/{id}")))
    }

    /// AWS's own and the organization's.
    pub(crate) fn all(snapshot: &Snapshot, organization: &str) -> Vec<Arc<Self>> {
        let own = snapshot.scan::<Self>(&format!("{organization}/"));
        AWS_MANAGED.iter().cloned().chain(own).collect()
    }

    /// True for `FullAWSAccess` and `RCPFullAWSAccess`, which nobody changes.
    #[must_use]
    pub fn is_aws_managed(&self) -> bool {
        self.organization == "aws"
    }

    /// `arn:aws:organizations::management:policy/o-…/type/p-…`.
    #[must_use]
    pub fn arn(&self, organization: &Organization) -> String {
        arn(organization, self.kind, &self.id)
    }
}

/// The ARN of a policy that need not exist.
pub(crate) fn arn(organization: &Organization, kind: PolicyType, id: &str) -> String {
    let kind_name = kind.name().to_ascii_lowercase();
    if id == kind.full_access() {
        return format!("arn:aws:organizations::aws:policy/{kind_name}/{id}");
    }
    format!(
        "arn:aws:organizations::{}:policy/{}/{kind_name}/{id}",
        organization.management_account, organization.id
    )
}

impl Record for OrganizationPolicy {
    const KIND: &'static str = "organization-policy";

    fn key(&self) -> String {
        format!("{}/{}", self.organization, self.id)
    }
}

const FULL_SERVICE: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "*",
      "Resource": "*"
    }
  ]
}"#;

const FULL_RESOURCE: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": "*",
      "Action": "*",
      "Resource": "*"
    }
  ]
}"#;

/// One that didn't parse would be missing here, and what is attached but missing denies.
static AWS_MANAGED: LazyLock<Vec<Arc<OrganizationPolicy>>> = LazyLock::new(|| {
    let make = |kind: PolicyType, name: &str, description: &str, text: &str| {
        let policy = kind.parse(text.to_owned()).ok()?;
        Some(Arc::new(OrganizationPolicy {
            organization: "aws".to_owned(),
            id: kind.full_access().to_owned(),
            kind,
            name: name.to_owned(),
            description: description.to_owned(),
            policy,
        }))
    };
    [
        make(
            PolicyType::ServiceControlPolicy,
            "FullAWSAccess",
            "Allows access to every operation",
            FULL_SERVICE,
        ),
        make(
            PolicyType::ResourceControlPolicy,
            "RCPFullAWSAccess",
            "Allow all access",
            FULL_RESOURCE,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
});
