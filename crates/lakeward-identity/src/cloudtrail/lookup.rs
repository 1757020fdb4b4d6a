//! The input and output of `LookupEvents` (CloudTrail API Reference).

use jiff::Timestamp;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use crate::audit::{AuditRecord, Filter};

const MOST: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LookupEvents {
    #[serde(default)]
    lookup_attributes: Vec<LookupAttribute>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    event_category: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LookupAttribute {
    attribute_key: String,
    attribute_value: String,
}

impl LookupEvents {
    pub(super) fn token(&self) -> Option<&str> {
        self.next_token.as_deref()
    }

    pub(super) fn count(&self) -> Result<usize, AwsError> {
        let asked = self.max_results.unwrap_or(50);
        let count = usize::try_from(asked).ok();
        count
            .filter(|count| (1..=MOST).contains(count))
            .ok_or_else(|| {
                AwsError::new(
                    400,
                    "InvalidMaxResultsException",
                    format!("A max results value of {asked} is invalid. Specify max results between 1 and {MOST}."),
                )
            })
    }

    /// The management events of the caller's account that are asked for.
    pub(super) fn filter(&self, account: &str) -> Result<Filter, AwsError> {
        if self.event_category.is_some() {
            return Err(AwsError::new(
                400,
                "InvalidEventCategoryException",
                "EventCategory is not supported: there are no Insights events; leave it out for management events.",
            ));
        }
        let mut filter = Filter {
            account: Some(account.to_owned()),
            management: Some(true),
            since: self.start_time.map(moment).transpose()?,
            until: self.end_time.map(moment).transpose()?,
            ..Filter::default()
        };
        if let (Some(since), Some(until)) = (filter.since, filter.until)
            && since > until
        {
            return Err(bad_time("StartTime is after EndTime."));
        }
        match &*self.lookup_attributes {
            [] => {}
            [attribute] => attribute.apply(&mut filter)?,
            _ => return Err(bad_attributes("You can specify only one lookup attribute.")),
        }
        Ok(filter)
    }
}

impl LookupAttribute {
    fn apply(&self, filter: &mut Filter) -> Result<(), AwsError> {
        let value = self.attribute_value.clone();
        if value.is_empty() || value.len() > 2000 {
            return Err(bad_attributes(
                "AttributeValue must have 1 to 2000 characters.",
            ));
        }
        let member = match &*self.attribute_key {
            "EventId" => &mut filter.event_id,
            "EventName" => &mut filter.event_name,
            "Username" => &mut filter.user,
            "EventSource" => &mut filter.service,
            "ResourceType" => &mut filter.resource_type,
            "ResourceName" => &mut filter.resource,
            "AccessKeyId" => &mut filter.access_key_id,
            "ReadOnly" => {
                let wanted = value
                    .parse()
                    .map_err(|_| bad_attributes("ReadOnly must be true or false."))?;
                filter.read_only = Some(wanted);
                return Ok(());
            }
            other => {
                return Err(bad_attributes(&format!(
                    "`{other}` is not an attribute key: EventId, EventName, ReadOnly, Username, ResourceType, ResourceName, EventSource, AccessKeyId"
                )));
            }
        };
        *member = Some(value);
        Ok(())
    }
}

fn moment(seconds: f64) -> Result<Timestamp, AwsError> {
    const LIMIT: f64 = 100_000_000_000.0;
    if !(-LIMIT..=LIMIT).contains(&seconds) {
        return Err(bad_time("StartTime and EndTime are seconds since 1970."));
    }
    // In the range of an i64 for sure.
    Timestamp::from_millisecond((seconds * 1000.0) as i64)
        .map_err(|_| bad_time("StartTime and EndTime are seconds since 1970."))
}

fn bad_time(why: &str) -> AwsError {
    AwsError::new(400, "InvalidTimeRangeException", why)
}

fn bad_attributes(why: &str) -> AwsError {
    AwsError::new(400, "InvalidLookupAttributesException", why)
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LookupOutput {
    events: Vec<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    event_id: Option<String>,
    event_name: Option<String>,
    /// A text in CloudTrail.
    read_only: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    /// Seconds since 1970.
    event_time: Option<f64>,
    event_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    resources: Vec<Resource>,
    cloud_trail_event: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    resource_type: Option<String>,
    resource_name: String,
}

impl LookupOutput {
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn push(&mut self, record: AuditRecord) {
        self.events.push(Event::of(record));
    }

    pub(super) fn set_next(&mut self, token: String) {
        self.next_token = Some(token);
    }
}

impl Event {
    fn of(record: AuditRecord) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let resources = record.resources().map(|(arn, kind)| Resource {
            resource_type: own(kind),
            resource_name: arn.to_owned(),
        });
        Self {
            event_id: own(record.event_id()),
            event_name: own(record.event_name()),
            read_only: record.read_only().unwrap_or_default().to_string(),
            access_key_id: own(record.access_key_id()),
            event_time: record.time().map(lakeward_wire::epoch),
            event_source: own(record.event_source()),
            username: own(record.user_name()),
            resources: resources.collect(),
            cloud_trail_event: without_explanation(record),
        }
    }
}

/// The record as CloudTrail would give it: why something was denied is for those who may ask
/// `lakeward:ListDenials`.
fn without_explanation(record: AuditRecord) -> String {
    let mut value = record.into_value();
    if let Some(members) = value.as_object_mut() {
        members.shift_remove("additionalEventData");
    }
    value.to_string()
}
