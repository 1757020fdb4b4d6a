//! The two servers, as processes.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use lakeward::{
    daemon::StateFolder,
    profile::{Instance, Profiles},
};
use lakeward_client::{Client, Credentials};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// Looks for a server that starts, this often and this far apart.
const LOOKS: usize = 300;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// `lakeward serve` on a state folder with one account.
pub struct Lakeward {
    child: Child,
    folder: PathBuf,
    /// Kept open: the program may still print.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Lakeward {
    /// Makes the account, if it isn't there, and starts the program.
    pub async fn start(folder: &Path) -> Result<Self> {
        Self::init(folder).await?;
        let [.., high, low] = std::process::id().to_be_bytes();
        let network = Ipv4Addr::new(127, 128 | (high & 0x7f), low, 0);
        let mut command = program("serve", folder);
        for listener in ["--listen", "--proxy", "--credentials", "--metrics"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        let mut child = command
            .args(["--cluster-network", &format!("{network}/24")])
            // No session is started here.
            .args(["--session-python", "/bin/true"])
            .spawn()?;
        let stdout = child.stdout.take().context("the program has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            if line.starts_with("Ready") {
                return Ok(Self {
                    child,
                    folder: folder.to_owned(),
                    _lines: lines,
                });
            }
        }
        anyhow::bail!("lakeward ended before it was ready")
    }

    /// Makes the account only.
    pub async fn init(folder: &Path) -> Result<()> {
        let status = program("init", folder).status().await?;
        ensure!(status.success(), "lakeward init ended with {status}");
        Ok(())
    }

    /// The process.
    pub fn pid(&self) -> Result<u32> {
        self.child.id().context("lakeward has ended")
    }

    /// A client with the account's root key.
    pub async fn root(&self) -> Result<Client> {
        let folder = StateFolder::existing(&self.folder)?;
        let instance = Instance::read(&folder)?;
        let keys = Profiles::read(&folder)?
            .get("root")?
            .credentials(&instance)
            .await?;
        instance.client(keys)
    }

    /// Stops it as a service manager would.
    pub async fn stop(self) -> Result<()> {
        terminate(self.child).await
    }
}

/// Another server of the same APIs, which neither verifies signatures nor keeps anything.
pub struct Moto {
    child: Child,
    port: u16,
}

impl Moto {
    /// Starts it on a free port.
    pub async fn start(python: &Path, room: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let log = std::fs::File::create(room.join("moto.log"))?;
        let child = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p"])
            .arg(port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        for _ in 0..LOOKS {
            if tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .is_ok()
            {
                return Ok(Self { child, port });
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        anyhow::bail!("moto's server did not start")
    }

    /// A client; it takes any key.
    pub fn root(&self) -> Result<Client> {
        // The client wants an authority to trust, although this server speaks no TLS.
        let authority =
            lakeward_wire::authority::CertificateAuthority::open(tempfile::tempdir()?.path())?;
        let keys = Credentials::permanent("AKIAIOSFODNN7EXAMPLE", "any");
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        Ok(Client::new(
            &endpoint,
            authority.certificate_pem(),
            "us-east-1",
            keys,
        )?)
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

fn program(command: &str, folder: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_lakeward"));
    program
        .arg(command)
        .arg("--state-dir")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(if command == "serve" {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .kill_on_drop(true);
    program
}

async fn terminate(mut child: Child) -> Result<()> {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(Pid::from_raw).context("not a process")?;
    kill_process(pid, Signal::TERM)?;
    let status = child.wait().await?;
    ensure!(status.success(), "lakeward ended with {status}");
    Ok(())
}
