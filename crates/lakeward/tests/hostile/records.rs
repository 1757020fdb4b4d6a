//! What the attempts left behind in the audit trail.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use tokio::time::sleep;

use crate::rig::instance::Instance;

/// What every kind of refusal that the daemon can see is called in records.
const REFUSALS: [&str; 5] = [
    "RefuseSystemCall",
    "RefuseService",
    "RefuseCredentials",
    "RefuseProcess",
    "EndOverMemory",
];
/// Records of a kind are written every ten seconds at most.
const LOOKS: usize = 240;
const PAUSE: Duration = Duration::from_millis(500);

/// Every kind of refusal has left a record that names the attacker's role and session, and what was tried.
pub async fn are_there(instance: &Instance) {
    let role = instance.demo.stack.runtime_role("sales");
    let mut missing = BTreeSet::from(REFUSALS);
    for _ in 0..LOOKS {
        for record in records(instance) {
            let name = record["eventName"].as_str().unwrap_or_default();
            if missing.contains(name) && record.to_string().contains(&role) {
                assert!(record["errorMessage"].is_string(), "{record}");
                assert!(
                    record["requestParameters"]["sessionId"].is_u64(),
                    "{record}"
                );
                missing.remove(name);
            }
        }
        if missing.is_empty() {
            return dangerous_calls_are_named(instance);
        }
        sleep(PAUSE).await;
    }
    panic!("no records of {missing:?}");
}

fn dangerous_calls_are_named(instance: &Instance) {
    let named: BTreeSet<String> = records(instance)
        .into_iter()
        .filter(|record| record["eventName"] == "RefuseSystemCall")
        .flat_map(|record| record["requestParameters"]["what"].as_array().cloned())
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    for call in ["ptrace", "mount", "unshare", "bpf"] {
        assert!(named.contains(call), "no {call} among {named:?}");
    }
}

fn records(instance: &Instance) -> Vec<Value> {
    let trail = std::fs::read_to_string(instance.state().join("audit/audit.jsonl")).unwrap();
    let lines = trail
        .lines()
        .filter(|line| line.contains("\"Refuse") || line.contains("EndOverMemory"));
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}
