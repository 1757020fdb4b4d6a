//! Processes of the host, and of others.

use crate::cell::{attack, finish, start};
use crate::files::read_line;

#[test]
fn no_other_process_is_seen() {
    let mut other = start("print('ready'); input()");
    read_line(&mut other.output);
    let outcome = attack("print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))");
    assert_eq!(outcome.printed(), "[1, 2]");
    assert!(finish(other).status.code().is_some());
}

#[test]
fn outside_processes_cannot_be_signalled() {
    let mut victim = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let outcome = attack(&format!(
        "print([tried(os.kill, pid, 9) for pid in ({}, {}, 3, 4)], tried(os.kill, 1, 9), tried(os.kill, -1, 0))\n\
         print(tried(os.pidfd_open, {}), os.getppid())",
        victim.id(),
        std::process::id(),
        victim.id()
    ));
    let lines: Vec<_> = outcome.printed().lines().collect();
    assert!(
        lines[0].starts_with("['ESRCH', 'ESRCH', 'ESRCH', 'ESRCH'] None"),
        "{lines:?}"
    );
    assert_eq!(lines[1], "ESRCH 1");
    assert!(victim.try_wait().unwrap().is_none());
    victim.kill().unwrap();
    victim.wait().unwrap();
}

#[test]
fn the_first_process_cannot_be_looked_into() {
    let outcome = attack(
        "for name in ('mem', 'environ', 'maps', 'fd/0', 'root', 'cwd', 'exe', 'fdinfo/0', 'map_files', 'ns/net'):\n\
         \x20 path = '/proc/1/' + name\n\
         \x20 f = os.listdir if name in ('root', 'map_files') else os.readlink if name in ('cwd', 'exe', 'ns/net', 'fd/0') else lambda p: open(p).read()\n\
         \x20 print(name, tried(f, path))",
    );
    for line in outcome.printed().lines() {
        assert!(
            line.ends_with("EACCES") || line.ends_with("EPERM"),
            "{line}"
        );
    }
}

#[test]
fn no_descriptor_of_the_hosts_but_three_pipes_is_in_reach() {
    // A socket stays in the network that it was made in, and tells of it.
    let outcome = attack(
        "fds = sorted(int(f) for f in os.listdir('/proc/self/fd'))\n\
         print([f for f in fds if f < 3], [os.readlink(f'/proc/self/fd/{f}') for f in fds[3:] if os.path.exists(f'/proc/self/fd/{f}')])\n\
         import stat\n\
         print([stat.S_ISFIFO(os.fstat(f).st_mode) for f in range(3)])",
    );
    assert_eq!(outcome.printed(), "[0, 1, 2] []\n[True, True, True]");
}
