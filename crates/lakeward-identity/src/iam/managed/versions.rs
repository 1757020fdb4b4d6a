//! The versions of a managed policy, of which one is in force.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_wire::{AwsError, iso};
use serde::{Deserialize, Serialize};

use super::{document, find, find_own, policies::conflict};
use crate::{
    Call, ChangeRefused, Identity, ManagedPolicy, PolicyVersion, Service,
    iam::{
        Nothing, error,
        paging::{self, End},
        target::Target,
        url_encoded,
    },
};

/// Versions that are kept at once ("IAM and AWS STS quotas").
const MOST: usize = 5;

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreatePolicyVersion", identity, create)
        .operation("GetPolicyVersion", identity, get)
        .operation("ListPolicyVersions", identity, list)
        .operation("SetDefaultPolicyVersion", identity, set_default)
        .operation("DeletePolicyVersion", identity, delete)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    policy_arn: String,
    policy_document: String,
    #[serde(default)]
    set_as_default: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    policy_arn: String,
    version_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    policy_arn: String,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VersionView {
    document: Option<String>,
    version_id: String,
    is_default_version: bool,
    create_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VersionAnswer {
    policy_version: VersionView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VersionList {
    versions: Vec<VersionView>,
    #[serde(flatten)]
    end: End,
}

impl VersionView {
    /// Only `GetPolicyVersion` shows the document.
    fn listed(policy: &ManagedPolicy, number: u32, created: Timestamp) -> Self {
        Self {
            document: None,
            version_id: format!("v{number}"),
            is_default_version: policy.default_version == number,
            create_date: iso(created),
        }
    }
}

/// The number of a version id such as `v2`.
fn number(id: &str) -> Result<u32, AwsError> {
    let digits = id.strip_prefix('v').filter(|digits| {
        digits.starts_with(|c: char| ('1'..='9').contains(&c))
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        error::invalid(format!(
            "1 validation error detected: Value '{id}' at 'versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?"
        ))
    })
}

fn no_such(arn: &str, id: &str) -> AwsError {
    AwsError::new(
        404,
        "NoSuchEntity",
        format!("Policy {arn} version {id} does not exist or is not attachable."),
    )
}

async fn create(
    identity: Arc<Identity>,
    call: Call,
    input: Create,
) -> Result<VersionAnswer, AwsError> {
    let arn = input.policy_arn;
    let _permit = Target::policy(&call, &arn).authorize(&call, "iam:CreatePolicyVersion")?;
    let version = PolicyVersion {
        policy: document(input.policy_document)?,
        created: call.now(),
    };
    let (account, as_default) = (call.account().to_owned(), input.set_as_default);
    let policy = identity
        .store()
        .change(|change| -> Result<ManagedPolicy, ChangeRefused> {
            let mut policy = find_own(change, &account, &arn)?;
            add(&mut policy, version, as_default)?;
            change.put(policy.clone());
            Ok(policy)
        })
        .await?;
    Ok(VersionAnswer {
        policy_version: VersionView::listed(&policy, policy.latest_version, call.now()),
    })
}

fn add(policy: &mut ManagedPolicy, version: PolicyVersion, default: bool) -> Result<(), AwsError> {
    if policy.versions.len() >= MOST {
        return Err(AwsError::new(
            409,
            "LimitExceeded",
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
        ));
    }
    policy.latest_version = policy.latest_version.saturating_add(1);
    if default {
        policy.default_version = policy.latest_version;
        policy.updated = version.created;
    }
    policy.versions.insert(policy.latest_version, version);
    Ok(())
}

async fn get(
    _identity: Arc<Identity>,
    call: Call,
    input: Version,
) -> Result<VersionAnswer, AwsError> {
    let target = Target::policy(&call, &input.policy_arn);
    let _permit = target.authorize(&call, "iam:GetPolicyVersion")?;
    let number = number(&input.version_id)?;
    let policy = find(call.snapshot(), &input.policy_arn)?;
    let version = policy
        .versions
        .get(&number)
        .ok_or_else(|| no_such(&input.policy_arn, &input.version_id))?;
    Ok(VersionAnswer {
        policy_version: VersionView {
            document: Some(url_encoded(version.policy.text())),
            ..VersionView::listed(&policy, number, version.created)
        },
    })
}

/// The newest version comes first.
async fn list(
    _identity: Arc<Identity>,
    call: Call,
    input: Listing,
) -> Result<VersionList, AwsError> {
    let target = Target::policy(&call, &input.policy_arn);
    let _permit = target.authorize(&call, "iam:ListPolicyVersions")?;
    let policy = find(call.snapshot(), &input.policy_arn)?;
    let list = format!("ListPolicyVersions {}", input.policy_arn);
    let key = |(number, _): &(&u32, &PolicyVersion)| format!("{:010}", u32::MAX - **number);
    let (marker, versions) = (input.marker.as_deref(), policy.versions.iter().rev());
    let (versions, end) = paging::cut(&list, marker, input.max_items, versions, key)?
        .show(|(number, version)| VersionView::listed(&policy, *number, version.created));
    Ok(VersionList { versions, end })
}

async fn set_default(
    identity: Arc<Identity>,
    call: Call,
    input: Version,
) -> Result<Nothing, AwsError> {
    let target = Target::policy(&call, &input.policy_arn);
    let _permit = target.authorize(&call, "iam:SetDefaultPolicyVersion")?;
    let number = number(&input.version_id)?;
    let (account, now) = (call.account().to_owned(), call.now());
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let mut policy = find_own(change, &account, &input.policy_arn)?;
            if !policy.versions.contains_key(&number) {
                return Err(no_such(&input.policy_arn, &input.version_id).into());
            }
            policy.default_version = number;
            policy.updated = now;
            change.put(policy);
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

async fn delete(identity: Arc<Identity>, call: Call, input: Version) -> Result<Nothing, AwsError> {
    let target = Target::policy(&call, &input.policy_arn);
    let _permit = target.authorize(&call, "iam:DeletePolicyVersion")?;
    let number = number(&input.version_id)?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let mut policy = find_own(change, &account, &input.policy_arn)?;
            if policy.default_version == number {
                return Err(conflict("Cannot delete the default version of a policy.").into());
            }
            if policy.versions.remove(&number).is_none() {
                return Err(no_such(&input.policy_arn, &input.version_id).into());
            }
            change.put(policy);
            Ok(())
        })
        .await?;
    Ok(Nothing)
}
