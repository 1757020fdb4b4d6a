//! The IAM policy language: parse, compile, evaluate, explain.
//!
//! Everything here is pure: text and request facts go in, a [`Decision`] with its reasons comes
//! out. Documents are compiled when they are parsed, so that a decision only walks patterns that
//! are already split and lower-cased.
//!
//! ```
//! use lakeward_policy::{Attached, Context, Layers, PolicyDocument, Principal, Request, Usage, evaluate};
//!
//! let text = r#"{"Version": "2012-10-17",
//!                "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::lake/*"}}"#;
//! let document = PolicyDocument::parse(text, Usage::Identity).expect("a valid policy");
//! let principal = Principal::User { arn: "arn:aws:iam::111122223333:user/ana".into() };
//! let request = Request {
//!     principal: &principal,
//!     unique_id: None,
//!     action: "s3:GetObject",
//!     resource: "arn:aws:s3:::lake/a.parquet",
//!     context: &Context::new(),
//! };
//! let attached = [Attached { name: "read-lake", document: &document }];
//! let layers = Layers { identity: &attached, ..Layers::default() };
//! assert!(evaluate(&request, &layers).is_allowed());
//! ```
#![forbid(unsafe_code)]

mod action;
mod arn;
mod condition;
mod context;
mod decision;
mod document;
mod evaluate;
mod gate;
mod json;
mod layers;
mod operand;
mod parser;
mod pattern;
mod principal;
mod quota;
mod remedy;
mod statement;
mod summary;
mod variables;

pub use arn::{Arn, ArnError};
pub use context::Context;
pub use decision::{Decision, Door, Effect, Outcome, Reason};
pub use document::{MAX_POLICY_BYTES, MalformedPolicy, PolicyDocument, Usage};
pub use evaluate::evaluate;
pub use layers::{Attached, Layers, Request, ResourceSide};
pub use pattern::Glob;
pub use principal::Principal;
pub use quota::Quota;
pub use remedy::{Existing, Remedy};
pub use statement::StatementEffect;
pub use summary::{StatementSummary, Written, WrittenCondition};
