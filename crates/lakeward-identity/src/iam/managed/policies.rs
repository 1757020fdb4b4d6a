//! `CreatePolicy`, `GetPolicy`, `ListPolicies`, `DeletePolicy`.

use std::{collections::BTreeMap, sync::Arc};

use lakeward_wire::{AwsError, iso};
use serde::{Deserialize, Serialize};

use super::{
    document, find, find_own,
    usage::{Purpose, Usage, Uses},
};
use crate::{
    Call, ChangeRefused, Identity, ManagedPolicy, PolicyVersion, Service, aws_managed_policies,
    iam::{
        Nothing, naming,
        paging::{self, End},
        tags::{Tag, tag_list, tag_map},
        target::Target,
    },
    identifier,
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreatePolicy", identity, create_policy)
        .operation("GetPolicy", identity, get_policy)
        .operation("ListPolicies", identity, list_policies)
        .operation("DeletePolicy", identity, delete_policy)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreatePolicy {
    policy_name: String,
    path: Option<String>,
    policy_document: String,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyArn {
    policy_arn: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
enum Scope {
    #[default]
    All,
    #[serde(rename = "AWS")]
    Aws,
    Local,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListPolicies {
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    only_attached: bool,
    path_prefix: Option<String>,
    policy_usage_filter: Option<Purpose>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyView {
    policy_name: String,
    policy_id: String,
    arn: String,
    path: String,
    default_version_id: String,
    attachment_count: u32,
    permissions_boundary_usage_count: u32,
    is_attachable: bool,
    description: Option<String>,
    create_date: String,
    update_date: String,
    tags: Option<Vec<Tag>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyAnswer {
    policy: PolicyView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyList {
    policies: Vec<PolicyView>,
    #[serde(flatten)]
    end: End,
}

impl PolicyView {
    /// Lists leave out descriptions and tags.
    fn listed(policy: &ManagedPolicy, uses: Uses) -> Self {
        Self {
            policy_name: policy.name.clone(),
            policy_id: policy.id.clone(),
            arn: policy.arn(),
            path: policy.path.clone(),
            default_version_id: format!("v{}", policy.default_version),
            attachment_count: uses.attached,
            permissions_boundary_usage_count: uses.boundary,
            is_attachable: true,
            description: None,
            create_date: iso(policy.created),
            update_date: iso(policy.updated),
            tags: None,
        }
    }

    fn whole(policy: &ManagedPolicy, uses: Uses) -> Self {
        Self {
            description: policy.description.clone(),
            tags: Some(tag_list(&policy.tags)),
            ..Self::listed(policy, uses)
        }
    }
}

async fn create_policy(
    identity: Arc<Identity>,
    call: Call,
    input: CreatePolicy,
) -> Result<PolicyAnswer, AwsError> {
    naming::check_name("policyName", &input.policy_name, 128)?;
    let path = naming::check_path(input.path)?;
    let tags = tag_map(input.tags)?;
    let arn = ManagedPolicy::arn_of(call.account(), &path, &input.policy_name);
    let target = Target::tagged(arn, &tags);
    let _permit = target.clone().authorize(&call, "iam:CreatePolicy")?;
    if !tags.is_empty() {
        let _tags = target.authorize(&call, "iam:TagPolicy")?;
    }
    let (policy, created) = (document(input.policy_document)?, call.now());
    let policy = ManagedPolicy {
        account: call.account().to_owned(),
        id: identifier::unique("ANPA", identifier::UNIQUE_LENGTH),
        name: input.policy_name,
        path,
        description: input
            .description
            .map(naming::check_description)
            .transpose()?,
        versions: BTreeMap::from([(1, PolicyVersion { policy, created })]),
        default_version: 1,
        latest_version: 1,
        tags,
        created,
        updated: created,
    };
    let answer = PolicyAnswer {
        policy: PolicyView::whole(&policy, Uses::default()),
    };
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let own = ManagedPolicy::of_account(change, &policy.account);
            if own
                .iter()
                .any(|own| own.name.eq_ignore_ascii_case(&policy.name))
            {
                return Err(taken(&policy.name).into());
            }
            change.put(policy);
            Ok(())
        })
        .await?;
    Ok(answer)
}

fn taken(name: &str) -> AwsError {
    AwsError::new(
        409,
        "EntityAlreadyExists",
        format!("A policy called {name} already exists. Duplicate names are not allowed."),
    )
}

async fn get_policy(
    _identity: Arc<Identity>,
    call: Call,
    input: PolicyArn,
) -> Result<PolicyAnswer, AwsError> {
    let _permit = Target::policy(&call, &input.policy_arn).authorize(&call, "iam:GetPolicy")?;
    let policy = find(call.snapshot(), &input.policy_arn)?;
    let uses = Usage::in_account(call.snapshot(), call.account()).of(&input.policy_arn);
    Ok(PolicyAnswer {
        policy: PolicyView::whole(&policy, uses),
    })
}

async fn list_policies(
    _identity: Arc<Identity>,
    call: Call,
    input: ListPolicies,
) -> Result<PolicyList, AwsError> {
    let _permit = Target::new("*".to_owned()).authorize(&call, "iam:ListPolicies")?;
    let usage = Usage::in_account(call.snapshot(), call.account());
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let wanted = |policy: &Arc<ManagedPolicy>| {
        let uses = usage.of(&policy.arn());
        policy.path.starts_with(prefix)
            && (!input.only_attached || uses.any())
            && input
                .policy_usage_filter
                .is_none_or(|purpose| uses.of(purpose) > 0)
    };
    let mut policies: Vec<Arc<ManagedPolicy>> = Vec::new();
    if input.scope != Scope::Aws {
        policies.extend(ManagedPolicy::of_account(call.snapshot(), call.account()));
    }
    if input.scope != Scope::Local {
        policies.extend(aws_managed_policies::all().cloned());
    }
    let list = format!("ListPolicies {} {prefix} {:?}", call.account(), input.scope);
    let page = paging::cut(
        &list,
        input.marker.as_deref(),
        input.max_items,
        policies.into_iter().filter(wanted),
        |policy| policy.arn(),
    )?;
    let (policies, end) = page.show(|policy| PolicyView::listed(&policy, usage.of(&policy.arn())));
    Ok(PolicyList { policies, end })
}

async fn delete_policy(
    identity: Arc<Identity>,
    call: Call,
    input: PolicyArn,
) -> Result<Nothing, AwsError> {
    let arn = input.policy_arn;
    let _permit = Target::policy(&call, &arn).authorize(&call, "iam:DeletePolicy")?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let policy = find_own(change, &account, &arn)?;
            if Usage::in_account(change, &account).of(&arn).any() {
                return Err(conflict("Cannot delete a policy attached to entities.").into());
            }
            if policy.versions.len() > 1 {
                return Err(conflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.").into());
            }
            change.delete::<ManagedPolicy>(&arn);
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

pub(super) fn conflict(message: &str) -> AwsError {
    AwsError::new(409, "DeleteConflict", message)
}
