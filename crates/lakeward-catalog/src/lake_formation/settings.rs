//! GetDataLakeSettings and PutDataLakeSettings.

use std::collections::BTreeMap;
use std::sync::Arc;

use lakeward_grants::{IAM_ALLOWED_PRINCIPALS, Permission};
use lakeward_identity::Call;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{DataLakePrincipal, Empty, authorize, own_catalog};
use crate::Catalog;
use crate::access::Lake;
use crate::error::CatalogError;
use crate::record::SettingsRecord;

/// The most administrators that Lake Formation takes.
const MAX_ADMINS: usize = 30;

/// An account's settings. The default is a lake that Lake Formation manages: new databases and tables
/// are closed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct DataLakeSettings {
    pub data_lake_admins: Vec<DataLakePrincipal>,
    pub read_only_admins: Vec<DataLakePrincipal>,
    pub create_database_default_permissions: Vec<PrincipalPermissions>,
    pub create_table_default_permissions: Vec<PrincipalPermissions>,
    pub parameters: BTreeMap<String, String>,
    pub trusted_resource_owners: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_external_data_filtering: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_full_table_external_data_access: Option<bool>,
    pub external_data_filtering_allow_list: Vec<DataLakePrincipal>,
    pub authorized_session_tag_value_list: Vec<String>,
}

/// A principal and what it gets on new databases or tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PrincipalPermissions {
    pub principal: DataLakePrincipal,
    pub permissions: Vec<Permission>,
}

impl PrincipalPermissions {
    /// The only defaults there are: nothing, or everything to IAM_ALLOWED_PRINCIPALS.
    pub fn defaults(open_to_iam: bool) -> Vec<Self> {
        if !open_to_iam {
            return Vec::new();
        }
        vec![Self {
            principal: DataLakePrincipal {
                data_lake_principal_identifier: IAM_ALLOWED_PRINCIPALS.to_owned(),
            },
            permissions: vec![Permission::All],
        }]
    }
}

/// Whether the default permissions open new things to everyone whom IAM lets.
///
/// # Errors
/// They are neither of the two that Lake Formation takes.
pub(crate) fn opens_to_iam(defaults: &[PrincipalPermissions]) -> Result<bool, CatalogError> {
    if defaults.is_empty() {
        return Ok(false);
    }
    if defaults == PrincipalPermissions::defaults(true) {
        return Ok(true);
    }
    Err(CatalogError::invalid(
        "default permissions must be empty, or ALL to IAM_ALLOWED_PRINCIPALS",
    ))
}

impl DataLakeSettings {
    pub fn is_admin(&self, principal: &str) -> bool {
        contains(&self.data_lake_admins, principal)
    }

    pub fn is_read_only_admin(&self, principal: &str) -> bool {
        contains(&self.read_only_admins, principal)
    }

    pub fn authorizes_session_tag(&self, value: &str) -> bool {
        let values = &self.authorized_session_tag_value_list;
        values.iter().any(|authorized| authorized == value)
    }

    /// Whether engines in the account may filter data themselves.
    pub fn allows_filtering_in(&self, account: &str) -> bool {
        contains(&self.external_data_filtering_allow_list, account)
    }

    fn check(&self) -> Result<(), CatalogError> {
        opens_to_iam(&self.create_database_default_permissions)?;
        opens_to_iam(&self.create_table_default_permissions)?;
        if self.data_lake_admins.len() > MAX_ADMINS || self.read_only_admins.len() > MAX_ADMINS {
            return Err(CatalogError::invalid(format!(
                "there are at most {MAX_ADMINS} data lake administrators"
            )));
        }
        let filters = self.allow_external_data_filtering == Some(true);
        if filters && self.external_data_filtering_allow_list.is_empty() {
            return Err(CatalogError::invalid(
                "ExternalDataFilteringAllowList must name an account when AllowExternalDataFiltering is true",
            ));
        }
        Ok(())
    }
}

fn contains(principals: &[DataLakePrincipal], wanted: &str) -> bool {
    let mut principals = principals.iter();
    principals.any(|principal| principal.data_lake_principal_identifier == wanted)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetDataLakeSettingsInput {
    catalog_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetDataLakeSettingsOutput {
    data_lake_settings: DataLakeSettings,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutDataLakeSettingsInput {
    catalog_id: Option<String>,
    data_lake_settings: DataLakeSettings,
}

pub(crate) async fn get_data_lake_settings(
    _: Arc<Catalog>,
    call: Call,
    input: GetDataLakeSettingsInput,
) -> Result<GetDataLakeSettingsOutput, AwsError> {
    authorize(&call, "GetDataLakeSettings")?;
    own_catalog(call.account(), input.catalog_id.as_deref())?;
    Ok(GetDataLakeSettingsOutput {
        data_lake_settings: Lake::new(call.snapshot(), call.account()).settings(),
    })
}

/// Replaces the settings as a whole. IAM alone decides who may: this is how the first administrator
/// comes to be.
pub(crate) async fn put_data_lake_settings(
    _: Arc<Catalog>,
    call: Call,
    input: PutDataLakeSettingsInput,
) -> Result<Empty, AwsError> {
    authorize(&call, "PutDataLakeSettings")?;
    own_catalog(call.account(), input.catalog_id.as_deref())?;
    input.data_lake_settings.check()?;
    let record = SettingsRecord {
        account: call.account().to_owned(),
        settings: input.data_lake_settings,
    };
    let store = call.store();
    store
        .change(|change| {
            change.put(record);
            Ok::<_, CatalogError>(())
        })
        .await?;
    Ok(Empty {})
}
