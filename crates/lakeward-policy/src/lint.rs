//! Warnings about valid documents that allow more than their author may think.

use serde::Serialize;

use crate::document::{PolicyDocument, Usage};
use crate::statement::{Statement, StatementEffect};

/// A remark on one statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The statement's index, counted from 0.
    pub statement: usize,
    /// The statement's Sid.
    pub sid: Option<String>,
    /// What to look at and what to do about it.
    pub message: String,
}

/// An action that should only be granted together with a condition on a key; lower-cased.
struct Guarded {
    action: &'static str,
    key: &'static str,
    message: &'static str,
}

/// Source: EMR Management Guide, "Run an EMR Studio Workspace with a runtime role" (its warning).
const GUARDED: [Guarded; 1] = [Guarded {
    action: "elasticmapreduce:getclustersessioncredentials",
    key: "elasticmapreduce:executionrolearn",
    message: "elasticmapreduce:GetClusterSessionCredentials is allowed without a condition on \
              elasticmapreduce:ExecutionRoleArn, so every runtime role can be used; name the roles in a condition",
}];

impl PolicyDocument {
    /// What a careful reader would ask about.
    pub fn warnings(&self) -> Vec<Warning> {
        let unguarded = |statement: &Statement, guarded: &Guarded| {
            statement.effect == StatementEffect::Allow
                && statement.covers(guarded.action)
                && !statement
                    .conditions
                    .iter()
                    .any(|condition| *condition.key == *guarded.key)
        };
        let statements = self
            .statements()
            .iter()
            .enumerate()
            .filter(|_| self.usage() == Usage::Identity);
        statements
            .flat_map(|pair| GUARDED.iter().map(move |guarded| (pair, guarded)))
            .filter(|((_, statement), guarded)| unguarded(statement, guarded))
            .map(|((index, statement), guarded)| Warning {
                statement: index,
                sid: statement.sid.as_deref().map(str::to_owned),
                message: guarded.message.to_owned(),
            })
            .collect()
    }
}
