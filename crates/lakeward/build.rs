//! Copies the Python sources that the binary carries to where they are embedded from: sources alone,
//! since compiled files that a test run left beside them hold the builder's paths.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const PACKAGES: [&str; 3] = ["lakeward_session", "lakeward_check", "locks"];

fn main() -> io::Result<()> {
    let variable = |name| env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let sources = variable("CARGO_MANIFEST_DIR").join("../../python");
    let target = variable("OUT_DIR").join("python");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    for package in PACKAGES {
        println!(
            "cargo::rerun-if-changed={}",
            sources.join(package).display()
        );
        copy(&sources.join(package), &target.join(package))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            fs::copy(entry.path(), target)?;
        } else if entry.file_name() != "__pycache__" {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}
