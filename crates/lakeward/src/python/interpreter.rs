use std::{path::PathBuf, process::Command};

use anyhow::Result;

const CANDIDATES: [&str; 5] = [
    "python3.13",
    "python3.12",
    "python3.11",
    "python3",
    "python",
];

/// The versions that the locks are made for, newest first.
pub(super) const VERSIONS: [&str; 3] = ["3.13", "3.12", "3.11"];

const CHOICE: &str = "LAKEWARD_PYTHON";

/// Whether the user named a Python.
pub(super) fn is_chosen() -> bool {
    std::env::var_os(CHOICE).is_some()
}

/// A Python of version 3.11 to 3.13, and its version as `3.11`. `LAKEWARD_PYTHON` chooses one.
pub(super) fn find() -> Result<(PathBuf, String)> {
    let chosen = std::env::var(CHOICE).ok();
    let candidates: Vec<String> = match chosen {
        Some(path) => vec![path],
        None => CANDIDATES.map(str::to_owned).to_vec(),
    };
    for candidate in &candidates {
        if let Some(version) = version(candidate) {
            return Ok((PathBuf::from(candidate), version));
        }
    }
    anyhow::bail!(
        "no Python 3.11, 3.12 or 3.13 was found (looked for {}); install one, or name one in LAKEWARD_PYTHON",
        candidates.join(", ")
    )
}

fn version(python: &str) -> Option<String> {
    let script = "import sys; v = sys.version_info; print(f'{v.major}.{v.minor}')";
    let output = Command::new(python).args(["-c", script]).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    ["3.11", "3.12", "3.13"]
        .contains(&version.as_str())
        .then_some(version)
}
