//! Judging written cases: batches of requests, expectation files and lint reports.
//!
//! Text comes in and data goes out; files and processes are the caller's.
//!
//! ```
//! use lakeward_simulator::{Detail, Documents, answer};
//!
//! let line = br#"{"identityPolicies": [{"Version": "2012-10-17", "Statement":
//!                  {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}],
//!   "request": {"principal": "arn:aws:iam::111122223333:user/ana", "action": "s3:GetObject",
//!     "resource": {"resource": "arn:aws:s3:::lake/a", "accountId": "111122223333"}, "contextVariables": {}}}"#;
//! let verdict = answer(line, Detail::Verdict, &mut Documents::default());
//! assert_eq!(verdict.as_deref(), Ok("Allowed"));
//! ```
#![forbid(unsafe_code)]

mod case;
pub mod expectation;
pub mod lint;
mod verdict;
mod words;

pub use case::{Case, Documents, NamedPolicy, Policies, PrincipalError, Unjudged, principal};
pub use verdict::{Detail, Explanation, Verdict, answer, explain, judge};
