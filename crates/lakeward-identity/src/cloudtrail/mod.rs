//! CloudTrail's event history: `LookupEvents` over the audit trail.

mod lookup;
mod token;

use std::{path::Path, sync::Arc};

use lakeward_policy::Context;
use lakeward_wire::{AwsError, Protocol};

use crate::{
    Call, Identity, Service,
    audit::{Order, Reader},
};
use lookup::{LookupEvents, LookupOutput};
use token::Token;

/// How much of the trail one request reads, in bytes; the next page goes on from there.
const BUDGET: u64 = 64 << 20;

/// The CloudTrail service table.
#[must_use]
pub fn service(identity: &Arc<Identity>) -> Service {
    let protocol = Protocol::AwsJson {
        target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
    };
    Service::new("cloudtrail", protocol).operation("LookupEvents", identity, lookup_events)
}

async fn lookup_events(
    identity: Arc<Identity>,
    call: Call,
    input: LookupEvents,
) -> Result<LookupOutput, AwsError> {
    let _permit = call.authorize("cloudtrail:LookupEvents", "*", Context::new())?;
    let folder = identity.audit().folder().to_owned();
    let account = call.account().to_owned();
    let read = tokio::task::spawn_blocking(move || page(&folder, &account, &input));
    read.await.map_err(AwsError::internal)?
}

fn page(folder: &Path, account: &str, input: &LookupEvents) -> Result<LookupOutput, AwsError> {
    let filter = input.filter(account)?;
    let count = input.count()?;
    let begun = input
        .token()
        .map(|text| Token::read(text, &filter))
        .transpose()?;
    let reader = Reader::open(folder, filter.clone(), Order::NewestFirst);
    let mut reader = reader.map_err(AwsError::internal)?.within(BUDGET);
    if let Some(begun) = begun
        && !reader.skip_to(begun.place).map_err(AwsError::internal)?
    {
        return Err(token::invalid());
    }
    let mut output = LookupOutput::default();
    while output.len() < count {
        match reader.next() {
            Some(record) => output.push(record.map_err(AwsError::internal)?),
            None => break,
        }
    }
    let more = output.len() == count || reader.is_spent();
    if let Some(place) = reader.place().filter(|_| more) {
        output.set_next(Token { place }.text(&filter));
    }
    Ok(output)
}
