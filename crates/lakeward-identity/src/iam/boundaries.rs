//! Permissions boundaries of users and roles.

use std::sync::Arc;

use lakeward_store::Snapshot;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{Nothing, error, holder::Holder, managed};
use crate::{Call, Identity, Service};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation(
            "PutUserPermissionsBoundary",
            identity,
            |i, c, input: Put| put(i, c, input, Holder::User),
        )
        .operation(
            "PutRolePermissionsBoundary",
            identity,
            |i, c, input: Put| put(i, c, input, Holder::Role),
        )
        .operation(
            "DeleteUserPermissionsBoundary",
            identity,
            |i, c, input: Named| delete(i, c, input, Holder::User),
        )
        .operation(
            "DeleteRolePermissionsBoundary",
            identity,
            |i, c, input: Named| delete(i, c, input, Holder::Role),
        )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    #[serde(rename = "UserName|RoleName", alias = "UserName", alias = "RoleName")]
    holder: String,
    permissions_boundary: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    #[serde(rename = "UserName|RoleName", alias = "UserName", alias = "RoleName")]
    holder: String,
}

/// A boundary as users and roles show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BoundaryView {
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: String,
}

impl BoundaryView {
    pub(super) fn of(boundary: Option<&String>) -> Option<Self> {
        boundary.map(|arn| Self {
            permissions_boundary_type: "Policy",
            permissions_boundary_arn: arn.clone(),
        })
    }
}

/// Refuses a boundary that is no managed policy of the account or of AWS.
pub(super) fn check(snapshot: &Snapshot, account: &str, arn: &str) -> Result<(), AwsError> {
    managed::check_arn(arn)?;
    managed::attachable(snapshot, account, arn)
        .map(|_| ())
        .ok_or_else(|| {
            AwsError::new(
                404,
                "NoSuchEntity",
                format!("Scope ARN: {arn} does not exist or is not attachable."),
            )
        })
}

async fn put(
    identity: Arc<Identity>,
    call: Call,
    input: Put,
    holder: Holder,
) -> Result<Nothing, AwsError> {
    let boundary = input.permissions_boundary;
    let _permit = holder
        .target(&call, &input.holder)
        .with_boundary(Some(&boundary))
        .authorize(
            &call,
            &format!("iam:Put{}PermissionsBoundary", holder.noun()),
        )?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| {
            check(change, &account, &boundary)?;
            holder.edit(change, &account, &input.holder, |held| {
                if let Some(own) = held.boundary {
                    *own = Some(boundary);
                }
                Ok(())
            })
        })
        .await?;
    Ok(Nothing)
}

async fn delete(
    identity: Arc<Identity>,
    call: Call,
    input: Named,
    holder: Holder,
) -> Result<Nothing, AwsError> {
    let _permit = holder.target(&call, &input.holder).authorize(
        &call,
        &format!("iam:Delete{}PermissionsBoundary", holder.noun()),
    )?;
    let account = call.account().to_owned();
    identity
        .store()
        .change(|change| {
            holder.edit(change, &account, &input.holder, |held| {
                match held.boundary.and_then(Option::take) {
                    Some(_) => Ok(()),
                    None => Err(error::no_such("permissions boundary of", &input.holder)),
                }
            })
        })
        .await?;
    Ok(Nothing)
}
