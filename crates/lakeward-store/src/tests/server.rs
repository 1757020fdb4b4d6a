//! A PostgreSQL server of a test's own: in a temporary folder, on a Unix socket there.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// The server; it ends with the value.
pub struct Server {
    programs: PathBuf,
    data: PathBuf,
    process: Option<Child>,
    /// Last, so that it is deleted after the server has ended.
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server; None, said loudly, where PostgreSQL isn't installed. With
    /// `LAKEWARD_TEST_POSTGRES=required` that is a failure.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(
                env::var("LAKEWARD_TEST_POSTGRES").as_deref() != Ok("required"),
                "PostgreSQL isn't installed and LAKEWARD_TEST_POSTGRES=required"
            );
            eprintln!(
                "SKIPPED: PostgreSQL isn't installed (no `initdb` and `postgres` in PATH or /usr/lib/postgresql/*/bin), so nothing of it was tested"
            );
            return None;
        };
        let folder = tempfile::Builder::new()
            .prefix("lakeward-pg-")
            .tempdir()
            .unwrap();
        if let Some((user, group)) = other_user() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let mut server = Self {
            data: folder.path().join("data"),
            programs,
            process: None,
            folder,
        };
        server.initialise();
        server.run();
        Some(server)
    }

    /// The URL of a database, which is made if it isn't there.
    pub fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(name)
    }

    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://lakeward:not-printed@localhost/{database}?host={}",
            self.folder.path().display()
        )
    }

    /// Where the server listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    /// `kill -9` of the server.
    pub fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Starts it again, as after a crash.
    pub fn run(&mut self) {
        let socket_folder = self.folder.path().to_str().unwrap().to_owned();
        let begun = Instant::now();
        // The children of a killed server hold its memory for a moment.
        while !self.ready() {
            assert!(
                begun.elapsed() < PATIENCE,
                "PostgreSQL doesn't start: {}",
                self.log()
            );
            let ended = match &mut self.process {
                Some(process) => process.try_wait().unwrap().is_some(),
                None => true,
            };
            if ended {
                let log = fs::OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(self.folder.path().join("log"))
                    .unwrap();
                let mut command = self.command("postgres");
                command
                    .arg("-D")
                    .arg(&self.data)
                    .args([
                        "-p",
                        "5432",
                        "-k",
                        &socket_folder,
                        "-c",
                        "listen_addresses=",
                    ])
                    // A crash of the server alone: the files are as they were left.
                    .args(["-c", "recovery_init_sync_method=syncfs"])
                    .stderr(log);
                self.process = Some(command.spawn().unwrap());
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Runs SQL as the server's owner.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database, sql);
        assert!(
            output.status.success(),
            "{sql}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn ready(&self) -> bool {
        self.process.is_some() && self.psql("postgres", "SELECT 1").status.success()
    }

    fn psql(&self, database: &str, sql: &str) -> std::process::Output {
        Command::new(self.programs.join("psql"))
            .args([
                "-X", "-A", "-t", "-q", "-U", "lakeward", "-d", database, "-c", sql,
            ])
            .env("PGHOST", self.folder.path())
            .output()
            .unwrap()
    }

    fn initialise(&self) {
        let made = self
            .command("initdb")
            .arg("-D")
            .arg(&self.data)
            .args([
                "-U",
                "lakeward",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
    }

    /// A program of PostgreSQL, which refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = match other_user() {
            None => Command::new(program),
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid", &user.to_string(), "--regid", &group.to_string()])
                    .arg("--clear-groups")
                    .arg(program);
                command
            }
        };
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir(self.folder.path());
        command
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Who runs the server when the test is root: the owner and group of nothing.
fn other_user() -> Option<(u32, u32)> {
    const NOBODY: u32 = 65_534;
    rustix::process::geteuid()
        .is_root()
        .then_some((NOBODY, NOBODY))
}

/// The folder of the server's programs.
fn programs() -> Option<PathBuf> {
    let whole = |folder: &Path| {
        ["initdb", "postgres", "psql"]
            .iter()
            .all(|program| folder.join(program).is_file())
    };
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    installed
        .chain(env::split_paths(&path))
        .find(|folder| whole(folder))
}
