//! Inline policies of users, roles and groups: the same four operations for each.

use std::sync::Arc;

use lakeward_policy::Quota;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    Nothing, error,
    holder::{Holder, HolderName},
    naming,
    paging::{self, End},
    url_encoded,
};
use crate::{Call, Identity, Service, StoredPolicy, inventory::InlinePolicies};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    let service = of_users(service, identity);
    let service = of_roles(service, identity);
    of_groups(service, identity)
}

fn of_users(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("PutUserPolicy", identity, |i, c, input: Put| {
            put(i, c, input, Holder::User)
        })
        .operation("GetUserPolicy", identity, |i, c, input: Named| {
            get(i, c, input, Holder::User)
        })
        .operation("ListUserPolicies", identity, |i, c, input: Listing| {
            list(i, c, input, Holder::User)
        })
        .operation("DeleteUserPolicy", identity, |i, c, input: Named| {
            delete(i, c, input, Holder::User)
        })
}

fn of_roles(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("PutRolePolicy", identity, |i, c, input: Put| {
            put(i, c, input, Holder::Role)
        })
        .operation("GetRolePolicy", identity, |i, c, input: Named| {
            get(i, c, input, Holder::Role)
        })
        .operation("ListRolePolicies", identity, |i, c, input: Listing| {
            list(i, c, input, Holder::Role)
        })
        .operation("DeleteRolePolicy", identity, |i, c, input: Named| {
            delete(i, c, input, Holder::Role)
        })
}

fn of_groups(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("PutGroupPolicy", identity, |i, c, input: Put| {
            put(i, c, input, Holder::Group)
        })
        .operation("GetGroupPolicy", identity, |i, c, input: Named| {
            get(i, c, input, Holder::Group)
        })
        .operation("ListGroupPolicies", identity, |i, c, input: Listing| {
            list(i, c, input, Holder::Group)
        })
        .operation("DeleteGroupPolicy", identity, |i, c, input: Named| {
            delete(i, c, input, Holder::Group)
        })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    #[serde(
        rename = "UserName|RoleName|GroupName",
        alias = "UserName",
        alias = "RoleName",
        alias = "GroupName"
    )]
    holder: String,
    policy_name: String,
    policy_document: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    #[serde(
        rename = "UserName|RoleName|GroupName",
        alias = "UserName",
        alias = "RoleName",
        alias = "GroupName"
    )]
    holder: String,
    policy_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(
        rename = "UserName|RoleName|GroupName",
        alias = "UserName",
        alias = "RoleName",
        alias = "GroupName"
    )]
    holder: String,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyAnswer {
    #[serde(flatten)]
    holder: HolderName,
    policy_name: String,
    policy_document: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyNames {
    policy_names: Vec<String>,
    #[serde(flatten)]
    end: End,
}

impl Holder {
    fn inline_action(self, verb: &str, noun: &str) -> String {
        format!("iam:{verb}{}{noun}", self.noun())
    }

    fn inline_quota(self) -> Quota {
        match self {
            Self::User => Quota::UserPolicies,
            Self::Group => Quota::GroupPolicies,
            Self::Role => Quota::RolePolicies,
        }
    }

    fn no_such_policy(self, name: &str) -> AwsError {
        error::no_such(&format!("{} policy", self.noun().to_lowercase()), name)
    }

    fn check_quota(self, name: &str, policies: &InlinePolicies) -> Result<(), AwsError> {
        let texts = policies.values().map(StoredPolicy::text);
        error::check_quota(self.inline_quota(), texts, name)
    }
}

async fn put(
    identity: Arc<Identity>,
    call: Call,
    input: Put,
    holder: Holder,
) -> Result<Nothing, AwsError> {
    let target = holder.target(&call, &input.holder);
    let _permit = target.authorize(&call, &holder.inline_action("Put", "Policy"))?;
    naming::check_name("policyName", &input.policy_name, 128)?;
    let policy = StoredPolicy::identity(input.policy_document).map_err(error::malformed)?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| {
            holder.edit(change, &account, &input.holder, |held| {
                held.policies.insert(input.policy_name, policy);
                holder.check_quota(&input.holder, held.policies)
            })
        })
        .await?;
    Ok(Nothing)
}

async fn get(
    _identity: Arc<Identity>,
    call: Call,
    input: Named,
    holder: Holder,
) -> Result<PolicyAnswer, AwsError> {
    let target = holder.target(&call, &input.holder);
    let _permit = target.authorize(&call, &holder.inline_action("Get", "Policy"))?;
    let held = holder.find(call.snapshot(), call.account(), &input.holder)?;
    let policy = held
        .policies()
        .get(&input.policy_name)
        .ok_or_else(|| holder.no_such_policy(&input.policy_name))?;
    Ok(PolicyAnswer {
        holder: held.name(),
        policy_document: url_encoded(policy.text()),
        policy_name: input.policy_name,
    })
}

async fn list(
    _identity: Arc<Identity>,
    call: Call,
    input: Listing,
    holder: Holder,
) -> Result<PolicyNames, AwsError> {
    let target = holder.target(&call, &input.holder);
    let _permit = target.authorize(&call, &holder.inline_action("List", "Policies"))?;
    let held = holder.find(call.snapshot(), call.account(), &input.holder)?;
    let noun = holder.noun();
    let list = format!("List{noun}Policies {} {}", call.account(), input.holder);
    let (marker, names) = (input.marker.as_deref(), held.policies().keys().cloned());
    let page = paging::cut(&list, marker, input.max_items, names, String::clone)?;
    Ok(PolicyNames {
        policy_names: page.items,
        end: page.end,
    })
}

async fn delete(
    identity: Arc<Identity>,
    call: Call,
    input: Named,
    holder: Holder,
) -> Result<Nothing, AwsError> {
    let target = holder.target(&call, &input.holder);
    let _permit = target.authorize(&call, &holder.inline_action("Delete", "Policy"))?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| {
            holder.edit(change, &account, &input.holder, |held| {
                match held.policies.remove(&input.policy_name) {
                    Some(_) => Ok(()),
                    None => Err(holder.no_such_policy(&input.policy_name)),
                }
            })
        })
        .await?;
    Ok(Nothing)
}
