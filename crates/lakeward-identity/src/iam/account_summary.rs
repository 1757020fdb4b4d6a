//! How many of everything an account has, and may have.

use std::{collections::BTreeMap, sync::Arc};

use lakeward_store::Snapshot;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::target::Target;
use crate::{
    AccessKey, Call, Group, Identity, InstanceProfile, ManagedPolicy, OidcProvider, Role, Service,
    User,
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service.operation("GetAccountSummary", identity, get)
}

/// The quotas of "IAM and AWS STS quotas", and what this server never has.
const FIXED: [(&str, usize); 24] = [
    ("AccessKeysPerUserQuota", 2),
    ("AccountMFAEnabled", 0),
    ("AccountPasswordPresent", 0),
    ("AccountSigningCertificatesPresent", 0),
    ("AssumeRolePolicySizeQuota", 2048),
    ("AttachedPoliciesPerGroupQuota", 10),
    ("AttachedPoliciesPerRoleQuota", 10),
    ("AttachedPoliciesPerUserQuota", 10),
    ("GlobalEndpointTokenVersion", 2),
    ("GroupPolicySizeQuota", 5120),
    ("GroupsPerUserQuota", 10),
    ("GroupsQuota", 300),
    ("InstanceProfilesQuota", 1000),
    ("MFADevices", 0),
    ("MFADevicesInUse", 0),
    ("PoliciesQuota", 1500),
    ("PolicySizeQuota", 6144),
    ("PolicyVersionsInUseQuota", 10_000),
    ("RolePolicySizeQuota", 10_240),
    ("RolesQuota", 1000),
    ("ServerCertificates", 0),
    ("ServerCertificatesQuota", 20),
    ("SigningCertificatesPerUserQuota", 2),
    ("UserPolicySizeQuota", 2048),
];

#[derive(Deserialize)]
struct NoInput {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SummaryAnswer {
    summary_map: SummaryMap,
}

/// A map, as the query protocol writes it.
#[derive(Serialize)]
struct SummaryMap {
    entry: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    key: &'static str,
    value: usize,
}

async fn get(
    _identity: Arc<Identity>,
    call: Call,
    _input: NoInput,
) -> Result<SummaryAnswer, AwsError> {
    let _permit = Target::new("*".to_owned()).authorize(&call, "iam:GetAccountSummary")?;
    let mut all = BTreeMap::from(FIXED);
    all.extend([("UsersQuota", 5000), ("VersionsPerPolicyQuota", 5)]);
    all.extend(counted(call.snapshot(), call.account()));
    let entry = all
        .into_iter()
        .map(|(key, value)| Entry { key, value })
        .collect();
    Ok(SummaryAnswer {
        summary_map: SummaryMap { entry },
    })
}

fn counted(snapshot: &Snapshot, account: &str) -> [(&'static str, usize); 8] {
    let within = format!("{account}/");
    let providers = OidcProvider::arn_of(account, "");
    let policies = ManagedPolicy::of_account(snapshot, account);
    let versions = policies.iter().map(|policy| policy.versions.len()).sum();
    let keys = snapshot.scan::<AccessKey>("");
    let root_has_key = keys
        .iter()
        .any(|key| key.account == account && key.user.is_none());
    [
        ("Users", snapshot.scan::<User>(&within).len()),
        ("Groups", snapshot.scan::<Group>(&within).len()),
        ("Roles", snapshot.scan::<Role>(&within).len()),
        (
            "InstanceProfiles",
            snapshot.scan::<InstanceProfile>(&within).len(),
        ),
        ("Providers", snapshot.scan::<OidcProvider>(&providers).len()),
        ("Policies", policies.len()),
        ("PolicyVersionsInUse", versions),
        ("AccountAccessKeysPresent", usize::from(root_has_key)),
    ]
}
