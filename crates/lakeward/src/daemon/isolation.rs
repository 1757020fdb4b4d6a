//! What sessions are enclosed with here, and what of the host they find in there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use lakeward_sandbox::{Mode, Sandbox};
use lakeward_session::Isolation;

use super::Settings;

/// Says the folders that a Python and its packages are in, one a line.
const PREFIXES: &str = "import sys\nfor folder in {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}: print(folder)";

/// Folders that every enclosure has anyway, or that none may have as a whole.
const SYSTEM: [&str; 8] = [
    "/", "/usr", "/lib", "/lib64", "/bin", "/home", "/root", "/tmp",
];

/// The isolation that was asked for. Where the host lacks a piece, sessions are refused, and nothing
/// else.
pub(super) fn open(settings: &Settings) -> Isolation {
    if settings.sandbox == Mode::None {
        return Isolation::None;
    }
    match Sandbox::open(settings.sandbox, settings.stage.clone()) {
        Ok(sandbox) => {
            tracing::info!(sandbox = sandbox.describe(), "sessions are enclosed");
            for shortcoming in sandbox.shortcomings() {
                tracing::warn!("{shortcoming}");
            }
            Isolation::Enclosed(Arc::new(sandbox))
        }
        Err(error) => {
            tracing::error!(%error, "no session can be started");
            Isolation::Unavailable(error.to_string())
        }
    }
}

/// Where the sessions' Python and its packages are, beside the system's folders.
pub(super) fn python_folders(python: &Path) -> Vec<PathBuf> {
    let asked = Command::new(python)
        .args(["-I", "-c", PREFIXES])
        .env_clear()
        .output();
    let told = asked.map(|output| output.stdout).unwrap_or_default();
    let mut folders: Vec<PathBuf> = String::from_utf8_lossy(&told)
        .lines()
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute() && folder.is_dir() && !is_of_system(folder))
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

fn is_of_system(folder: &Path) -> bool {
    folder.starts_with("/usr") || SYSTEM.iter().any(|system| folder == Path::new(system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_says_where_it_is() {
        assert!(python_folders(Path::new("/nowhere/python")).is_empty());
        let room = tempfile::tempdir().unwrap();
        let made = Command::new("python3")
            .args(["-m", "venv", "--without-pip"])
            .arg(room.path())
            .status()
            .unwrap();
        assert!(made.success());
        let folders = python_folders(&room.path().join("bin/python"));
        let own = room.path().to_path_buf();
        assert!(folders.contains(&own), "{folders:?}");
        assert!(!folders.iter().any(|folder| is_of_system(folder)));
    }
}
