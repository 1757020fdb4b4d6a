//! Which managed policies users, roles and groups have: the same three operations for each.

use std::sync::Arc;

use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{attachable, check_arn, not_found};
use crate::{
    Call, Identity, Service,
    iam::{
        Nothing, error,
        holder::Holder,
        paging::{self, End},
    },
};

/// Policies that one user, role or group may have attached ("IAM and AWS STS quotas").
const MOST: usize = 10;

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("AttachUserPolicy", identity, |i, c, input: Attachment| {
            attach(i, c, input, Holder::User)
        })
        .operation("DetachUserPolicy", identity, |i, c, input: Attachment| {
            detach(i, c, input, Holder::User)
        })
        .operation(
            "ListAttachedUserPolicies",
            identity,
            |i, c, input: Listing| list(i, c, input, Holder::User),
        )
        .operation("AttachRolePolicy", identity, |i, c, input: Attachment| {
            attach(i, c, input, Holder::Role)
        })
        .operation("DetachRolePolicy", identity, |i, c, input: Attachment| {
            detach(i, c, input, Holder::Role)
        })
        .operation(
            "ListAttachedRolePolicies",
            identity,
            |i, c, input: Listing| list(i, c, input, Holder::Role),
        )
        .operation("AttachGroupPolicy", identity, |i, c, input: Attachment| {
            attach(i, c, input, Holder::Group)
        })
        .operation("DetachGroupPolicy", identity, |i, c, input: Attachment| {
            detach(i, c, input, Holder::Group)
        })
        .operation(
            "ListAttachedGroupPolicies",
            identity,
            |i, c, input: Listing| list(i, c, input, Holder::Group),
        )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attachment {
    #[serde(
        rename = "UserName|RoleName|GroupName",
        alias = "UserName",
        alias = "RoleName",
        alias = "GroupName"
    )]
    holder: String,
    policy_arn: String,
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
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedView {
    policy_name: String,
    policy_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedList {
    attached_policies: Vec<AttachedView>,
    #[serde(flatten)]
    end: End,
}

async fn attach(
    identity: Arc<Identity>,
    call: Call,
    input: Attachment,
    holder: Holder,
) -> Result<Nothing, AwsError> {
    let (noun, arn) = (holder.noun(), input.policy_arn);
    let _permit = holder
        .target(&call, &input.holder)
        .with("iam:PolicyARN", &arn)
        .authorize(&call, &format!("iam:Attach{noun}Policy"))?;
    check_arn(&arn)?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| {
            let known = attachable(change, &account, &arn).is_some();
            holder.edit(change, &account, &input.holder, |held| {
                if !known {
                    return Err(not_attachable(&arn));
                }
                held.attached.insert(arn);
                if held.attached.len() > MOST {
                    return Err(error::limit(&format!("PoliciesPer{noun}: {MOST}")));
                }
                Ok(())
            })
        })
        .await?;
    Ok(Nothing)
}

fn not_attachable(arn: &str) -> AwsError {
    AwsError::new(
        404,
        "NoSuchEntity",
        format!("Policy {arn} does not exist or is not attachable."),
    )
}

async fn detach(
    identity: Arc<Identity>,
    call: Call,
    input: Attachment,
    holder: Holder,
) -> Result<Nothing, AwsError> {
    let (noun, arn) = (holder.noun(), input.policy_arn);
    let _permit = holder
        .target(&call, &input.holder)
        .with("iam:PolicyARN", &arn)
        .authorize(&call, &format!("iam:Detach{noun}Policy"))?;
    check_arn(&arn)?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| {
            holder.edit(change, &account, &input.holder, |held| {
                match held.attached.remove(&arn) {
                    true => Ok(()),
                    false => Err(not_found(&arn)),
                }
            })
        })
        .await?;
    Ok(Nothing)
}

async fn list(
    _identity: Arc<Identity>,
    call: Call,
    input: Listing,
    holder: Holder,
) -> Result<AttachedList, AwsError> {
    let noun = holder.noun();
    let target = holder.target(&call, &input.holder);
    let _permit = target.authorize(&call, &format!("iam:ListAttached{noun}Policies"))?;
    let held = holder.find(call.snapshot(), call.account(), &input.holder)?;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let attached = held
        .attached()
        .iter()
        .filter(|arn| path_of(arn).starts_with(prefix));
    let (account, name) = (call.account(), &input.holder);
    let list = format!("ListAttached{noun}Policies {account} {name} {prefix}");
    let marker = input.marker.as_deref();
    let (attached_policies, end) = paging::cut(&list, marker, input.max_items, attached, |arn| {
        (*arn).clone()
    })?
    .show(|arn| AttachedView {
        policy_name: arn.rsplit('/').next().unwrap_or_default().to_owned(),
        policy_arn: arn.clone(),
    });
    Ok(AttachedList {
        attached_policies,
        end,
    })
}

/// The path in a policy's ARN.
fn path_of(arn: &str) -> &str {
    let path = arn.split_once(":policy").map_or("/", |(_, path)| path);
    path.rfind('/')
        .and_then(|end| path.get(..=end))
        .unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManagedPolicy;

    #[test]
    fn the_path_of_an_arn() {
        let arn = |path: &str| ManagedPolicy::arn_of("aws", path, "name");
        for path in ["/", "/service-role/", "/a/b/"] {
            assert_eq!(path_of(&arn(path)), path);
        }
    }
}
