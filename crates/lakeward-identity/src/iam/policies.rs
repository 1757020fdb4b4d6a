//! Inline policies of users and roles: the same four operations for each.

use std::sync::Arc;

use lakeward_store::Change;
use lakeward_wire::AwsError;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::{Nothing, error, naming, roles, target::Target, users};
use crate::{
    Call, ChangeRefused, Identity, Role, Service, StoredPolicy, User, inventory::InlinePolicies,
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("PutRolePolicy", identity, |i, c, input: Put| {
            put(i, c, input, Holder::Role)
        })
        .operation("GetRolePolicy", identity, |i, c, input: Named| {
            get(i, c, input, Holder::Role)
        })
        .operation("ListRolePolicies", identity, |i, c, input: Listed| {
            list(i, c, input, Holder::Role)
        })
        .operation("DeleteRolePolicy", identity, |i, c, input: Named| {
            delete(i, c, input, Holder::Role)
        })
        .operation("PutUserPolicy", identity, |i, c, input: Put| {
            put(i, c, input, Holder::User)
        })
        .operation("GetUserPolicy", identity, |i, c, input: Named| {
            get(i, c, input, Holder::User)
        })
        .operation("ListUserPolicies", identity, |i, c, input: Listed| {
            list(i, c, input, Holder::User)
        })
        .operation("DeleteUserPolicy", identity, |i, c, input: Named| {
            delete(i, c, input, Holder::User)
        })
}

/// What holds the policy.
#[derive(Clone, Copy)]
enum Holder {
    Role,
    User,
}

impl Holder {
    fn action(self, verb: &str, noun: &str) -> String {
        match self {
            Self::Role => format!("iam:{verb}Role{noun}"),
            Self::User => format!("iam:{verb}User{noun}"),
        }
    }

    fn target(self, call: &Call, name: &str) -> Target {
        match self {
            Self::Role => Target::role(call, name),
            Self::User => Target::user(call, name),
        }
    }

    fn policies(self, call: &Call, name: &str) -> Result<InlinePolicies, AwsError> {
        match self {
            Self::Role => Ok(roles::find(call.snapshot(), call.account(), name)?
                .policies
                .clone()),
            Self::User => Ok(users::find(call.snapshot(), call.account(), name)?
                .policies
                .clone()),
        }
    }

    fn edit(
        self,
        change: &mut Change<'_>,
        account: &str,
        name: &str,
        edit: impl FnOnce(&mut InlinePolicies) -> Result<(), AwsError>,
    ) -> Result<(), ChangeRefused> {
        match self {
            Self::Role => {
                let mut role: Role = (*roles::find(change, account, name)?).clone();
                edit(&mut role.policies)?;
                change.put(role);
            }
            Self::User => {
                let mut user: User = (*users::find(change, account, name)?).clone();
                edit(&mut user.policies)?;
                change.put(user);
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    #[serde(alias = "RoleName", alias = "UserName")]
    holder: String,
    policy_name: String,
    policy_document: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    #[serde(alias = "RoleName", alias = "UserName")]
    holder: String,
    policy_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(alias = "RoleName", alias = "UserName")]
    holder: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    role_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    policy_name: String,
    policy_document: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyNames {
    policy_names: Vec<String>,
    is_truncated: bool,
}

async fn put(
    identity: Arc<Identity>,
    call: Call,
    input: Put,
    holder: Holder,
) -> Result<Nothing, AwsError> {
    let target = holder.target(&call, &input.holder);
    let _permit = target.authorize(&call, &holder.action("Put", "Policy"))?;
    naming::check_name("policyName", &input.policy_name, 128)?;
    let policy = StoredPolicy::identity(input.policy_document).map_err(error::malformed)?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| {
            holder.edit(change, &account, &input.holder, |policies| {
                policies.insert(input.policy_name, policy);
                Ok(())
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
    let _permit = target.authorize(&call, &holder.action("Get", "Policy"))?;
    let policies = holder.policies(&call, &input.holder)?;
    let policy = policies
        .get(&input.policy_name)
        .ok_or_else(|| error::no_such("policy", &input.policy_name))?;
    let (role_name, user_name) = match holder {
        Holder::Role => (Some(input.holder), None),
        Holder::User => (None, Some(input.holder)),
    };
    Ok(PolicyAnswer {
        role_name,
        user_name,
        policy_document: utf8_percent_encode(policy.text(), NON_ALPHANUMERIC).to_string(),
        policy_name: input.policy_name,
    })
}

async fn list(
    _identity: Arc<Identity>,
    call: Call,
    input: Listed,
    holder: Holder,
) -> Result<PolicyNames, AwsError> {
    let target = holder.target(&call, &input.holder);
    let _permit = target.authorize(&call, &holder.action("List", "Policies"))?;
    Ok(PolicyNames {
        policy_names: holder.policies(&call, &input.holder)?.into_keys().collect(),
        is_truncated: false,
    })
}

async fn delete(
    identity: Arc<Identity>,
    call: Call,
    input: Named,
    holder: Holder,
) -> Result<Nothing, AwsError> {
    let target = holder.target(&call, &input.holder);
    let _permit = target.authorize(&call, &holder.action("Delete", "Policy"))?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| {
            holder.edit(change, &account, &input.holder, |policies| {
                match policies.remove(&input.policy_name) {
                    Some(_) => Ok(()),
                    None => Err(error::no_such("policy", &input.policy_name)),
                }
            })
        })
        .await?;
    Ok(Nothing)
}
