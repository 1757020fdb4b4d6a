//! The four operations on security configurations.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::{AwsError, epoch};
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    error::EmrError,
    identifier,
    marker::{Page, page},
    security_configuration::{SecurityConfiguration, SecurityDocument, document::with_external_id},
};

const LONGEST_NAME: usize = 10_280;
const PAGE: usize = 50;
/// In one account and region.
const MOST_CONFIGURATIONS: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateInput {
    name: String,
    security_configuration: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateOutput {
    name: String,
    creation_date_time: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NameInput {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeOutput {
    name: String,
    security_configuration: String,
    creation_date_time: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInput {
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListOutput {
    security_configurations: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    name: String,
    creation_date_time: f64,
}

/// `CreateSecurityConfiguration`
pub(crate) async fn create(
    emr: Arc<Emr>,
    call: Call,
    input: CreateInput,
) -> Result<CreateOutput, AwsError> {
    let _permit = call.authorize(
        "elasticmapreduce:CreateSecurityConfiguration",
        "*",
        Context::new(),
    )?;
    let configuration = build(&call, input)?;
    let output = CreateOutput {
        name: configuration.name.clone(),
        creation_date_time: epoch(configuration.created_at),
    };
    emr.store
        .change(|change| {
            let key = lakeward_store::Record::key(&configuration);
            if change.get::<SecurityConfiguration>(&key).is_some() {
                return Err(EmrError::SecurityConfigurationExists(configuration.name));
            }
            let prefix = SecurityConfiguration::key_of(call.account(), call.region(), "");
            if change.scan::<SecurityConfiguration>(&prefix).len() >= MOST_CONFIGURATIONS {
                return Err(EmrError::invalid_request(format!(
                    "There are {MOST_CONFIGURATIONS} security configurations, the most there may \
                     be. Delete one that nothing names."
                )));
            }
            change.put(configuration);
            Ok(())
        })
        .await?;
    Ok(output)
}

fn build(call: &Call, input: CreateInput) -> Result<SecurityConfiguration, EmrError> {
    check_name(&input.name)?;
    let document = SecurityDocument::parse(&input.security_configuration)
        .map_err(EmrError::of_newer_operation)?;
    let text = if document.runtime_roles() {
        with_external_id(&input.security_configuration, identifier::external_id())?
    } else {
        input.security_configuration
    };
    Ok(SecurityConfiguration {
        account: call.account().to_owned(),
        region: call.region().to_owned(),
        name: input.name,
        document: text,
        created_at: call.now(),
    })
}

/// `XmlString` of the EMR API Reference.
fn check_name(name: &str) -> Result<(), EmrError> {
    let is_control = |c: char| c.is_control() && !"\r\n\t".contains(c);
    let length = name.chars().count();
    if length == 0 || length > LONGEST_NAME || name.chars().any(is_control) {
        return Err(EmrError::invalid_request(format!(
            "The name of a security configuration must have 1 to {LONGEST_NAME} characters, none of \
             them a control character."
        )));
    }
    Ok(())
}

/// `DescribeSecurityConfiguration`
pub(crate) async fn describe(
    emr: Arc<Emr>,
    call: Call,
    input: NameInput,
) -> Result<DescribeOutput, AwsError> {
    let _permit = call.authorize(
        "elasticmapreduce:DescribeSecurityConfiguration",
        "*",
        Context::new(),
    )?;
    let key = SecurityConfiguration::key_of(call.account(), call.region(), &input.name);
    let found = emr.store.snapshot().get::<SecurityConfiguration>(&key);
    let configuration = found.ok_or(EmrError::NoSuchSecurityConfiguration(input.name))?;
    Ok(DescribeOutput {
        name: configuration.name.clone(),
        security_configuration: configuration.document.clone(),
        creation_date_time: epoch(configuration.created_at),
    })
}

/// `ListSecurityConfigurations`
pub(crate) async fn list(
    emr: Arc<Emr>,
    call: Call,
    input: ListInput,
) -> Result<ListOutput, AwsError> {
    let _permit = call.authorize(
        "elasticmapreduce:ListSecurityConfigurations",
        "*",
        Context::new(),
    )?;
    let prefix = SecurityConfiguration::key_of(call.account(), call.region(), "");
    let all = emr.store.snapshot().scan::<SecurityConfiguration>(&prefix);
    let sorted = all.into_iter().map(|one| (one.name.clone(), one)).collect();
    let Page { items, marker } = page(sorted, input.marker.as_deref(), PAGE)?;
    Ok(ListOutput {
        security_configurations: items
            .iter()
            .map(|one| Summary {
                name: one.name.clone(),
                creation_date_time: epoch(one.created_at),
            })
            .collect(),
        marker,
    })
}

/// `DeleteSecurityConfiguration`. Clusters that use it keep the rules they were started with.
pub(crate) async fn delete(
    emr: Arc<Emr>,
    call: Call,
    input: NameInput,
) -> Result<serde_json::Value, AwsError> {
    let _permit = call.authorize(
        "elasticmapreduce:DeleteSecurityConfiguration",
        "*",
        Context::new(),
    )?;
    let key = SecurityConfiguration::key_of(call.account(), call.region(), &input.name);
    emr.store
        .change(|change| {
            if change.get::<SecurityConfiguration>(&key).is_none() {
                return Err(EmrError::NoSuchSecurityConfiguration(input.name));
            }
            change.delete::<SecurityConfiguration>(&key);
            Ok(())
        })
        .await?;
    Ok(serde_json::json!({}))
}
