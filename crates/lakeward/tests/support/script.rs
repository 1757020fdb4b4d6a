//! Scripts of real clients, run beside an instance.

use std::{ffi::OsStr, path::Path, process::Stdio, time::Duration};

use lakeward::{
    cli::Progress,
    python::{self, Kit},
};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use super::World;

/// No script takes longer.
const PATIENCE: Duration = Duration::from_secs(600);

/// A script of `tests/python` in a kit's Python, with nothing of the caller's environment.
pub struct Script {
    command: Command,
    input: String,
}

impl Script {
    /// Installs the kit where it isn't there.
    pub async fn new(kit: Kit, name: &str) -> Self {
        let install = move || python::ensure(kit, &Progress::new()).unwrap();
        let mut command = Command::new(tokio::task::spawn_blocking(install).await.unwrap());
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
        command
            .arg(folder.join(name))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let input = String::new();
        Self { command, input }
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it reads on its standard input.
    pub fn input(mut self, text: String) -> Self {
        self.input = text;
        self
    }

    /// Gives it a home of its own.
    pub fn at_home(self, world: &World) -> Self {
        let home = world.room.path().join("home");
        std::fs::create_dir(&home).unwrap();
        self.env("HOME", home)
    }

    /// Gives it a home of its own and leads AWS's clients to the instance.
    pub fn beside(self, world: &World) -> Self {
        self.at_home(world)
            .env("AWS_DEFAULT_REGION", super::REGION)
            .env("AWS_ENDPOINT_URL", world.instance.addresses.endpoint_url())
            .env("AWS_CA_BUNDLE", &world.instance.ca)
            .env("AWS_MAX_ATTEMPTS", "1")
    }

    /// What it printed, once it has ended well.
    pub async fn output(mut self) -> String {
        let mut child = self.command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // One that reads nothing may have closed it.
        let _ = input.write_all(self.input.as_bytes()).await;
        drop(input);
        let ended = timeout(PATIENCE, child.wait_with_output()).await;
        let ended = ended.expect("the script did not end").unwrap();
        let out = String::from_utf8_lossy(&ended.stdout).into_owned();
        let err = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{out}{err}");
        out
    }

    /// Runs it; it says that all held.
    pub async fn holds(self) {
        let out = self.output().await;
        assert!(out.contains("all held"), "{out}");
    }
}
