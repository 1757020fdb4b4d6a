//! Actions and condition keys that don't exist.

use lakeward_policy::StatementSummary;
use lakeward_vocabulary::{action, actions_matching, condition_key, nearest, nearest_key, service};

use super::{Remarks, Subject, suggestion};

pub(super) fn check(
    subject: &Subject<'_>,
    statement: &StatementSummary<'_>,
    remarks: &mut Remarks<'_>,
) {
    for pattern in &statement.written.actions {
        check_action(pattern, remarks);
    }
    for condition in &statement.written.conditions {
        check_key(&condition.key, "condition key", remarks);
    }
    let values = statement
        .written
        .conditions
        .iter()
        .flat_map(|condition| &condition.values);
    let known = subject.document.context_keys();
    for variable in values
        .chain(&statement.written.resources)
        .flat_map(|text| variables(text))
    {
        // What the language doesn't take for a variable is plain text.
        if known.contains(variable) {
            check_key(variable, "policy variable", remarks);
        }
    }
}

fn check_action(pattern: &str, remarks: &mut Remarks<'_>) {
    let Some((prefix, _)) = pattern.split_once(':').filter(|(prefix, _)| *prefix != "*") else {
        return;
    };
    let otherwise = "See the Service Authorization Reference for the actions that exist.";
    if service(prefix).is_none() {
        let message = format!("No service has the prefix {prefix}, so {pattern} matches nothing");
        remarks.error(
            "unknown-service",
            message,
            suggestion(&nearest(pattern), otherwise),
        );
    } else if pattern.contains(['*', '?']) {
        if actions_matching(pattern).next().is_none() {
            let message = format!("{pattern} matches no action");
            remarks.error("unknown-action", message, otherwise);
        }
    } else if action(pattern).is_none() {
        let message = format!("There is no action {pattern}");
        remarks.error(
            "unknown-action",
            message,
            suggestion(&nearest(pattern), otherwise),
        );
    }
}

fn check_key(key: &str, what: &str, remarks: &mut Remarks<'_>) {
    // Identity providers' hosts come before the claims of their tokens; those are the provider's.
    let of_provider = key
        .rsplit_once(':')
        .is_some_and(|(prefix, _)| prefix.contains('.'));
    if condition_key(key).is_some() || of_provider {
        return;
    }
    let message = format!("There is no {what} {key}, so no request carries it");
    let otherwise = "See the Service Authorization Reference for the service's keys and the IAM User Guide for global ones.";
    remarks.error(
        "unknown-key",
        message,
        suggestion(&nearest_key(key), otherwise),
    );
}

/// The names of the variables in a text.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| {
        let (inner, _) = rest.split_once('}')?;
        Some(inner.split(',').next().unwrap_or(inner).trim())
    })
}
