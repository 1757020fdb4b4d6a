//! The kinds of kernel that a cluster offers.

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use super::error::GatewayError;

/// The name of the kernel that is started when none is named.
pub(super) const DEFAULT: &str = "pyspark";

/// Names and what people see. They are one and the same kernel: notebooks that were made
/// elsewhere ask for `python3`.
const SPECIFICATIONS: [(&str, &str); 2] = [
    (DEFAULT, "PySpark (runtime role)"),
    ("python3", "Python 3 (runtime role)"),
];

/// Whether there is a specification of that name.
pub(super) fn is_known(name: &str) -> bool {
    SPECIFICATIONS.iter().any(|(known, _)| *known == name)
}

fn specification(name: &str, display_name: &str) -> Value {
    json!({
        "name": name,
        "spec": {
            "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "env": {},
            "display_name": display_name,
            "language": "python",
            "interrupt_mode": "message",
            "metadata": { "debugger": false },
        },
        "resources": {},
    })
}

pub(super) async fn list() -> Json<Value> {
    let all: serde_json::Map<String, Value> = SPECIFICATIONS
        .iter()
        .map(|(name, shown)| ((*name).to_owned(), specification(name, shown)))
        .collect();
    Json(json!({ "default": DEFAULT, "kernelspecs": all }))
}

pub(super) async fn show(Path(name): Path<String>) -> Result<Json<Value>, GatewayError> {
    SPECIFICATIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(name, shown)| Json(specification(name, shown)))
        .ok_or(GatewayError::NoSpecification(name))
}

/// Logos and scripts of a specification: there are none.
pub(super) async fn file() -> GatewayError {
    GatewayError::NoRoute
}
