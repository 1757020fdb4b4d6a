//! Ends: of the program, of its enclosure, of the daemon.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::cell::{is_root, plan, sandbox, start};
use crate::files::read_line;

const FAMILY: &str = "import os, signal, sys\n\
     for _ in range(3):\n\
     \x20 if os.fork() == 0:\n\
     \x20\x20 os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
     \x20\x20 if os.fork() == 0: signal.pause()\n\
     \x20\x20 signal.pause()\n\
     print('ready'); sys.stdout.flush(); input()";

/// Waits for the end of a process.
fn ended(process: &OwnedFd) {
    let mut watched = [PollFd::new(process, PollFlags::IN)];
    while poll(&mut watched, None) == Err(rustix::io::Errno::INTR) {}
}

#[test]
fn what_a_program_leaves_behind_ends_with_it() {
    let mut enclosure = start(FAMILY);
    assert_eq!(read_line(&mut enclosure.output), "ready");
    drop(enclosure.input);
    assert!(enclosure.process.wait().code().is_some());
    ended(&enclosure.process.watch().unwrap());
}

#[test]
fn dropping_an_enclosure_kills_all_of_it() {
    let mut enclosure = start(FAMILY);
    assert_eq!(read_line(&mut enclosure.output), "ready");
    let first = enclosure.process.watch().unwrap();
    drop(enclosure);
    ended(&first);
}

#[test]
fn an_interrupt_reaches_the_program() {
    let mut enclosure = start(
        "import time\ntry:\n  print('ready'); time.sleep(60)\nexcept KeyboardInterrupt: print('interrupted')",
    );
    assert_eq!(read_line(&mut enclosure.output), "ready");
    enclosure.process.interrupt();
    assert_eq!(read_line(&mut enclosure.output), "interrupted");
    assert_eq!(enclosure.process.wait().code(), Some(0));
}

#[test]
fn a_killed_enclosure_says_so() {
    let enclosure = start("input()");
    enclosure.process.kill();
    assert_eq!(enclosure.process.wait().to_string(), "signal: 9 (SIGKILL)");
}

/// Not a test: the daemon of the tests below.
#[test]
#[ignore = "runs as the daemon that another test kills"]
fn daemon() {
    let mut enclosure = sandbox().start(&plan(FAMILY)).unwrap();
    read_line(&mut enclosure.output);
    let process = enclosure.process.interpreter().unwrap();
    println!("\npid {}", process.as_raw_pid());
    let _keep = enclosure;
    std::thread::sleep(std::time::Duration::from_secs(60));
}

/// A daemon with an enclosure, and the enclosure's first process.
fn start_daemon() -> (Child, u32, OwnedFd) {
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "death::daemon", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = daemon.stdout.as_mut().unwrap();
    let program = loop {
        let line = read_line(output);
        if let Some(number) = line.strip_prefix("pid ") {
            break number.parse::<u32>().unwrap();
        }
    };
    let first = pidfd(parent(program));
    (daemon, program, first)
}

fn pidfd(number: u32) -> OwnedFd {
    let pid = Pid::from_raw(number.try_into().unwrap()).unwrap();
    pidfd_open(pid, PidfdFlags::empty()).unwrap()
}

fn parent(process: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn nothing_survives_a_daemon_that_is_killed() {
    let (mut daemon, _, first) = start_daemon();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    // The first process of a process namespace ends after all others.
    ended(&first);
}

#[test]
fn nothing_survives_an_outer_stage_that_is_killed() {
    let (mut daemon, program, first) = start_daemon();
    let outer = parent(parent(program));
    rustix::process::pidfd_send_signal(pidfd(outer), rustix::process::Signal::KILL).unwrap();
    ended(&first);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn control_groups_of_a_killed_daemon_are_swept() {
    if !is_root() {
        return eprintln!("not tested: without root there may be no control groups");
    }
    let (mut daemon, _, first) = start_daemon();
    let name = format!("lakeward-{}-", daemon.id());
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    ended(&first);
    lakeward_sandbox::Sandbox::open(lakeward_sandbox::Mode::Full, crate::cell::stage()).unwrap();
    let groups = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let places = groups.lines().filter(|line| line.contains("cgroup"));
    let places: Vec<_> = places.filter_map(|line| line.split(' ').nth(4)).collect();
    assert!(!places.is_empty());
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    for place in places {
        for path in own.lines().filter_map(|line| line.splitn(3, ':').nth(2)) {
            let Ok(entries) = std::fs::read_dir(format!("{place}{path}")) else {
                continue;
            };
            for entry in entries.flatten() {
                let entry = entry.file_name().into_string().unwrap();
                assert!(!entry.starts_with(&name), "{place}{path}/{entry}");
            }
        }
    }
}
