//! GrantPermissions and RevokePermissions, one by one and in batches.

use std::collections::BTreeSet;
use std::sync::Arc;

use lakeward_grants::{ColumnSelection, Grant, IAM_ALLOWED_PRINCIPALS, Permission, Resource};
use lakeward_identity::{Call, unique_id};
use lakeward_store::{Change, Record};
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::resource::{ResourceShape, grantable_on};
use super::revoke::revoke;
use super::{DataLakePrincipal, Empty, authorize, own_catalog};
use crate::Catalog;
use crate::access::{Access, Caller, Lake};
use crate::error::CatalogError;
use crate::location::Location;
use crate::record::GrantRecord;

/// The most entries that a batch has.
const MAX_BATCH: usize = 20;

/// What to grant or revoke.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PermissionsInput {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    catalog_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    principal: DataLakePrincipal,
    resource: ResourceShape,
    #[serde(default)]
    permissions: BTreeSet<Permission>,
    #[serde(default)]
    permissions_with_grant_option: BTreeSet<Permission>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchInput {
    catalog_id: Option<String>,
    entries: Vec<PermissionsInput>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchOutput {
    failures: Vec<BatchFailure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BatchFailure {
    request_entry: PermissionsInput,
    error: ErrorDetail,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorDetail {
    error_code: String,
    error_message: String,
}

/// A checked input.
pub(super) struct Request {
    pub principal: String,
    pub resource: Resource,
    pub permissions: BTreeSet<Permission>,
    pub grantable: BTreeSet<Permission>,
}

impl Request {
    /// Every permission that the request names.
    pub fn named(&self) -> impl Iterator<Item = Permission> {
        self.permissions.union(&self.grantable).copied()
    }
}

impl PermissionsInput {
    fn checked(&self, account: &str) -> Result<Request, CatalogError> {
        own_catalog(account, self.catalog_id.as_deref())?;
        if self.condition.is_some() {
            return Err(CatalogError::invalid("Condition is not implemented"));
        }
        let resource = self.resource.resource(account)?;
        let request = Request {
            principal: self.principal.data_lake_principal_identifier.clone(),
            resource,
            permissions: self.permissions.clone(),
            grantable: self.permissions_with_grant_option.clone(),
        };
        let allowed = grantable_on(&request.resource);
        if request.named().next().is_none() {
            return Err(CatalogError::invalid("Permissions must not be empty"));
        }
        let unfit = request.named().find(|named| !allowed.contains(named));
        match unfit {
            None => Ok(request),
            Some(unfit) => Err(CatalogError::invalid(format!(
                "Permissions modification is invalid: {unfit} can't be granted on this resource"
            ))),
        }
    }
}

pub(crate) async fn grant_permissions(
    _: Arc<Catalog>,
    call: Call,
    input: PermissionsInput,
) -> Result<Empty, AwsError> {
    authorize(&call, "GrantPermissions")?;
    apply(&call, &input, grant).await?;
    Ok(Empty {})
}

pub(crate) async fn revoke_permissions(
    _: Arc<Catalog>,
    call: Call,
    input: PermissionsInput,
) -> Result<Empty, AwsError> {
    authorize(&call, "RevokePermissions")?;
    apply(&call, &input, revoke).await?;
    Ok(Empty {})
}

pub(crate) async fn batch_grant_permissions(
    _: Arc<Catalog>,
    call: Call,
    input: BatchInput,
) -> Result<BatchOutput, AwsError> {
    authorize(&call, "BatchGrantPermissions")?;
    batch(&call, input, grant).await
}

pub(crate) async fn batch_revoke_permissions(
    _: Arc<Catalog>,
    call: Call,
    input: BatchInput,
) -> Result<BatchOutput, AwsError> {
    authorize(&call, "BatchRevokePermissions")?;
    batch(&call, input, revoke).await
}

type Step = fn(&mut Change<'_>, &Caller, &Request) -> Result<(), CatalogError>;

async fn apply(call: &Call, input: &PermissionsInput, step: Step) -> Result<(), CatalogError> {
    let request = input.checked(call.account())?;
    let caller = Caller::of(call);
    let store = call.store();
    store.change(|change| step(change, &caller, &request)).await
}

/// Each entry succeeds or fails by itself.
async fn batch(call: &Call, input: BatchInput, step: Step) -> Result<BatchOutput, AwsError> {
    own_catalog(call.account(), input.catalog_id.as_deref())?;
    if input.entries.len() > MAX_BATCH {
        let message = format!("a batch has at most {MAX_BATCH} entries");
        return Err(CatalogError::invalid(message).into());
    }
    let mut failures = Vec::new();
    for entry in input.entries {
        if let Err(error) = apply(call, &entry, step).await {
            let error = AwsError::from(error);
            failures.push(BatchFailure {
                request_entry: entry,
                error: ErrorDetail {
                    error_code: error.code.into_owned(),
                    error_message: error.message,
                },
            });
        }
    }
    Ok(BatchOutput { failures })
}

fn grant(change: &mut Change<'_>, caller: &Caller, request: &Request) -> Result<(), CatalogError> {
    let access = Access::new(change, caller);
    require_authority(&access, request)?;
    check_principal(access.lake(), &caller.account, &request.principal)?;
    check_exists(&access, &request.resource)?;
    check_columns(&access, request)?;
    if !request.grantable.is_subset(&request.permissions) {
        return Err(CatalogError::invalid(
            "PermissionsWithGrantOption must be among Permissions",
        ));
    }
    give(
        change,
        caller,
        &request.principal,
        &request.resource,
        &request.permissions,
        &request.grantable,
    );
    Ok(())
}

/// Fails unless the caller may grant all of it. The text doesn't tell whether the resource exists.
pub(super) fn require_authority(
    access: &Access<'_>,
    request: &Request,
) -> Result<(), CatalogError> {
    let may_grant = |permission| access.may_grant(permission, &request.resource);
    if request.named().all(may_grant) {
        return Ok(());
    }
    Err(CatalogError::NotAuthorized)
}

fn check_principal(lake: &Lake<'_>, account: &str, principal: &str) -> Result<(), CatalogError> {
    let everyone = format!("{account}:IAMPrincipals");
    if principal == IAM_ALLOWED_PRINCIPALS || principal == everyone || lake.has_principal(principal)
    {
        return Ok(());
    }
    Err(CatalogError::invalid(format!(
        "Invalid principal, {principal}: there is no such role or user in account {account}, and other principals are not implemented"
    )))
}

fn check_exists(access: &Access<'_>, resource: &Resource) -> Result<(), CatalogError> {
    let lake = access.lake();
    let (exists, what) = match resource {
        Resource::Catalog => (true, "Catalog"),
        Resource::Database { name } | Resource::AllTables { database: name } => {
            (lake.database(name).is_some(), "Database")
        }
        Resource::Table {
            database,
            name: table,
        }
        | Resource::Columns {
            database, table, ..
        } => (lake.table(database, table).is_some(), "Table"),
        Resource::DataCellsFilter {
            database,
            table,
            name,
        } => (
            lake.filter(database, table, name).is_some(),
            "Data cells filter",
        ),
        Resource::DataLocation { arn } => return check_registered(lake, arn),
    };
    if exists {
        return Ok(());
    }
    Err(CatalogError::NotFound(format!("{what} not found.")))
}

fn check_registered(lake: &Lake<'_>, arn: &str) -> Result<(), CatalogError> {
    if lake.is_registered(Location::from_arn(arn)?.upward()) {
        return Ok(());
    }
    Err(CatalogError::invalid(
        "No such location: register the S3 path first",
    ))
}

/// The rules for granting columns: they must be there, none may be a partition key to hide, and a
/// principal doesn't hold columns and the table at once.
fn check_columns(access: &Access<'_>, request: &Request) -> Result<(), CatalogError> {
    let (Resource::Columns {
        database, table, ..
    }
    | Resource::Table {
        database,
        name: table,
    }) = &request.resource
    else {
        return Ok(());
    };
    if let Resource::Columns { columns, .. } = &request.resource {
        let excludes = matches!(columns, ColumnSelection::AllExcept(_));
        if excludes && !request.grantable.is_empty() {
            return Err(CatalogError::invalid(
                "the grant option needs ColumnNames; it can't be given with excluded columns",
            ));
        }
        check_selection(access, database, table, columns)?;
    }
    let mixed = access.lake().grants().iter().any(|record| {
        record.grant.principal == request.principal
            && mixes(&record.grant.resource, &request.resource, database, table)
    });
    if mixed {
        return Err(CatalogError::invalid(format!(
            "Permissions modification is invalid: the principal can't hold permissions on columns of {table} and on {table} itself; revoke the others first"
        )));
    }
    Ok(())
}

fn mixes(held: &Resource, wanted: &Resource, database: &str, table: &str) -> bool {
    let kinds = matches!(
        (held, wanted),
        (Resource::Table { .. }, Resource::Columns { .. })
            | (Resource::Columns { .. }, Resource::Table { .. })
    );
    kinds && held.concerns_table(database, table)
}

/// Fails when the selection names columns that aren't there, or leaves out a partition key.
pub(super) fn check_selection(
    access: &Access<'_>,
    database: &str,
    table: &str,
    columns: &ColumnSelection,
) -> Result<(), CatalogError> {
    let schema = match access.lake().table(database, table) {
        Some(record) => record.schema(),
        None => return Err(CatalogError::NotFound("Table not found".to_owned())),
    };
    let (ColumnSelection::Include(names) | ColumnSelection::AllExcept(names)) = columns;
    if let Some(unknown) = names.iter().find(|name| schema.column(name).is_none()) {
        return Err(CatalogError::invalid(format!(
            "table {table} has no column `{unknown}`; columns are named whole, without fields inside them"
        )));
    }
    let hides_key = matches!(columns, ColumnSelection::AllExcept(_))
        && names.iter().any(|name| schema.is_partition_key(name));
    if hides_key {
        return Err(CatalogError::invalid("partition keys can't be left out"));
    }
    Ok(())
}

/// The grants on something new: its creator gets `permissions`, grantable, and with `open_to_iam`
/// everyone whom IAM lets gets everything.
pub(crate) fn give_new(
    change: &mut Change<'_>,
    caller: &Caller,
    resource: &Resource,
    permissions: &[Permission],
    open_to_iam: bool,
) {
    if !caller.is_root {
        let permissions = permissions.iter().copied().collect();
        let creator = &caller.principal;
        give(
            change,
            caller,
            creator,
            resource,
            &permissions,
            &permissions,
        );
    }
    if open_to_iam {
        let all = BTreeSet::from([Permission::All]);
        let nothing = BTreeSet::new();
        give(
            change,
            caller,
            IAM_ALLOWED_PRINCIPALS,
            resource,
            &all,
            &nothing,
        );
    }
}

/// Adds to what the principal holds on the resource.
pub(super) fn give(
    change: &mut Change<'_>,
    caller: &Caller,
    principal: &str,
    resource: &Resource,
    permissions: &BTreeSet<Permission>,
    grantable: &BTreeSet<Permission>,
) {
    let key = GrantRecord::key_of(&caller.account, principal, resource);
    let held = change.get::<GrantRecord>(&key);
    let held = held.filter(|record| record.holds(change));
    let mut grant = held.map_or_else(
        || Grant {
            principal: principal.to_owned(),
            resource: resource.clone(),
            permissions: BTreeSet::new(),
            grantable: BTreeSet::new(),
        },
        |record| record.grant.clone(),
    );
    grant.permissions.extend(permissions);
    grant.grantable.extend(grantable);
    put(change, caller, grant);
}

/// Removes the grants on the resources that `concerned` picks.
pub(crate) fn forget_grants(
    change: &mut Change<'_>,
    account: &str,
    concerned: impl Fn(&Resource) -> bool,
) {
    for record in change.scan::<GrantRecord>(&format!("{account}/")) {
        if concerned(&record.grant.resource) {
            change.delete::<GrantRecord>(&record.key());
        }
    }
}

fn put(change: &mut Change<'_>, caller: &Caller, grant: Grant) {
    change.put(GrantRecord {
        account: caller.account.clone(),
        holder: unique_id(change, &grant.principal),
        grant,
        updated: caller.now,
        updated_by: caller.principal.clone(),
    });
}
