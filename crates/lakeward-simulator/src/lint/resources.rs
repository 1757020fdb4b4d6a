//! Resource patterns that the statement's actions never act on.

use std::collections::BTreeMap;

use lakeward_policy::StatementSummary;
use lakeward_vocabulary::{Action, ResourceType, action, actions_matching};

use super::Remarks;

pub(super) fn check(statement: &StatementSummary<'_>, remarks: &mut Remarks<'_>) {
    let written = statement.written;
    let patterns = &written.resources;
    let whole = patterns.is_empty() || patterns.iter().any(|pattern| pattern == "*");
    if written.not_action || written.not_resource || whole {
        return;
    }
    let mut useless = false;
    for named in written.actions.iter().filter_map(|name| action(name)) {
        if !acts_on_any(named, patterns) {
            useless = true;
            remarks.warning(
                "resource-not-supported",
                format!("{named} never acts on the statement's resources, so the statement does nothing about it"),
                wanted(named),
            );
        }
    }
    // One remark is enough where each action has its own; unknown actions have theirs.
    let mut known = written
        .actions
        .iter()
        .flat_map(|action| actions_matching(action));
    if (useless && patterns.len() == 1) || known.next().is_none() {
        return;
    }
    let types = types(statement);
    for pattern in patterns {
        if !types.values().any(|found| found.overlaps(pattern)) {
            remarks.warning(
                "resource-not-supported",
                format!("No action of the statement acts on {pattern}"),
                "Name a resource of a type that the actions support, or remove this one.",
            );
        }
    }
}

/// The resource types that the statement's actions act on.
fn types(
    statement: &StatementSummary<'_>,
) -> BTreeMap<(&'static str, &'static str), &'static ResourceType> {
    let actions = statement
        .written
        .actions
        .iter()
        .flat_map(|pattern| actions_matching(pattern));
    let types = actions.flat_map(|action| action.resource_types());
    types
        .map(|found| ((found.service, found.name), found))
        .collect()
}

fn acts_on_any(action: &Action, patterns: &[String]) -> bool {
    let mut types = action.resource_types();
    types.any(|found| patterns.iter().any(|pattern| found.overlaps(pattern)))
}

fn wanted(action: &Action) -> String {
    let mut arns: Vec<&str> = action.resource_types().map(|found| found.arn).collect();
    arns.truncate(4);
    match arns.as_slice() {
        [] => format!(
            "{action} knows no resources: put it into a statement with \"Resource\": \"*\"."
        ),
        arns => format!("It acts on {}.", arns.join(", ")),
    }
}
