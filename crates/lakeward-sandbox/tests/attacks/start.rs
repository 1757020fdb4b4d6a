//! What an enclosure is for.

use std::io::Write as _;

use crate::cell::{finish, plan, run, sandbox, shout, start};

#[test]
fn python_runs_with_its_input_and_output() {
    let mut enclosure = start("import os; print(input(), os.getuid(), os.getcwd(), os.getpid())");
    enclosure.input.write_all(b"hello\n").unwrap();
    let outcome = finish(enclosure);
    assert_eq!(outcome.printed(), "hello 1000 /home/session 2");
    assert_eq!(outcome.refusals, []);
}

#[test]
fn the_environment_is_what_was_planned() {
    let outcome = run("import os; print(sorted(os.environ))");
    assert_eq!(outcome.printed(), "['HOME', 'LC_CTYPE']");
}

#[test]
fn the_host_serves_the_planned_ports() {
    let mut plan = plan(
        "import socket\n\
         for port in (8443, 80):\n\
         \x20 s = socket.create_connection(('127.0.0.1', port)); s.sendall(b'hi'); print(s.recv(9))",
    );
    plan.ports = vec![8443, 80];
    let mut enclosure = sandbox().start(&plan).unwrap();
    let served: Vec<_> = enclosure.listeners.drain(..).map(shout).collect();
    assert_eq!(finish(enclosure).printed(), "b'HI'\nb'HI'");
    served.into_iter().for_each(|one| one.join().unwrap());
}

#[test]
fn how_a_program_ends_is_told() {
    assert_eq!(run("raise SystemExit(7)").status.code(), Some(7));
    assert_eq!(run("raise SystemExit('why')").errors, "why\n");
    let outcome = run("import os; os.kill(os.getpid(), 15)");
    assert_eq!(outcome.status.to_string(), "signal: 15 (SIGTERM)");
}

#[test]
fn a_missing_program_is_named() {
    let mut plan = plan("");
    plan.program = "/usr/bin/no-such".into();
    let error = sandbox().start(&plan).unwrap_err().to_string();
    assert!(error.contains("/usr/bin/no-such"), "{error}");
}

#[test]
fn a_refused_call_is_told_of() {
    let outcome = run(
        "import ctypes; c = ctypes.CDLL(None, use_errno=True); print(c.unshare(0x20000), ctypes.get_errno())",
    );
    assert_eq!(outcome.printed(), "-1 1");
    assert!(outcome.was_refused("unshare"), "{outcome:?}");
}
