//! Lake Formation: settings, registered locations, grants and data cells filters.
//!
//! REST with JSON bodies, `POST /<Operation>`. IAM knows no resources here: every call is authorised on
//! `*`, and Lake Formation's own rules say who may do it to what.

mod data_cells_filter;
mod grant;
mod listing;
mod location;
mod resource;
mod revoke;
mod settings;

use std::sync::Arc;

use lakeward_identity::{Call, Service};
use lakeward_policy::Context;
use lakeward_wire::Protocol;
use serde::{Deserialize, Serialize};

use crate::Catalog;
use crate::error::CatalogError;

pub(crate) use grant::{forget_grants, give_new};
pub(crate) use settings::{DataLakeSettings, PrincipalPermissions, opens_to_iam};

/// The most items that a page of Lake Formation's has.
const MOST_RESULTS: usize = 1000;

pub(crate) fn service(catalog: &Arc<Catalog>) -> Service {
    Service::new("lakeformation", Protocol::RestJson)
        .operation(
            "GetDataLakeSettings",
            catalog,
            settings::get_data_lake_settings,
        )
        .operation(
            "PutDataLakeSettings",
            catalog,
            settings::put_data_lake_settings,
        )
        .operation("RegisterResource", catalog, location::register_resource)
        .operation("DeregisterResource", catalog, location::deregister_resource)
        .operation("DescribeResource", catalog, location::describe_resource)
        .operation("ListResources", catalog, location::list_resources)
        .operation("GrantPermissions", catalog, grant::grant_permissions)
        .operation("RevokePermissions", catalog, grant::revoke_permissions)
        .operation(
            "BatchGrantPermissions",
            catalog,
            grant::batch_grant_permissions,
        )
        .operation(
            "BatchRevokePermissions",
            catalog,
            grant::batch_revoke_permissions,
        )
        .operation("ListPermissions", catalog, listing::list_permissions)
        .operation("CreateDataCellsFilter", catalog, data_cells_filter::create)
        .operation("UpdateDataCellsFilter", catalog, data_cells_filter::update)
        .operation("GetDataCellsFilter", catalog, data_cells_filter::get)
        .operation("ListDataCellsFilter", catalog, data_cells_filter::list)
        .operation("DeleteDataCellsFilter", catalog, data_cells_filter::delete)
}

/// An answer without members.
#[derive(Debug, Serialize)]
pub(crate) struct Empty {}

/// A principal on the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DataLakePrincipal {
    pub data_lake_principal_identifier: String,
}

/// Asks IAM for a Lake Formation action.
fn authorize(call: &Call, action: &str) -> Result<(), CatalogError> {
    let action = format!("lakeformation:{action}");
    let _permit = call.authorize(&action, "*", Context::new())?;
    Ok(())
}

/// Refuses the catalogs of other accounts.
fn own_catalog(account: &str, catalog_id: Option<&str>) -> Result<(), CatalogError> {
    match catalog_id {
        Some(id) if id != account => Err(CatalogError::NotAuthorized),
        _ => Ok(()),
    }
}
