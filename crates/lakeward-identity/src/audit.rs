//! The audit trail: one CloudTrail-format record a call, allowed or denied.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use lakeward_wire::{AwsError, iso};
use serde_json::{Map, Value, json};

use crate::{Call, Origin, caller::Kind};

/// The longest parameters that are written, in bytes, as in CloudTrail.
const MAX_PARAMETERS: usize = 100 << 10;
/// The longest text of a header or message that is written, in bytes, as in CloudTrail.
const MAX_TEXT: usize = 1 << 10;

/// Where audit records go: a file of JSON lines, appended to and never rewritten.
pub struct AuditTrail {
    file: Mutex<File>,
}

/// What was asked for, whoever asked.
pub struct Event<'a> {
    /// The service's signing name.
    pub service: &'a str,
    /// The operation.
    pub operation: &'a str,
    /// The input; members that promise a secret are blanked.
    pub parameters: Value,
    /// This instance's region.
    pub region: &'a str,
    /// The request's id.
    pub request_id: &'a str,
    /// Why it was refused, if it was.
    pub error: Option<&'a AwsError>,
}

impl AuditTrail {
    /// Opens the trail in `folder`, creating `audit.jsonl` if needed.
    ///
    /// # Errors
    /// The file can't be opened for appending.
    pub fn open(folder: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(folder.join("audit.jsonl"))?;
        Ok(Self {
            file: Mutex::new(file),
        })
    }

    /// Writes the record of an authenticated call.
    pub fn call(&self, call: &Call, event: Event<'_>) {
        let mut record = record(call.origin(), event);
        record.insert("userIdentity".into(), user_identity(call));
        record.insert("recipientAccountId".into(), json!(call.account()));
        record.insert(
            "additionalEventData".into(),
            json!({"decisions": call.judgements()}),
        );
        self.append(Value::Object(record));
    }

    /// Writes the record of a request that never became a call. What a stranger sends is not kept:
    /// the record has no parameters, so its size doesn't depend on the request's.
    pub fn refused(&self, origin: &Origin, access_key_id: Option<&str>, event: Event<'_>) {
        let event = Event {
            parameters: Value::Null,
            ..event
        };
        let mut record = record(origin, event);
        let key = access_key_id.map(clipped);
        record.insert(
            "userIdentity".into(),
            json!({"type": "Unknown", "accessKeyId": key}),
        );
        self.append(Value::Object(record));
    }

    fn append(&self, record: Value) {
        let mut line = record.to_string();
        line.push('\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::error!(%error, %record, "the audit record could not be written");
        }
    }
}

fn record(origin: &Origin, event: Event<'_>) -> Map<String, Value> {
    let mut record = Map::new();
    let mut set = |key: &str, value: Value| record.insert(key.to_owned(), value);
    set("eventVersion", json!("1.11"));
    set("eventTime", json!(iso(origin.at)));
    set(
        "eventSource",
        json!(format!("{}.amazonaws.com", event.service)),
    );
    set("eventName", json!(event.operation));
    set("awsRegion", json!(event.region));
    set("sourceIPAddress", json!(origin.source_ip.to_string()));
    set(
        "userAgent",
        json!(origin.user_agent.as_deref().map(clipped)),
    );
    if let Some(error) = event.error {
        set("errorCode", json!(error.code));
        set("errorMessage", json!(clipped(&error.message)));
    }
    set("requestParameters", bounded(redact(event.parameters)));
    set("requestID", json!(event.request_id));
    set("eventID", json!(uuid::Uuid::new_v4().to_string()));
    set("eventType", json!("AwsApiCall"));
    record
}

fn user_identity(call: &Call) -> Value {
    let caller = call.caller();
    let kind = match &caller.kind {
        Kind::Root => "Root",
        Kind::User(_) => "IAMUser",
        Kind::Role { .. } => "AssumedRole",
    };
    let mut identity = json!({
        "type": kind,
        "principalId": caller.user_id(),
        "arn": caller.arn(),
        "accountId": caller.account,
        "accessKeyId": caller.access_key_id,
    });
    if let (Kind::Role { role, session }, Some(members)) = (&caller.kind, identity.as_object_mut())
    {
        let context = json!({
            "sessionIssuer": {
                "type": "Role", "principalId": role.id, "arn": role.arn(),
                "accountId": role.account, "userName": role.name,
            },
            "attributes": {"creationDate": iso(session.issued_at), "mfaAuthenticated": "false"},
            "sourceIdentity": session.source_identity,
        });
        members.insert("sessionContext".into(), context);
    }
    identity
}

/// The beginning of a text that may be long.
fn clipped(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT))
        .unwrap_or_default()
}

/// Parameters that are not too long to keep; of others, their size.
fn bounded(parameters: Value) -> Value {
    let size = parameters.to_string().len();
    if size <= MAX_PARAMETERS {
        return parameters;
    }
    json!({
        "omitted": true,
        "originalSize": size,
        "reason": "the parameters are larger than 100 KB",
    })
}

/// Members whose names promise a secret are not written.
fn redact(value: Value) -> Value {
    const SECRET: [&str; 3] = ["secret", "password", "token"];
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| {
                    let lower = name.to_ascii_lowercase();
                    let hidden = SECRET.iter().any(|word| lower.contains(word));
                    let value = if hidden {
                        json!("[redacted]")
                    } else {
                        redact(value)
                    };
                    (name, value)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(redact).collect()),
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_parameters_leave_their_size() {
        let short = json!({"A": "x".repeat(100_000)});
        assert_eq!(bounded(short.clone()), short);
        let long = bounded(json!({"A": "x".repeat(200_000)}));
        assert_eq!(long["originalSize"], 200_008);
        assert!(long.to_string().len() < 200);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(clipped("short"), "short");
        let cut = clipped(&"é".repeat(2000)).len();
        assert_eq!(cut, MAX_TEXT);
        assert_eq!(
            clipped(&format!("x{}", "é".repeat(2000))).len(),
            MAX_TEXT - 1
        );
    }

    #[test]
    fn secrets_are_not_written() {
        let value = json!({"A": [{"SecretString": "x", "SessionToken": "y"}], "Name": "z"});
        assert_eq!(
            redact(value),
            json!({"A": [{"SecretString": "[redacted]", "SessionToken": "[redacted]"}], "Name": "z"})
        );
    }
}
