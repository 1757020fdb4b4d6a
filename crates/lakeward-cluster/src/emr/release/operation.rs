//! `ListReleaseLabels`, `DescribeReleaseLabel` and `ListSupportedInstanceTypes`.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::emr::{
    Emr,
    cluster::application::{SERVED, Served},
    error::EmrError,
    release::{Release, label::published},
};

const MOST_RESULTS: usize = 100;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListInput {
    filters: Filters,
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// `ReleaseLabelFilter`
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Filters {
    prefix: Option<String>,
    application: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListOutput {
    release_labels: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeInput {
    release_label: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeOutput {
    release_label: String,
    applications: Vec<Served>,
    #[serde(rename = "AvailableOSReleases")]
    available_os_releases: [(); 0],
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InstanceTypesInput {
    release_label: String,
}

/// `ListReleaseLabels`, the newest first.
pub(crate) async fn list(
    _: Arc<Emr>,
    call: Call,
    input: ListInput,
) -> Result<ListOutput, AwsError> {
    let _permit = call.authorize("elasticmapreduce:ListReleaseLabels", "*", Context::new())?;
    let limit = page_size(input.max_results)?;
    let start = match input.next_token.as_deref() {
        None | Some("") => 0,
        Some(token) => position(token)?,
    };
    let labels: Vec<String> = published()
        .map(|release| release.to_string())
        .filter(|label| input.filters.want(label))
        .collect();
    let page: Vec<String> = labels.iter().skip(start).take(limit).cloned().collect();
    let next = start.saturating_add(page.len());
    Ok(ListOutput {
        release_labels: page,
        next_token: (next < labels.len()).then(|| URL_SAFE_NO_PAD.encode(next.to_string())),
    })
}

fn page_size(asked: Option<usize>) -> Result<usize, EmrError> {
    let size = asked.unwrap_or(MOST_RESULTS);
    if (1..=MOST_RESULTS).contains(&size) {
        Ok(size)
    } else {
        Err(EmrError::invalid_request(format!(
            "MaxResults must be between 1 and {MOST_RESULTS}."
        )))
    }
}

/// The list doesn't change while Lakeward runs, so a token is a position in it.
fn position(token: &str) -> Result<usize, EmrError> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| EmrError::invalid_request("NextToken is not valid."))
}

impl Filters {
    /// An application is asked for as `Spark` or `Spark@2.1.0`. The versions here are Lakeward's own,
    /// so no release has an application of a given version.
    fn want(&self, label: &str) -> bool {
        let has_prefix = self
            .prefix
            .as_ref()
            .is_none_or(|prefix| label.starts_with(prefix));
        let has_application = self.application.as_ref().is_none_or(|wanted| {
            SERVED
                .iter()
                .any(|served| served.eq_ignore_ascii_case(wanted))
        });
        has_prefix && has_application
    }
}

/// `DescribeReleaseLabel`: of the newest one when none is named. No version is named, since the
/// applications are Lakeward's and not the release's, and no Amazon Linux is beneath them.
pub(crate) async fn describe(
    _: Arc<Emr>,
    call: Call,
    input: DescribeInput,
) -> Result<DescribeOutput, AwsError> {
    let _permit = call.authorize("elasticmapreduce:DescribeReleaseLabel", "*", Context::new())?;
    page_size(input.max_results)?;
    if input.next_token.is_some_and(|token| !token.is_empty()) {
        return Err(EmrError::invalid_request("NextToken is not valid.").into());
    }
    let label = match input.release_label {
        Some(label) => known(&label)?.to_string(),
        None => published()
            .next()
            .map(|release| release.to_string())
            .unwrap_or_default(),
    };
    Ok(DescribeOutput {
        release_label: label,
        applications: SERVED.map(|name| Served { name }).to_vec(),
        available_os_releases: [],
    })
}

/// `ListSupportedInstanceTypes`: refused.
pub(crate) async fn instance_types(
    _: Arc<Emr>,
    call: Call,
    input: InstanceTypesInput,
) -> Result<serde_json::Value, AwsError> {
    let action = "elasticmapreduce:ListSupportedInstanceTypes";
    let _permit = call.authorize(action, "*", Context::new())?;
    known(&input.release_label)?;
    Err(EmrError::UnsupportedRequest(
        "A list of instance types (a cluster takes any type's name and runs on this machine, \
         whatever the type)"
            .to_owned(),
    )
    .into())
}

fn known(label: &str) -> Result<Release, EmrError> {
    Release::known(label).map_err(|error| EmrError::invalid_request(error.to_string()))
}
