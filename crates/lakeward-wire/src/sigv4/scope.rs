use std::fmt;

use super::{incomplete, mismatch};
use crate::AwsError;

/// Longer than any element of a credential (access key ids have at most 128 characters).
const LONGEST_ELEMENT: usize = 128;

/// The credential scope: what a signature is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// `YYYYMMDD`.
    pub date: String,
    /// The region signed for.
    pub region: String,
    /// The service's signing name.
    pub service: String,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/aws4_request",
            self.date, self.region, self.service
        )
    }
}

/// Splits a credential into the access key id and the scope.
pub(super) fn credential(value: &str) -> Result<(String, Scope), AwsError> {
    let elements: Vec<&str> = value.split('/').collect();
    let [key, date, region, service, terminator] = *elements else {
        return Err(incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{value}'"
        )));
    };
    if terminator != "aws4_request" {
        return Err(mismatch(format!(
            "Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'."
        )));
    }
    let sized = |element: &&str| (1..=LONGEST_ELEMENT).contains(&element.len());
    if ![key, date, region, service].iter().all(sized) {
        return Err(incomplete(format!(
            "Credential has an element that is empty or longer than {LONGEST_ELEMENT} characters"
        )));
    }
    let scope = Scope {
        date: date.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
    };
    Ok((key.to_owned(), scope))
}
