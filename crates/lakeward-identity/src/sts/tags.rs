//! Session tags on their way through a chain of roles.

use lakeward_wire::AwsError;

use crate::{
    Caller,
    inventory::{Tags, folded},
};

/// The tags that the caller's session hands on.
pub(super) fn inherited(caller: &Caller) -> Tags {
    let Some(session) = caller.session() else {
        return Tags::new();
    };
    let transitive: Vec<String> = session.transitive.iter().map(|key| folded(key)).collect();
    session
        .tags
        .iter()
        .filter(|(key, _)| transitive.contains(&folded(key)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// What a chain inherits can't be passed anew, and only what is passed can be made transitive; tag
/// keys have no case ("Pass session tags in AWS STS" of the IAM User Guide, whose text the
/// conflict has).
pub(super) fn check_chain(
    inherited: &Tags,
    passed: &[(String, String)],
    transitive: &[String],
) -> Result<(), AwsError> {
    let refused = |message: &str| Err(AwsError::new(400, "InvalidParameterValue", message));
    let inherited: Vec<String> = inherited.keys().map(|key| folded(key)).collect();
    let named: Vec<String> = passed.iter().map(|(key, _)| folded(key)).collect();
    let transitive: Vec<String> = transitive.iter().map(|key| folded(key)).collect();
    if named
        .iter()
        .chain(&transitive)
        .any(|key| inherited.contains(key))
    {
        return refused(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
        );
    }
    if !transitive.iter().all(|key| named.contains(key)) {
        return refused("The specified transitive tag key must be included in the requested tags.");
    }
    Ok(())
}
