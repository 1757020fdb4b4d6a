//! What a case comes to.

use std::fmt;

use lakeward_policy::{Decision, Effect, Remedy, evaluate};
use serde::Serialize;
use serde_json::Value;

use crate::case::{Case, Documents, Unjudged};

/// The answer to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Verdict {
    /// Allowed.
    Allowed,
    /// Some gate has no statement that allows the request.
    ImplicitlyDenied,
    /// A statement denies the request.
    ExplicitlyDenied,
}

/// The answer with everything that led to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The case's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// The answer.
    pub result: Verdict,
    /// AWS's text for a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The doors and what each said.
    pub decision: Decision,
    /// The smallest changes that would allow the request; none are needed when it is allowed.
    pub remedies: Vec<Remedy>,
}

/// The answer to a line that can't be judged.
#[derive(Serialize)]
struct Failure<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: &'a Option<Value>,
    result: &'static str,
    error: &'a str,
}

impl From<Effect> for Verdict {
    fn from(effect: Effect) -> Verdict {
        match effect {
            Effect::Allowed => Verdict::Allowed,
            Effect::ImplicitDeny => Verdict::ImplicitlyDenied,
            Effect::ExplicitDeny => Verdict::ExplicitlyDenied,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Allowed => "Allowed",
            Verdict::ImplicitlyDenied => "ImplicitlyDenied",
            Verdict::ExplicitlyDenied => "ExplicitlyDenied",
        })
    }
}

/// Judges a case.
pub fn judge(case: &Case) -> Verdict {
    decide(case).effect.into()
}

/// Judges a case and tells why.
pub fn explain(case: &Case) -> Explanation {
    let decision = decide(case);
    let request = case.request();
    Explanation {
        id: case.id.clone(),
        result: decision.effect.into(),
        message: (!decision.is_allowed()).then(|| decision.denial_message(&request)),
        remedies: decision.remedies(&request),
        decision,
    }
}

fn decide(case: &Case) -> Decision {
    case.with_layers(|layers| evaluate(&case.request(), layers))
}

/// The answer to one line of a batch, as the line of output for it. Documents that were compiled
/// for earlier lines are found in `documents`.
///
/// # Errors
/// The line of output for a case that can't be judged: `Error:` and why, or the same as JSON.
pub fn answer(line: &[u8], detail: Detail, documents: &mut Documents) -> Result<String, String> {
    match (Case::read(line, documents), detail) {
        (Ok(case), Detail::Verdict) => Ok(judge(&case).to_string()),
        (Ok(case), Detail::Explanation) => Ok(json(&explain(&case))),
        (Err(unjudged), Detail::Verdict) => Err(format!("Error:{}", unjudged.why)),
        (Err(Unjudged { id, why }), Detail::Explanation) => Err(json(&Failure {
            id: &id,
            result: "Error",
            error: &why,
        })),
    }
}

/// How much is said about each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// One word.
    Verdict,
    /// A JSON object with the decision and its remedies.
    Explanation,
}

fn json(value: &impl Serialize) -> String {
    // These types have string keys only and always serialise; an empty line would be noticed.
    serde_json::to_string(value).unwrap_or_default()
}
