use jiff::Timestamp;
use serde_json::Value;

use super::lines::Line;

/// Where a record is: a reader can go on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The file, whatever it is called by now.
    pub file: u64,
    /// The record's first byte.
    pub offset: u64,
}

/// One record of the trail.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    value: Value,
    place: Place,
}

impl AuditRecord {
    pub(super) fn parse(line: &Line, file: u64) -> Option<Self> {
        let value: Value = serde_json::from_slice(&line.bytes).ok()?;
        value.is_object().then_some(Self {
            value,
            place: Place {
                file,
                offset: line.offset,
            },
        })
    }

    /// The whole record.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Takes the whole record.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.value
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }

    /// When the call began, to the second.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.text("/eventTime")?.parse().ok()
    }

    /// The operation.
    #[must_use]
    pub fn event_name(&self) -> Option<&str> {
        self.text("/eventName")
    }

    /// The service, as `name.amazonaws.com`.
    #[must_use]
    pub fn event_source(&self) -> Option<&str> {
        self.text("/eventSource")
    }

    /// The record's own id.
    #[must_use]
    pub fn event_id(&self) -> Option<&str> {
        self.text("/eventID")
    }

    /// The request's id, as its answer has it.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.text("/requestID")
    }

    /// The account that was called in.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.text("/recipientAccountId")
    }

    /// The caller's ARN.
    #[must_use]
    pub fn principal_arn(&self) -> Option<&str> {
        self.text("/userIdentity/arn")
    }

    /// The ARN of the role behind the caller's session.
    #[must_use]
    pub fn issuer_arn(&self) -> Option<&str> {
        self.text("/userIdentity/sessionContext/sessionIssuer/arn")
    }

    /// The role that a cluster's session works under, which the caller was given a user name for.
    #[must_use]
    pub fn execution_role_arn(&self) -> Option<&str> {
        self.text("/additionalEventData/executionRoleArn")
    }

    /// The user name that the caller came to a cluster with.
    #[must_use]
    pub fn cluster_user_name(&self) -> Option<&str> {
        self.text("/additionalEventData/username")
    }

    /// The user's name, a role session's, or `root`.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        if let Some(name) = self.text("/userIdentity/userName") {
            return Some(name);
        }
        let arn = self.principal_arn()?;
        match arn.rsplit_once('/') {
            Some((_, name)) => Some(name),
            None => arn.rsplit(':').next(),
        }
    }

    /// The source identity of the caller's session.
    #[must_use]
    pub fn source_identity(&self) -> Option<&str> {
        self.text("/userIdentity/sessionContext/sourceIdentity")
    }

    /// The key that signed.
    #[must_use]
    pub fn access_key_id(&self) -> Option<&str> {
        self.text("/userIdentity/accessKeyId")
    }

    /// The address that the call came from.
    #[must_use]
    pub fn source_ip(&self) -> Option<&str> {
        self.text("/sourceIPAddress")
    }

    /// The error's code, if the call failed.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        self.text("/errorCode")
    }

    /// The error's text, if the call failed.
    #[must_use]
    pub fn error_message(&self) -> Option<&str> {
        self.text("/errorMessage")
    }

    /// Whether the operation only reads.
    #[must_use]
    pub fn read_only(&self) -> Option<bool> {
        self.value.get("readOnly")?.as_bool()
    }

    /// Whether this is no data event.
    #[must_use]
    pub fn is_management(&self) -> bool {
        self.text("/eventCategory") != Some("Data")
    }

    /// The resources, each with its ARN and, where there is one, its type.
    pub fn resources(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let resources = self.value.get("resources").and_then(Value::as_array);
        resources.into_iter().flatten().filter_map(|resource| {
            let kind = resource.get("type").and_then(Value::as_str);
            Some((resource.get("ARN")?.as_str()?, kind))
        })
    }

    /// The decisions that were made, of every door.
    pub fn decisions(&self) -> impl Iterator<Item = &Value> {
        let decisions = self.value.pointer("/additionalEventData/decisions");
        decisions.and_then(Value::as_array).into_iter().flatten()
    }

    /// Whether the call was refused: by a policy or another door, or for its signature or key.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        const REFUSALS: [&str; 12] = [
            "AccessDenied",
            "UnauthorizedOperation",
            "InvalidClientTokenId",
            "UnrecognizedClient",
            "SignatureDoesNotMatch",
            "InvalidSignature",
            "ExpiredToken",
            "InvalidToken",
            "InvalidAccessKeyId",
            "MissingAuthenticationToken",
            "IncompleteSignature",
            "Unauthorized",
        ];
        let Some(code) = self.error_code() else {
            return false;
        };
        REFUSALS.contains(&code.strip_suffix("Exception").unwrap_or(code))
    }
}
