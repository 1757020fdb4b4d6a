//! From JSON to an operation's input, with refusals that name the member.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::AwsError;

/// How serde begins to say that a member is of the right type and breaks its rule, or is missing:
/// what AWS's services call a validation error.
const BROKEN_RULES: [&str; 3] = ["unknown variant", "invalid value", "missing field"];

/// Takes away the members that are null: in AWS's JSON protocols they aren't given ("Null values" of
/// Smithy's AWS JSON 1.1 protocol).
pub(super) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, AwsError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let why = error.inner().to_string();
        let breaks_rule = BROKEN_RULES.iter().any(|rule| why.starts_with(rule));
        let text = match error.path().to_string() {
            whole if whole == "." => why,
            member => format!("{member}: {why}"),
        };
        match breaks_rule {
            true => AwsError::validation(text),
            false => AwsError::new(400, "SerializationException", text),
        }
    })
}
