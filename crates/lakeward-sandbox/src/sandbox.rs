//! Making enclosures.

use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use crate::enclosed::{Enclosed, Enclosure, End, Remains};
use crate::error::SandboxError;
use crate::group::{Group, Groups};
use crate::identity::{Identities, Lease};
use crate::message::{Identity, Order, Report, receive, send};
use crate::mode::Mode;
use crate::plan::{Limits, Plan};
use crate::refusal::Refuser;
use crate::{remedy, stage};

/// How long a stage may take to start the program.
const PATIENCE: Duration = Duration::from_secs(30);
/// The stack of the threads that watch an enclosure.
const STACK: usize = 128 << 10;

/// Makes enclosures.
#[derive(Debug)]
pub struct Sandbox {
    mode: Mode,
    stage: PathBuf,
    groups: Option<Groups>,
    identities: Identities,
    landlock: bool,
}

/// What a stage answered with: the program runs.
struct Started {
    landlock: bool,
    program: OwnedFd,
    first: OwnedFd,
    notices: OwnedFd,
    listeners: Vec<OwnedFd>,
}

impl Sandbox {
    /// Finds out what the host has, by starting an enclosure. `stage` is a program whose `main`
    /// calls [`crate::stage_if_asked`] first: `/proc/self/exe`.
    ///
    /// # Errors
    ///
    /// When the host lacks what `mode` needs; says what, and what would help.
    pub fn open(mode: Mode, stage: PathBuf) -> Result<Self, SandboxError> {
        let groups = match mode {
            Mode::Full => Some(Groups::open().map_err(remedy::no_groups)?),
            Mode::Namespaces | Mode::None => None,
        };
        let mut sandbox = Self {
            mode,
            stage,
            groups,
            identities: Identities::open(),
            landlock: false,
        };
        if mode != Mode::None {
            sandbox.landlock = sandbox.probe().map_err(remedy::explain)?;
        }
        Ok(sandbox)
    }

    /// How much stands between code and host.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The pieces that keep code enclosed here, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.mode == Mode::None {
            return "none: sessions run as this process's user".to_owned();
        }
        let mut pieces = vec!["namespaces".to_owned(), "seccomp".to_owned()];
        if self.landlock {
            pieces.push("Landlock".to_owned());
        }
        pieces.push(match &self.groups {
            Some(groups) => format!("control groups v{}", groups.version()),
            None => "no control groups: memory and processors are not bounded".to_owned(),
        });
        pieces.push(match self.identities.are_own() {
            true => "a host user for each".to_owned(),
            false => "this process's user for all".to_owned(),
        });
        format!("{}: {}", self.mode, pieces.join(", "))
    }

    /// What this host lacks although enclosures can do without it, in words: what that means, and what
    /// would help.
    #[must_use]
    pub fn shortcomings(&self) -> Vec<&'static str> {
        if self.mode == Mode::None {
            return Vec::new();
        }
        let is_root = rustix::process::geteuid().is_root();
        remedy::shortcomings(self.landlock, self.identities.are_own(), is_root)
    }

    /// Starts what the plan says in an enclosure of its own. Blocks, for some milliseconds.
    ///
    /// # Errors
    ///
    /// When the plan asks for what can't be, or a step failed; nothing runs then.
    pub fn start(&self, plan: &Plan) -> Result<Enclosure, SandboxError> {
        self.launch(plan).map(|(enclosure, _)| enclosure)
    }

    fn launch(&self, plan: &Plan) -> Result<(Enclosure, bool), SandboxError> {
        plan.check().map_err(SandboxError::Plan)?;
        if self.mode == Mode::None {
            return Err(SandboxError::Plan(
                "--sandbox=none encloses nothing".to_owned(),
            ));
        }
        let lease = self.identities.lease();
        let lease = lease.ok_or_else(|| SandboxError::Plan("too many enclosures".to_owned()))?;
        let group = self.group(plan)?;
        let (control, theirs) = UnixStream::pair().map_err(SandboxError::host("a socket"))?;
        let (program, input) = std::io::pipe().map_err(SandboxError::host("a pipe"))?;
        // From here on, the outer stage ends with `control`, wherever this returns.
        let mut outer = self.spawn(theirs)?;
        if let Some(group) = &group
            && let Err(cause) = group.admit(outer.id())
        {
            reap(outer);
            return Err(SandboxError::host("the control group")(cause));
        }
        match self.command(plan, &lease, &control, program.into()) {
            Ok(started) => {
                let landlock = started.landlock;
                let input = OwnedFd::from(input).into();
                let enclosure = watch(outer, control, input, lease, group, started)?;
                Ok((enclosure, landlock))
            }
            Err(error) => {
                drop(outer.kill());
                reap(outer);
                Err(error)
            }
        }
    }

    fn group(&self, plan: &Plan) -> Result<Option<Group>, SandboxError> {
        let made = self
            .groups
            .as_ref()
            .map(|groups| groups.make(&plan.name, &plan.limits));
        made.transpose()
            .map_err(SandboxError::host("a control group"))
    }

    fn spawn(&self, control: UnixStream) -> Result<Child, SandboxError> {
        Command::new(&self.stage)
            .arg(stage::OUTER)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(control)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(SandboxError::host("the outer stage"))
    }

    /// Has the stages make the enclosure, and waits until the program runs.
    fn command(
        &self,
        plan: &Plan,
        lease: &Lease,
        control: &UnixStream,
        input: OwnedFd,
    ) -> Result<Started, SandboxError> {
        let order = Order {
            plan: fitting(plan.clone(), lease.identity),
            identity: lease.identity,
        };
        let talk = SandboxError::host;
        control
            .set_read_timeout(Some(PATIENCE))
            .map_err(talk("a socket"))?;
        send(control, &order, &[input.as_fd()]).map_err(talk("an order to the outer stage"))?;
        drop(input);
        let (report, descriptors) = receive(control).map_err(talk("the stage's answer"))?;
        control.set_read_timeout(None).map_err(talk("a socket"))?;
        match report {
            Report::Started { landlock } => Started::new(landlock, descriptors)
                .filter(|started| started.listeners.len() == plan.ports.len())
                .ok_or_else(|| SandboxError::Plan("descriptors are missing".to_owned())),
            Report::Failed { step, cause } => Err(SandboxError::Stage { step, cause }),
            Report::Ended { .. } => Err(SandboxError::Plan("it ended at once".to_owned())),
        }
    }

    /// Starts an enclosure that does nothing, and answers if it had Landlock.
    fn probe(&self) -> Result<bool, SandboxError> {
        let nothing = ["/usr/bin/true", "/bin/true"].map(Path::new);
        let nothing = nothing.into_iter().find(|path| path.exists());
        let plan = Plan {
            name: "probe".to_owned(),
            program: nothing.unwrap_or(Path::new("/usr/bin/true")).to_path_buf(),
            arguments: Vec::new(),
            environment: Vec::new(),
            readable: Vec::new(),
            home: "/home/session".into(),
            ports: vec![1],
            limits: Limits {
                memory: 256 << 20,
                cpus: 1.0,
                processes: 16,
                disk: 16 << 20,
                open_files: 64,
            },
        };
        let (enclosure, landlock) = self.launch(&plan)?;
        match enclosure.process.wait() {
            status if status.success() => Ok(landlock),
            status => Err(SandboxError::Missing(format!(
                "{} does not run in an enclosure: {status}",
                plan.program.display()
            ))),
        }
    }
}

/// The plan, with fewer descriptors than this process has where both are one user to the host: else an
/// enclosure could have so many on their way in sockets that this process could send none.
fn fitting(mut plan: Plan, identity: Identity) -> Plan {
    if identity == Identity::Daemons
        && let Some(own) = getrlimit(Resource::Nofile).current
    {
        plan.limits.open_files = plan.limits.open_files.min(own / 2);
    }
    plan
}

impl Started {
    fn new(landlock: bool, descriptors: Vec<OwnedFd>) -> Option<Self> {
        let mut descriptors = descriptors.into_iter();
        Some(Self {
            landlock,
            program: descriptors.next()?,
            first: descriptors.next()?,
            notices: descriptors.next()?,
            listeners: descriptors.collect(),
        })
    }
}

/// Hands out a running enclosure, with two threads that watch it: one answers refused calls, the
/// other cleans up at the end.
fn watch(
    outer: Child,
    control: UnixStream,
    input: ChildStdin,
    lease: Lease,
    group: Option<Group>,
    started: Started,
) -> Result<Enclosure, SandboxError> {
    let mut outer = outer;
    let streams = (outer.stdout.take(), outer.stderr.take());
    let (Some(output), Some(errors)) = streams else {
        return Err(SandboxError::Plan("the process has no streams".to_owned()));
    };
    let host = SandboxError::host;
    let first = started.first.try_clone().map_err(host("a descriptor"))?;
    let end = Arc::new(End::default());
    let group = Arc::new(group);
    let process = Enclosed::new(
        started.program,
        started.first,
        Arc::clone(&group),
        Arc::clone(&end),
    )
    .map_err(host("the program's number"))?;
    let (refuser, refusals) = Refuser::open(started.notices).map_err(host("a socket"))?;
    let remains = Remains {
        outer,
        control,
        lease,
        group,
        end,
    };
    thread("refusals", move || refuser.run())?;
    thread("enclosure", move || remains.clean_up(&first))?;
    Ok(Enclosure {
        input,
        output,
        errors,
        listeners: started.listeners.into_iter().map(Into::into).collect(),
        refusals,
        process,
    })
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), SandboxError> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    let thread = builder.stack_size(STACK).spawn(work);
    thread.map(drop).map_err(SandboxError::host("a thread"))
}

/// Waits for a stage that ends by itself, since nobody holds the other end of its socket.
fn reap(mut outer: Child) {
    if let Err(error) = outer.kill().and_then(|()| outer.wait().map(drop)) {
        tracing::warn!(%error, "an outer stage was not reaped");
    }
}
