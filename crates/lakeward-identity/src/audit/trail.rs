use std::{
    io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use lakeward_policy::Decision;
use lakeward_wire::AwsError;
use serde_json::{Value, json};

use super::{
    keep::Keep,
    observer::{Observed, Observer},
    record,
    redaction::clipped,
    writer::Writer,
};
use crate::{Call, Origin, ServiceSession};

/// Where audit records go: files of JSON lines, appended to and never rewritten.
pub struct AuditTrail {
    folder: PathBuf,
    writer: Writer,
    observer: OnceLock<Box<dyn Observer>>,
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

/// Someone who came through a door that has no signatures: with a user name and a password of a
/// cluster.
#[derive(Debug, Clone, Copy)]
pub struct Guest<'a> {
    /// The account of the cluster.
    pub account: &'a str,
    /// The user name; none when nobody could be made out.
    pub user_name: Option<&'a str>,
    /// The ARN of the principal that was given the user name.
    pub issued_to: Option<&'a str>,
    /// The ARN of the role or user behind it, where it is known.
    pub issuer: Option<&'a str>,
    /// The role that the guest works under.
    pub role_arn: Option<&'a str>,
    /// The source identity that the guest's sessions carry.
    pub source_identity: Option<&'a str>,
}

impl AuditTrail {
    /// Opens the trail in `folder`, creating `audit.jsonl` if needed.
    ///
    /// # Errors
    /// The file can't be opened for appending.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::open_with(folder, Keep::default())
    }

    /// Opens the trail in `folder` and keeps as much of it as `keep` says.
    ///
    /// # Errors
    /// The file can't be opened for appending.
    pub fn open_with(folder: &Path, keep: Keep) -> io::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            writer: Writer::open(folder, keep)?,
            observer: OnceLock::new(),
        })
    }

    /// Tells `observer` of every record from now on. The first one stays.
    pub fn observe(&self, observer: Box<dyn Observer>) {
        let _ = self.observer.set(observer);
    }

    /// The folder of the trail's files, for a [`super::Reader`].
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the next record can be written. Asked before an operation runs, so that nothing is
    /// changed without a trace.
    ///
    /// # Errors
    /// `ServiceUnavailable`: an earlier record still can't be written.
    pub fn ready(&self) -> Result<(), AwsError> {
        self.writer.ready().map_err(unwritten)
    }

    /// Writes the record of an authenticated call.
    ///
    /// # Errors
    /// `ServiceUnavailable`: the record can't be written, so the call's answer must not leave.
    pub fn call(&self, call: &Call, event: Event<'_>) -> Result<(), AwsError> {
        let observed = Observed::of(&event, Some(call.origin()));
        self.append(record::of_call(call, event), observed)
    }

    /// Writes the record of a request that never became a call. What a stranger sends is not kept:
    /// the record has no parameters, so its size doesn't depend on the request's.
    ///
    /// # Errors
    /// `ServiceUnavailable`: the record can't be written.
    pub fn refused(
        &self,
        origin: &Origin,
        access_key_id: Option<&str>,
        event: Event<'_>,
    ) -> Result<(), AwsError> {
        let event = Event {
            parameters: Value::Null,
            ..event
        };
        let observed = Observed::of(&event, Some(origin));
        let mut record = record::of_event(origin, event, &[]);
        let key = access_key_id.map(clipped);
        let stranger = json!({"type": "Unknown", "accessKeyId": key});
        record.insert("userIdentity".into(), stranger);
        self.append(Value::Object(record), observed)
    }

    /// Writes the record of what an AWS service of this instance asked for itself.
    ///
    /// # Errors
    /// `ServiceUnavailable`: the record can't be written, so the service must not go on.
    pub(crate) fn service(
        &self,
        wish: &ServiceSession<'_>,
        decision: Option<&Decision>,
        event: Event<'_>,
    ) -> Result<(), AwsError> {
        let observed = Observed::of(&event, None);
        self.append(record::of_service(wish, decision, event), observed)
    }

    /// Writes the record of a guest's request, and what it `made`.
    ///
    /// # Errors
    /// `ServiceUnavailable`: the record can't be written, so the answer must not leave.
    pub fn guest(
        &self,
        origin: &Origin,
        guest: &Guest<'_>,
        event: Event<'_>,
        made: Value,
    ) -> Result<(), AwsError> {
        let observed = Observed::of(&event, None);
        self.append(record::of_guest(origin, guest, event, made), observed)
    }

    fn append(&self, record: Value, mut observed: Observed<'_>) -> Result<(), AwsError> {
        let mut line = record.to_string();
        line.push('\n');
        let written = self.writer.append(line);
        if let Some(observer) = self.observer.get() {
            observed.is_recorded = written.is_ok();
            observer.request(&observed);
        }
        written.map_err(unwritten)
    }
}

fn unwritten(error: io::Error) -> AwsError {
    AwsError::new(
        503,
        "ServiceUnavailable",
        format!(
            "No calls are answered because the audit trail can't be written ({error}). Calls are \
             answered again as soon as it can be: make room on its disk."
        ),
    )
}
