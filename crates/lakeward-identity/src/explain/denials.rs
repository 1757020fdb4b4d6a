//! The last denials, out of the audit trail.

use std::path::Path;

use lakeward_wire::AwsError;
use serde_json::{Value, json};

use crate::audit::{AuditRecord, Filter, Order, Reader};

/// How much of the trail one request reads, in bytes.
const BUDGET: u64 = 128 << 20;

/// The last denials that `filter` asks for, the last one first; whether there may be more.
///
/// # Errors
/// The trail can't be read.
pub(super) fn last(
    folder: &Path,
    filter: Filter,
    count: usize,
) -> Result<(Vec<Value>, bool), AwsError> {
    let filter = Filter {
        denied: true,
        ..filter
    };
    let reader = Reader::open(folder, filter, Order::NewestFirst).map_err(AwsError::internal)?;
    let mut reader = reader.within(BUDGET);
    let mut found = Vec::new();
    while found.len() < count {
        match reader.next() {
            Some(record) => found.push(shown(&record.map_err(AwsError::internal)?)),
            None => return Ok((found, reader.is_spent())),
        }
    }
    Ok((found, true))
}

fn shown(record: &AuditRecord) -> Value {
    let decisions: Vec<&Value> = record.decisions().collect();
    json!({
        "EventTime": record.time().map(lakeward_wire::iso),
        "EventId": record.event_id(),
        "RequestId": record.request_id(),
        "Principal": record.principal_arn(),
        "SourceIdentity": record.source_identity(),
        "EventSource": record.event_source(),
        "EventName": record.event_name(),
        "ErrorCode": record.error_code(),
        "ErrorMessage": record.error_message(),
        "Decisions": decisions,
    })
}
