//! A hostile notebook: a session of one role tries to get at the host, at another role's session, at
//! keys, at hidden data and at the machine's room. `attempts.py` is what it tries.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod records;
#[path = "../../benches/rig/mod.rs"]
mod rig;
mod victim;

use std::{collections::BTreeMap, time::Duration};

use rig::{
    instance::Instance,
    livy::{Livy, Polling},
    process,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use victim::Victim;

const ATTEMPTS: &str = include_str!("attempts.py");
/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(300);
/// For one attempt; the longest takes a few seconds on a machine that does nothing else.
const ATTEMPT: Duration = Duration::from_secs(120);
/// For what may never end.
const BOMB: Duration = Duration::from_secs(10);
/// What a session may take here: little, so that its limits are reached soon.
const LIMITS: [(&str, &str); 4] = [
    ("memory", "1g"),
    ("disk", "64m"),
    ("processes", "256"),
    ("warm-sessions", "0"),
];

/// Attempts that may end the attacker's own session: its engine's client gives up where no thread is to be had.
const SELF_DESTRUCTIVE: [&str; 2] = ["start_endless_processes", "start_endless_threads"];

/// What became of one attempt.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Got(String),
    Refused(String),
    /// The session ended, or hangs.
    #[serde(skip)]
    Lost(String),
}

impl Outcome {
    /// Whether the attempt failed, as far as anyone can tell.
    fn is_refusal(&self, name: &str) -> bool {
        match self {
            Self::Got(_) => false,
            Self::Refused(_) => true,
            Self::Lost(_) => SELF_DESTRUCTIVE.contains(&name),
        }
    }
}

/// A session of Tina's, who is the attacker.
struct Attacker<'a> {
    livy: &'a Livy,
    path: String,
}

impl<'a> Attacker<'a> {
    async fn open(livy: &'a Livy) -> Self {
        let path = livy.create_session().await.unwrap();
        livy.wait(&path, "idle").await.unwrap();
        Self { livy, path }
    }

    /// One who has everything ready to try.
    async fn equipped(livy: &'a Livy, facts: &Value) -> Self {
        let attacker = Self::open(livy).await;
        let code = format!("{ATTEMPTS}\nfacts = json.loads({:?})", facts.to_string());
        let loaded = attacker.run(&code).await;
        assert_eq!(loaded["status"], "ok", "{loaded}");
        attacker
    }

    async fn run(&self, code: &str) -> Value {
        let run = self.livy.run(&self.path, code);
        timeout(PATIENCE, run)
            .await
            .expect("a statement hangs")
            .unwrap()
    }

    async fn end(self) {
        // It may have ended by itself.
        let _ = self.livy.end(&self.path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_notebook_gets_nothing_but_what_its_role_was_granted() {
    let room = tempfile::tempdir().unwrap();
    let (instance, _) = Instance::start(&room.path().join("state"), &[])
        .await
        .unwrap();
    let cluster = cluster(&instance).await;
    let victim = Victim::settle(&instance, &cluster, room.path()).await;
    let tina = instance.client("tina").await.unwrap();
    let livy = Livy::log_in(&instance, &tina, &cluster, "sales", Polling::Steady)
        .await
        .unwrap();

    let mut outcomes = attempts(&livy, &victim.facts).await;
    let written = ATTEMPTS.matches("\n@attempt\n").count();
    assert_eq!(outcomes.len(), written, "an attempt was not made");
    for (name, outcome) in &outcomes {
        match outcome {
            Outcome::Got(what) => println!("{name}: GOT {what}"),
            Outcome::Refused(how) | Outcome::Lost(how) => println!("{name}: {how}"),
        }
    }
    outcomes.retain(|name, outcome| !outcome.is_refusal(name));
    assert!(outcomes.is_empty(), "{outcomes:#?}");
    victim.is_unharmed().await;

    deadly(&livy, &instance, &victim).await;
    records::are_there(&instance).await;
    victim.is_unharmed().await;
    let before = process::descendants(instance.pid()).unwrap();
    instance.stop().await.unwrap();
    // The kernel takes its time with what was killed last.
    let gone = async {
        while before.iter().any(|pid| is_alive(*pid)) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let outlived = || {
        before
            .iter()
            .filter(|pid| is_alive(**pid))
            .collect::<Vec<_>>()
    };
    timeout(PATIENCE, gone)
        .await
        .unwrap_or_else(|_| panic!("processes {:?} outlived the daemon", outlived()));
}

/// All attempts, one after the other; what each came to. After one that ends the attacker's session the
/// next begins in another.
async fn attempts(livy: &Livy, facts: &Value) -> BTreeMap<String, Outcome> {
    let mut attacker = Attacker::equipped(livy, facts).await;
    let names = attacker.run("print(*ATTEMPTS, sep=chr(10))").await;
    let names = names["data"]["text/plain"]
        .as_str()
        .unwrap_or_else(|| panic!("{names}"))
        .to_owned();
    let mut outcomes = BTreeMap::new();
    for name in names.lines() {
        let code = format!("print(run_attempt({name:?}, facts))");
        let run = attacker.livy.run(&attacker.path, &code);
        let output = match timeout(ATTEMPT, run).await {
            Ok(output) => output.unwrap(),
            Err(_) => json!({"status": "error", "evalue": "the session hangs"}),
        };
        let outcome = match output["data"]["text/plain"].as_str() {
            Some(text) => {
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
            }
            None => Outcome::Lost(output["evalue"].as_str().unwrap().to_owned()),
        };
        if output["status"] == "error" {
            attacker.end().await;
            attacker = Attacker::equipped(livy, facts).await;
        }
        outcomes.insert(name.to_owned(), outcome);
    }
    attacker.end().await;
    outcomes
}

/// What may end the attacker's own session, and nothing else. Each in a session of its own. Only after all
/// attempts were refused, and bounded: the tests of a broken enclosure must not take their machine along.
async fn deadly(livy: &Livy, instance: &Instance, victim: &Victim) {
    let bombs = [
        (
            "memory",
            "held = []\nfor _ in range(192): held.append(bytearray(b'x' * (16 << 20)))",
        ),
        (
            "memory of a child",
            "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'h=[]\\nfor _ in range(192): h.append(bytearray(b\"x\" * (16 << 20)))'])",
        ),
        (
            "shared memory",
            "with open('/dev/shm/x', 'wb') as f:\n    for _ in range(192): f.write(b'x' * (16 << 20))",
        ),
        (
            "processes",
            "import os, time\nfor _ in range(2000):\n    try:\n        if os.fork() == 0: time.sleep(30); os._exit(0)\n    except OSError: break",
        ),
        (
            "every process",
            "import os\nassert os.getuid() != 0\nos.kill(-1, 9)",
        ),
        ("its own process", "import os\nos.kill(os.getpid(), 9)"),
        ("its own memory", "import ctypes\nctypes.string_at(0)"),
        (
            "its log",
            "import os\nfor _ in range(200000): os.write(2, b'x' * 1000 + b'\\n')",
        ),
        (
            "the daemon's protocol",
            "import glob, os\nfor path in glob.glob('/proc/self/fd/*'):\n    try: os.write(int(path.rsplit('/', 1)[1]), b'{\"id\":0,\"status\":\"ok\",\"data\":{\"text/plain\":\"forged\"}}\\n' * 1000)\n    except OSError: pass",
        ),
        ("its output", "print('x' * (200 << 20))"),
    ];
    for (what, code) in bombs {
        let attacker = Attacker::open(livy).await;
        // It may end, go on, or keep its own session busy for ever; it must not harm anyone else.
        let run = attacker.livy.run(&attacker.path, code);
        if timeout(BOMB, run).await.is_err() {
            println!("{what}: the session hangs");
        }
        victim.is_unharmed().await;
        attacker.end().await;
    }
    all_of_the_attackers_processes_end(instance, victim).await;
}

async fn all_of_the_attackers_processes_end(instance: &Instance, victim: &Victim) {
    for _ in 0..600 {
        let left = process::descendants(instance.pid()).unwrap().len();
        if left <= victim.processes {
            return;
        }
        sleep(Duration::from_millis(200)).await;
    }
    panic!("the attacker's processes live on");
}

async fn cluster(instance: &Instance) -> rig::instance::Cluster {
    let settings = LIMITS.map(|(name, value)| (name.to_owned(), Value::from(value)));
    let settings = Value::Object(settings.into_iter().collect());
    rig::cluster::make(instance, "hostile", settings)
        .await
        .unwrap()
}

fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit(')').next().map(str::to_owned))
        .is_some_and(|rest| !rest.trim_start().starts_with(['Z', 'X']))
}

/// Facts as Python reads them.
fn facts(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
