//! The audit trail: one CloudTrail-format record a call, allowed or denied.
//!
//! A record is in its file before the call's answer leaves, so that a killed process loses none
//! that was answered. The file reaches the disk within 100 ms: a loss of power may
//! cost the records of that time, not more. A trail that can't be written refuses calls before
//! they do anything, until it can be written again.

mod entry;
mod files;
mod filter;
mod follow;
mod keep;
mod lines;
mod observer;
mod reader;
mod record;
mod redaction;
mod trail;
mod writer;

pub use entry::{AuditRecord, Place};
pub use filter::Filter;
pub use follow::Follower;
pub use keep::{Keep, KeepError};
pub use observer::{Observed, Observer, RequestOutcome};
pub use reader::{Order, Reader};
pub use trail::{AuditTrail, Event, Guest};

pub(crate) use record::{Judgement, Why, forbidden_by_owner, keeps_response};
