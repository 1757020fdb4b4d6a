//! What the answers of all doors come to.

use lakeward_policy::{Decision, Request};
use serde_json::Value;

use crate::audit::forbidden_by_owner;

use super::doors::{Bearing, DoorAnswer, Verdict};

/// What all doors together come to.
pub(super) struct Outcome {
    pub(super) allowed: bool,
    /// The door that serves something else where the policies don't allow.
    pub(super) served_by: Option<String>,
    /// What would allow it, if it isn't.
    pub(super) remedies: Vec<Value>,
}

impl Outcome {
    /// `instead` says whether the caller may do what a door asks for that serves something else.
    pub(super) fn of(
        request: &Request<'_>,
        decision: &Decision,
        doors: &[DoorAnswer],
        instead: impl Fn(&str) -> Result<(), Vec<Value>>,
    ) -> Self {
        let also = doors.iter().filter(|door| door.bearing == Bearing::AsWell);
        let shut: Vec<&DoorAnswer> = also.filter(|door| door.is_shut()).collect();
        let mut outcome = Self {
            allowed: decision.is_allowed() && shut.is_empty(),
            served_by: None,
            remedies: shut.iter().filter_map(|door| door.remedy.clone()).collect(),
        };
        let other = doors.iter().find_map(|door| match door.bearing {
            Bearing::Instead(action) if door.verdict != Verdict::Silent => Some((door, action)),
            _ => None,
        });
        match other {
            // Advising a policy here would advise to show more than what was granted.
            Some((door, action)) if !decision.is_allowed() && !forbidden_by_owner(decision) => {
                outcome.serve_instead(door, instead(action));
            }
            _ => outcome.remedies.extend(remedies(decision, request)),
        }
        outcome
    }

    fn serve_instead(&mut self, door: &DoorAnswer, may: Result<(), Vec<Value>>) {
        if !door.is_shut() && may.is_ok() {
            self.allowed = true;
            self.served_by = Some(door.door.clone());
            return;
        }
        self.remedies
            .extend(door.remedy.clone().filter(|_| door.is_shut()));
        self.remedies.extend(may.err().into_iter().flatten());
    }
}

pub(super) fn remedies(decision: &Decision, request: &Request<'_>) -> Vec<Value> {
    let remedies = decision.remedies(request).into_iter();
    remedies
        .filter_map(|remedy| serde_json::to_value(remedy).ok())
        .collect()
}
