//! An enclosure that runs Python for a test.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::OnceLock;

use lakeward_sandbox::{Enclosure, Limits, Mode, Plan, Refusal, Sandbox};

/// What came of a script.
#[derive(Debug)]
pub struct Outcome {
    pub status: ExitStatus,
    pub output: String,
    pub errors: String,
    pub refusals: Vec<Refusal>,
}

impl Outcome {
    /// What a script that came to its end has printed.
    pub fn printed(&self) -> &str {
        assert!(self.status.success(), "{self:?}");
        self.output.trim()
    }

    pub fn was_refused(&self, syscall: &str) -> bool {
        self.refusals.iter().any(|one| one.syscall == syscall)
    }

    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }
}

pub fn stage() -> PathBuf {
    let elsewhere = std::env::var_os("LAKEWARD_TEST_STAGE").map(PathBuf::from);
    elsewhere.unwrap_or_else(|| env!("CARGO_BIN_EXE_lakeward-sandbox-stage").into())
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// With control groups where the host lets this user have them; root always must.
pub fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| match Sandbox::open(Mode::Full, stage()) {
        Ok(sandbox) => sandbox,
        Err(error) if is_root() => panic!("{error}"),
        Err(error) => {
            eprintln!("without control groups, which are not tested then: {error}");
            Sandbox::open(Mode::Namespaces, stage()).unwrap()
        }
    })
}

pub fn plan(script: &str) -> Plan {
    Plan {
        name: "test".to_owned(),
        program: "/usr/bin/python3".into(),
        arguments: ["-u", "-c", script].map(str::to_owned).to_vec(),
        environment: vec![("HOME".to_owned(), "/home/session".to_owned())],
        readable: Vec::new(),
        home: "/home/session".into(),
        ports: Vec::new(),
        limits: Limits {
            memory: 256 << 20,
            cpus: 2.0,
            processes: 64,
            disk: 32 << 20,
            open_files: 256,
        },
    }
}

pub fn start(script: &str) -> Enclosure {
    sandbox().start(&plan(script)).unwrap()
}

/// Whether there are control groups; says so if not.
pub fn has_groups() -> bool {
    let has = sandbox().mode() == Mode::Full;
    if !has {
        eprintln!("not tested: this user has no control groups");
    }
    has
}

/// What every attack starts with. `tried(f, ...)` answers how a call went: the name of the error,
/// or what came out.
const PRELUDE: &str = r#"
import ctypes, errno, os, socket, sys
c = ctypes.CDLL(None, use_errno=True)
def tried(f, *a, **k):
    try:
        return f(*a, **k)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))
def call(number, *a):
    ctypes.set_errno(0)
    r = c.syscall(number, *[x if isinstance(x, bytes) else ctypes.c_long(x) for x in a])
    return r if r >= 0 else errno.errorcode[ctypes.get_errno()]
"#;

/// Runs a script that attacks.
pub fn attack(script: &str) -> Outcome {
    run(&format!("{PRELUDE}{script}"))
}

pub fn start_attack(script: &str) -> Enclosure {
    start(&format!("{PRELUDE}{script}"))
}

/// Runs a script to its end.
pub fn run(script: &str) -> Outcome {
    finish(start(script))
}

pub fn finish(mut enclosure: Enclosure) -> Outcome {
    drop(enclosure.input);
    let mut errors = enclosure.errors;
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).unwrap();
        text
    });
    let mut output = String::new();
    enclosure.output.read_to_string(&mut output).unwrap();
    let status = enclosure.process.wait();
    let refusals = enclosure.refusals.take().unwrap().unwrap_or_default();
    Outcome {
        status,
        output,
        errors: errors.join().unwrap(),
        refusals,
    }
}

/// Answers one connection with what it says, in capitals.
pub fn shout(listener: TcpListener) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = [0; 64];
        let length = stream.read(&mut heard).unwrap();
        let answer = heard[..length].to_ascii_uppercase();
        stream.write_all(&answer).unwrap();
    })
}
