use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use lakeward_wire::AwsError;
use serde::Deserialize;

use crate::organizations::error;

/// The largest page, and the one that is given when none is asked for.
const LARGEST: u32 = 20;

/// Paging of lists.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Paging {
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// A list operation without other input.
#[derive(Deserialize)]
pub(super) struct JustPaging {
    #[serde(flatten)]
    pub(super) paging: Paging,
}

impl Paging {
    /// One page of the items, which are put in order of their keys; the token carries the last
    /// key given, so that what comes and goes meanwhile shifts nothing.
    pub(super) fn page<T>(
        &self,
        mut items: Vec<T>,
        key: impl Fn(&T) -> &str,
    ) -> Result<(Vec<T>, Option<String>), AwsError> {
        let most = self.max_results.unwrap_or(LARGEST);
        if !(1..=LARGEST).contains(&most) {
            return Err(error::invalid(
                "MAX_VALUE_EXCEEDED",
                "MaxResults must be between 1 and 20.",
            ));
        }
        items.sort_by(|a, b| key(a).cmp(key(b)));
        if let Some(token) = &self.next_token {
            let after = opened(token)?;
            items.retain(|item| key(item) > &*after);
        }
        let most = usize::try_from(most).unwrap_or(1);
        let more = items.len() > most;
        items.truncate(most);
        let next = items.last().filter(|_| more);
        let next = next.map(|last| BASE64_URL_SAFE_NO_PAD.encode(key(last)));
        Ok((items, next))
    }
}

fn opened(token: &str) -> Result<String, AwsError> {
    BASE64_URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            error::invalid(
                "INVALID_NEXT_TOKEN",
                "You must get NextToken from the answer of an earlier call of this operation.",
            )
        })
}
