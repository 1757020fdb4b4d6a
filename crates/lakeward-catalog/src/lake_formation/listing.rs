//! ListPermissions, in the shapes that Lake Formation answers.
//!
//! SELECT is kept apart: what was granted as one set on a table comes back as an entry on the table and
//! an entry `{SELECT}` on all its columns. Clients such as Terraform's provider rely on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use lakeward_grants::{Permission, Resource};
use lakeward_identity::Call;
use lakeward_store::Record;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::resource::{ALL_TABLES, ResourceShape};
use super::{DataLakePrincipal, MOST_RESULTS, authorize, own_catalog};
use crate::Catalog;
use crate::access::{Access, Caller};
use crate::error::CatalogError;
use crate::page::page;
use crate::record::GrantRecord;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListPermissionsInput {
    catalog_id: Option<String>,
    principal: Option<DataLakePrincipal>,
    resource_type: Option<String>,
    resource: Option<ResourceShape>,
    next_token: Option<String>,
    max_results: Option<usize>,
    include_related: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListPermissionsOutput {
    principal_resource_permissions: Vec<PrincipalResourcePermissions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PrincipalResourcePermissions {
    principal: DataLakePrincipal,
    resource: ResourceShape,
    permissions: BTreeSet<Permission>,
    permissions_with_grant_option: BTreeSet<Permission>,
    last_updated: f64,
    last_updated_by: String,
}

/// Which grants to list.
struct Selection {
    principal: Option<String>,
    resource: Option<Resource>,
    resource_type: Option<String>,
    related: bool,
}

impl Selection {
    fn admits(&self, record: &GrantRecord) -> bool {
        let grant = &record.grant;
        let by_principal = self
            .principal
            .as_ref()
            .is_none_or(|principal| *principal == grant.principal);
        let by_resource = self
            .resource
            .as_ref()
            .is_none_or(|wanted| self.concerns(wanted, &grant.resource));
        let by_type = self
            .resource_type
            .as_deref()
            .is_none_or(|wanted| wanted == resource_type(&grant.resource));
        by_principal && by_resource && by_type
    }

    /// A table brings the grants on its columns, and the related ones on its filters.
    fn concerns(&self, wanted: &Resource, granted: &Resource) -> bool {
        let Resource::Table { database, name } = wanted else {
            return wanted == granted;
        };
        let part = match granted {
            Resource::Table { .. } | Resource::Columns { .. } => true,
            Resource::DataCellsFilter { .. } => self.related,
            _ => false,
        };
        part && granted.concerns_table(database, name)
    }
}

fn resource_type(resource: &Resource) -> &'static str {
    match resource {
        Resource::Catalog => "CATALOG",
        Resource::Database { .. } => "DATABASE",
        Resource::DataLocation { .. } => "DATA_LOCATION",
        Resource::Table { .. }
        | Resource::AllTables { .. }
        | Resource::Columns { .. }
        | Resource::DataCellsFilter { .. } => "TABLE",
    }
}

pub(crate) async fn list_permissions(
    _: Arc<Catalog>,
    call: Call,
    input: ListPermissionsInput,
) -> Result<ListPermissionsOutput, AwsError> {
    authorize(&call, "ListPermissions")?;
    own_catalog(call.account(), input.catalog_id.as_deref())?;
    let selection = selection(call.account(), &input)?;
    let caller = Caller::of(&call);
    let access = Access::new(call.snapshot(), &caller);
    let mut entries = Vec::new();
    for record in access.lake().grants() {
        if selection.admits(&record) && may_list(&access, &record) {
            entries.extend(split(&record));
        }
    }
    let page = page(
        entries,
        input.max_results,
        input.next_token.as_deref(),
        MOST_RESULTS,
    )?;
    Ok(ListPermissionsOutput {
        principal_resource_permissions: page.items,
        next_token: page.next_token,
    })
}

fn selection(account: &str, input: &ListPermissionsInput) -> Result<Selection, CatalogError> {
    let with_columns = input
        .resource
        .as_ref()
        .is_some_and(|resource| resource.table_with_columns.is_some());
    if with_columns {
        return Err(CatalogError::invalid(
            "ListPermissions takes a Table; its columns come with it",
        ));
    }
    let resource = input.resource.as_ref();
    let principal = input.principal.as_ref();
    Ok(Selection {
        principal: principal.map(|principal| principal.data_lake_principal_identifier.clone()),
        resource: resource
            .map(|resource| resource.resource(account))
            .transpose()?,
        resource_type: input.resource_type.clone(),
        related: input
            .include_related
            .as_deref()
            .is_some_and(|flag| flag.eq_ignore_ascii_case("TRUE")),
    })
}

/// One sees one's own grants and those that one could have made.
fn may_list(access: &Access<'_>, record: &GrantRecord) -> bool {
    let grant = &record.grant;
    let mut permissions = grant.permissions.iter();
    access.sees_everything()
        || grant.principal == access.caller().principal
        || permissions.any(|permission| access.may_grant(*permission, &grant.resource))
}

/// The entries of one grant, with keys in the order that the grants have.
fn split(record: &GrantRecord) -> Vec<(String, PrincipalResourcePermissions)> {
    let grant = &record.grant;
    let account = &record.account;
    let select = BTreeSet::from([Permission::Select]);
    let all_columns = match &grant.resource {
        Resource::Table { database, name } => {
            Some(ResourceShape::all_columns(account, database, name))
        }
        Resource::AllTables { database } => {
            Some(ResourceShape::all_columns(account, database, ALL_TABLES))
        }
        _ => None,
    };
    let whole = ResourceShape::of(&grant.resource, account);
    let Some(all_columns) = all_columns else {
        return entry(record, 0, whole, |_| true).into_iter().collect();
    };
    let on_table = entry(record, 0, whole, |permission| !select.contains(&permission));
    let on_columns = entry(record, 1, all_columns, |permission| {
        select.contains(&permission)
    });
    on_table.into_iter().chain(on_columns).collect()
}

fn entry(
    record: &GrantRecord,
    part: u8,
    resource: ResourceShape,
    keep: impl Fn(Permission) -> bool,
) -> Option<(String, PrincipalResourcePermissions)> {
    let kept = |permissions: &BTreeSet<Permission>| {
        let permissions = permissions.iter().copied();
        permissions
            .filter(|permission| keep(*permission))
            .collect::<BTreeSet<_>>()
    };
    let permissions = kept(&record.grant.permissions);
    if permissions.is_empty() {
        return None;
    }
    let entry = PrincipalResourcePermissions {
        principal: DataLakePrincipal {
            data_lake_principal_identifier: record.grant.principal.clone(),
        },
        resource,
        permissions,
        permissions_with_grant_option: kept(&record.grant.grantable),
        last_updated: record.updated,
        last_updated_by: record.updated_by.clone(),
    };
    // The control character sorts a grant's parts before any longer key.
    Some((format!("{}\u{1}{part}", record.key()), entry))
}
