//! The same attacks on the enclosures of a daemon that is not root.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::cell::{is_root, stage};

/// Nobody, on every system.
const NOBODY: u32 = 65534;

#[test]
fn every_attack_fails_without_root_too() {
    if !is_root() {
        return eprintln!("not needed: every test here runs without root");
    }
    let folder = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let copy = |path: &std::path::Path, name| {
        let target = folder.path().join(name);
        std::fs::copy(path, &target).unwrap();
        target
    };
    let tests = copy(&std::env::current_exe().unwrap(), "tests");
    let stage = copy(&stage(), "stage");
    // As many descriptors as most systems give at first.
    let outcome = Command::new("/bin/sh")
        .args(["-c", "ulimit -Sn 1024 && exec \"$0\" \"$@\""])
        .arg(tests)
        .args(["--test-threads", "4", "--skip", "unprivileged::"])
        .env("LAKEWARD_TEST_STAGE", stage)
        .env("RUST_BACKTRACE", "0")
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&outcome.stdout);
    assert!(outcome.status.success(), "{output}");
    assert!(output.contains("calls::dangerous_calls_are_refused_and_told_of ... ok"));
}
