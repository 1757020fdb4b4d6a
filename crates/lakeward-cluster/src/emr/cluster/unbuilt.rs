//! Fields that AWS has and Lakeward hasn't: one that says something is refused by name.

use serde_json::{Map, Value};

use crate::emr::error::EmrError;

/// Refuses fields that say something; an empty list or null says nothing.
pub(crate) fn refuse(place: &str, fields: &Map<String, Value>) -> Result<(), EmrError> {
    let says_something = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    };
    match fields.iter().find(|(_, value)| says_something(value)) {
        Some((field, _)) => Err(EmrError::Unsupported(format!("The field '{place}{field}'"))),
        None => Ok(()),
    }
}
