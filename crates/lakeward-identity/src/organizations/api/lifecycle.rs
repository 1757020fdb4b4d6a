//! Making, describing and ending an organization.

use std::{collections::BTreeSet, sync::Arc};

use lakeward_policy::Context;
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    entry,
    policy_types::{self, TypeView},
    visit::{Visit, amend},
};
use crate::{
    Account, Call, ChangeRefused, Identity, Service,
    iam::Nothing,
    organizations::{
        AccountRequest, Handshake, JoinedMethod, Organization, OrganizationPolicy, error, naming,
        tree,
    },
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateOrganization", identity, create)
        .operation("DescribeOrganization", identity, describe)
        .operation("DeleteOrganization", identity, delete)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    feature_set: Option<String>,
}

#[derive(Deserialize)]
struct NoInput {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OrganizationView {
    id: String,
    arn: String,
    feature_set: &'static str,
    master_account_arn: String,
    master_account_id: String,
    master_account_email: String,
    available_policy_types: Vec<TypeView>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OrganizationAnswer {
    organization: OrganizationView,
}

fn view(snapshot: &Snapshot, organization: &Organization) -> OrganizationAnswer {
    let management = &organization.management_account;
    let email = snapshot
        .get::<Account>(management)
        .map(|account| account.address());
    OrganizationAnswer {
        organization: OrganizationView {
            id: organization.id.clone(),
            arn: organization.arn(),
            feature_set: "ALL",
            master_account_arn: organization.target_arn(management),
            master_account_id: management.clone(),
            master_account_email: email.unwrap_or_default(),
            available_policy_types: policy_types::available(),
        },
    }
}

async fn create(
    identity: Arc<Identity>,
    call: Call,
    input: Create,
) -> Result<OrganizationAnswer, AwsError> {
    let _permit = Visit::new(&call).ask("CreateOrganization", Context::new())?;
    match input.feature_set.as_deref() {
        None | Some("ALL") => {}
        Some("CONSOLIDATED_BILLING") => {
            return Err(error::invalid(
                "INVALID_ENUM",
                "The feature set CONSOLIDATED_BILLING is not implemented by this server; use ALL.",
            ));
        }
        Some(_) => {
            return Err(error::invalid(
                "INVALID_ENUM",
                "FeatureSet must be ALL or CONSOLIDATED_BILLING.",
            ));
        }
    }
    let organization = Organization {
        id: naming::fresh("o", 10),
        management_account: call.account().to_owned(),
        root: naming::fresh("r", 4),
        enabled: BTreeSet::new(),
        created: call.now(),
    };
    let answer = view(call.snapshot(), &organization);
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            let account = &organization.management_account;
            if Organization::of(change, account).is_some() {
                return Err(error::already_in().into());
            }
            let (at, method) = (organization.created, JoinedMethod::Invited);
            entry::admit(change, &organization, account, method, at);
            change.put(organization);
            Ok(())
        })
        .await?;
    Ok(answer)
}

async fn describe(
    _identity: Arc<Identity>,
    call: Call,
    _input: NoInput,
) -> Result<OrganizationAnswer, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask("DescribeOrganization", Context::new())?;
    Ok(view(call.snapshot(), &*visit.organization()?))
}

async fn delete(identity: Arc<Identity>, call: Call, _input: NoInput) -> Result<Nothing, AwsError> {
    let _permit = Visit::new(&call).ask("DeleteOrganization", Context::new())?;
    amend(&identity, &call, |change, organization| {
        let units = tree::units(change, organization);
        if tree::members(change, organization).len() > 1 || !units.is_empty() {
            return Err(error::refused(
                "OrganizationNotEmptyException",
                "The organization isn't empty. To delete an organization, you must first remove all accounts except the management account, and delete all organizational units (OUs).",
            ));
        }
        let within = format!("{}/", organization.id);
        for policy in change.scan::<OrganizationPolicy>(&within) {
            change.delete::<OrganizationPolicy>(&format!("{within}{}", policy.id));
        }
        for request in change.scan::<AccountRequest>(&within) {
            change.delete::<AccountRequest>(&format!("{within}{}", request.id));
        }
        for handshake in change.scan::<Handshake>("") {
            if handshake.organization == organization.id {
                change.delete::<Handshake>(&handshake.id);
            }
        }
        entry::forget(change, organization, &organization.root);
        entry::dismiss(change, organization, &organization.management_account);
        change.delete::<Organization>(&organization.id);
        Ok(Nothing)
    })
    .await
}
