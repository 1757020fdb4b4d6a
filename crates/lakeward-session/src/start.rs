//! Starting interpreters, for a session or in advance of one.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lakeward_sandbox::{Limits, Plan, Sandbox};
use serde::Serialize;
use tokio::sync::mpsc;

use super::authority::{RuntimeRoles, SessionRuntime};
use super::checkup::Checkup;
use super::cluster::OpenCluster;
use super::endpoint::AwsEndpoint;
use super::engine::Engine;
use super::environment::SessionEnvironment;
use super::error::SessionError;
use super::interpreter::{Input, hear, record};
use super::isolation::Isolation;
use super::launcher::{SessionFolder, launch};
use super::limits::SessionLimits;
use super::line::Line;
use super::occupant::Occupant;
use super::premises::{Offer, Ports, Premises};
use super::process::{SessionProcess, Streams};
use super::session::Session;
use super::settings::Grant;
use super::warm::Purpose;

/// Where a session lives in its enclosure.
const HOME: &str = "/home/session";
const SCRATCH: &str = "/tmp";
const TOKEN_FILE: &str = "/home/session/.lakeward-token";

/// Starts interpreters.
pub(super) struct Starter {
    runtime: SessionRuntime,
    limits: Arc<SessionLimits>,
    roles: Arc<dyn RuntimeRoles>,
    endpoint: OnceLock<AwsEndpoint>,
    /// Where interpreters without an enclosure have their folders.
    folder: PathBuf,
}

impl Starter {
    pub fn new(
        runtime: SessionRuntime,
        limits: Arc<SessionLimits>,
        roles: Arc<dyn RuntimeRoles>,
        folder: PathBuf,
    ) -> Self {
        Self {
            runtime,
            limits,
            roles,
            endpoint: OnceLock::new(),
            folder,
        }
    }

    /// Whether sessions live in enclosures.
    pub fn is_enclosing(&self) -> bool {
        matches!(self.runtime.isolation, Isolation::Enclosed(_))
    }

    /// What enclosures are served. The first one given stays.
    pub fn serve(&self, endpoint: AwsEndpoint) {
        let _ = self.endpoint.set(endpoint);
    }

    /// An interpreter that works for the session: one that waited, or a new one. It is not ready yet.
    pub async fn begin(
        &self,
        cluster: &OpenCluster,
        session: &Arc<Session>,
        grant: &Grant,
    ) -> Result<Started, SessionError> {
        let mut started = self.start(cluster, session, &grant.limits).await?;
        let over_memory = cluster.settings.over_memory(grant);
        started.checkup.explain(over_memory);
        match started.begin(session, cluster.settings.engine, grant) {
            Ok(()) => Ok(started),
            Err(error) => {
                started.end(Duration::ZERO).await;
                Err(error)
            }
        }
    }

    async fn start(
        &self,
        cluster: &OpenCluster,
        session: &Session,
        limits: &Limits,
    ) -> Result<Started, SessionError> {
        let kind = session.request.process_kind();
        if let Some(warm) = cluster.pool(Purpose::of(kind)).take() {
            return Ok(warm);
        }
        match &self.runtime.isolation {
            Isolation::Enclosed(sandbox) => self.enclose(sandbox, cluster, &[kind], limits).await,
            Isolation::Unavailable(reason) => Err(SessionError::Sandbox(reason.clone())),
            Isolation::None => self.start_bare(cluster, session, limits).await,
        }
    }

    /// An interpreter for nobody yet.
    pub async fn start_warm(
        &self,
        cluster: &OpenCluster,
        purpose: Purpose,
    ) -> Result<Started, SessionError> {
        let Isolation::Enclosed(sandbox) = &self.runtime.isolation else {
            let reason = "only enclosed interpreters are started in advance";
            return Err(SessionError::Sandbox(reason.to_owned()));
        };
        let grant = cluster.settings.grant(&Default::default())?;
        let kind = purpose.arguments();
        let mut started = self.enclose(sandbox, cluster, kind, &grant.limits).await?;
        started.was_warm = true;
        Ok(started)
    }

    async fn enclose(
        &self,
        sandbox: &Arc<Sandbox>,
        cluster: &OpenCluster,
        kind: &[&str],
        limits: &Limits,
    ) -> Result<Started, SessionError> {
        let endpoint = (self.endpoint.get())
            .ok_or_else(|| SessionError::Sandbox("the service is still starting".to_owned()))?;
        let ports = Ports::beside(endpoint.port, !cluster.network.hosts.is_empty());
        let engine = cluster.settings.engine;
        let plan = self.plan(ports, engine, kind, limits);
        let sandbox = Arc::clone(sandbox);
        let enclosure = tokio::task::spawn_blocking(move || sandbox.start(&plan))
            .await
            .map_err(|error| SessionError::Sandbox(error.to_string()))?
            .map_err(|error| SessionError::Sandbox(error.to_string()))?;
        let occupant = Arc::new(Occupant::default());
        let offer = Offer {
            cluster,
            endpoint,
            roles: &self.roles,
            occupant: &occupant,
            closed: &self.runtime.closed_networks,
        };
        let adopt = || -> io::Result<_> {
            let premises = Premises::open(&offer, enclosure.listeners, enclosure.refusals)?;
            let streams = Streams {
                stdin: Box::new(tokio::process::ChildStdin::from_std(enclosure.input)?),
                stdout: tokio::process::ChildStdout::from_std(enclosure.output)?,
                stderr: tokio::process::ChildStderr::from_std(enclosure.errors)?,
            };
            let process = SessionProcess::of_enclosure(enclosure.process)?;
            Ok((process, streams, premises))
        };
        let (process, streams, premises) =
            adopt().map_err(|error| SessionError::Sandbox(error.to_string()))?;
        let mut started = self.started(process, streams, occupant);
        started.premises = Some(premises);
        started.limits = Some(*limits);
        Ok(started)
    }

    fn plan(&self, ports: Ports, engine: Engine, kind: &[&str], limits: &Limits) -> Plan {
        let runtime = &self.runtime;
        let local = |port: u16| format!("127.0.0.1:{port}");
        let mut environment = self
            .environment(engine, limits)
            .with_folders(HOME.as_ref(), SCRATCH.as_ref());
        environment.set(
            "AWS_ENDPOINT_URL",
            &format!("https://{}", local(ports.endpoint)),
        );
        let url = format!("http://{}", local(ports.credentials));
        environment = environment.with_own_credentials(&url, Path::new(TOKEN_FILE));
        if let Some(port) = ports.egress {
            environment = environment.with_proxy(&format!("http://{}", local(port)));
        }
        let mut arguments = vec!["-m".to_owned(), "lakeward_session".to_owned()];
        arguments.extend(self.arguments(engine, kind));
        let mut readable = runtime.readable.clone();
        readable.push(runtime.module_path.clone());
        Plan {
            name: format!("session-{}", hex::encode(rand::random::<[u8; 8]>())),
            program: runtime.python.clone(),
            arguments,
            environment: environment
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            readable,
            home: HOME.into(),
            ports: ports.all(),
            limits: *limits,
        }
    }

    async fn start_bare(
        &self,
        cluster: &OpenCluster,
        session: &Session,
        limits: &Limits,
    ) -> Result<Started, SessionError> {
        let runtime = &self.runtime;
        let folder = SessionFolder::new(&self.folder, &session.key);
        let (made, token) = (folder.clone(), session.token.clone());
        tokio::task::spawn_blocking(move || made.create(&token))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|source| SessionError::Folder {
                path: folder.root().to_owned(),
                source,
            })?;
        let engine = cluster.settings.engine;
        let environment = self
            .environment(engine, limits)
            .with_folders(&folder.home(), &folder.scratch())
            .with_credentials(&runtime.credentials_url, &session.key, &folder.token_file());
        let arguments = self.arguments(engine, &[session.request.process_kind()]);
        let launched = launch(&runtime.python, &arguments, &folder, &environment);
        let (process, streams) = match launched {
            Ok(launched) => launched,
            Err(source) => {
                let _ = tokio::task::spawn_blocking(move || folder.remove()).await;
                return Err(SessionError::Launch {
                    python: runtime.python.clone(),
                    source,
                });
            }
        };
        let mut started = self.started(process, streams, Arc::default());
        started.folder = Some(folder);
        Ok(started)
    }

    fn environment(&self, engine: Engine, limits: &Limits) -> SessionEnvironment {
        let mut environment = SessionEnvironment::of_runtime(&self.runtime);
        for (name, value) in engine.environment(limits) {
            environment.set(name, &value);
        }
        environment
    }

    fn arguments(&self, engine: Engine, kind: &[&str]) -> Vec<String> {
        // Characters: a reply takes up to four bytes for each.
        let output = (self.limits.reply_bytes / 4).to_string();
        let engine = ["--engine", engine.name(), "--output-limit", &output];
        let all = ["--kind"].iter().chain(kind).chain(&engine);
        all.map(|word| (*word).to_owned()).collect()
    }

    fn started(
        &self,
        process: SessionProcess,
        streams: Streams,
        occupant: Arc<Occupant>,
    ) -> Started {
        let (sender, lines) = mpsc::channel(1);
        let (exit, limit) = (process.exit(), self.limits.reply_bytes);
        tokio::spawn(hear(streams.stdout, exit, limit, sender));
        tokio::spawn(record(
            streams.stderr,
            process.exit(),
            Arc::clone(&occupant),
        ));
        Started {
            input: Input::new(streams.stdin),
            process,
            lines,
            checkup: Checkup::new(Arc::clone(&occupant)),
            occupant,
            premises: None,
            folder: None,
            limits: None,
            was_warm: false,
            isolation: self.runtime.isolation.name(),
        }
    }
}

/// An interpreter that runs, and waits to be told whose it is.
pub(super) struct Started {
    pub process: SessionProcess,
    pub input: Input,
    pub lines: mpsc::Receiver<Line>,
    pub checkup: Checkup,
    pub occupant: Arc<Occupant>,
    premises: Option<Premises>,
    folder: Option<SessionFolder>,
    /// What it may take now; none outside an enclosure.
    limits: Option<Limits>,
    was_warm: bool,
    isolation: String,
}

/// What a session's log begins with.
#[derive(Serialize)]
struct FirstLine<'a> {
    application: &'a str,
    sandbox: &'a str,
    warm: bool,
    memory: u64,
    cpus: f64,
}

/// What an interpreter is told about the session it works for.
#[derive(Serialize)]
struct Begin<'a> {
    kind: &'a str,
    name: &'a str,
    application: &'a str,
    settings: &'a BTreeMap<String, String>,
    /// The engine's variables: one that waited was started with others when the session gets less.
    engine: BTreeMap<&'static str, String>,
    /// Opens the session's keys; outside an enclosure it is in a file already.
    token: Option<&'a str>,
}

impl Started {
    pub fn is_alive(&self) -> bool {
        !self.process.exit().is_over()
    }

    /// Gives the interpreter to a session, with what it was granted.
    fn begin(
        &mut self,
        session: &Arc<Session>,
        engine: Engine,
        grant: &Grant,
    ) -> Result<(), SessionError> {
        let application = session.application_id();
        self.log_first(session, &application, grant);
        if self.limits.is_some_and(|limits| limits != grant.limits) {
            self.process
                .limit(&grant.limits)
                .map_err(|error| SessionError::Sandbox(error.to_string()))?;
        }
        self.occupant.assign(session);
        let line = self
            .first_request(session, &application, engine, grant)
            .map_err(|error| SessionError::Sandbox(error.to_string()))?;
        match self.input.send(line) {
            true => Ok(()),
            false => Err(SessionError::Sandbox(
                "the interpreter does not read what it is sent".to_owned(),
            )),
        }
    }

    fn first_request(
        &self,
        session: &Session,
        application: &str,
        engine: Engine,
        grant: &Grant,
    ) -> serde_json::Result<Vec<u8>> {
        let begin = Begin {
            kind: session.request.process_kind(),
            name: session.request.name.as_deref().unwrap_or_default(),
            application,
            settings: &grant.spark,
            engine: engine.environment(&grant.limits),
            token: (self.premises.is_some()).then(|| session.token.expose()),
        };
        let mut line = serde_json::to_vec(&serde_json::json!({ "begin": begin }))?;
        line.push(b'\n');
        Ok(line)
    }

    fn log_first(&self, session: &Session, application: &str, grant: &Grant) {
        let line = FirstLine {
            application,
            sandbox: &self.isolation,
            warm: self.was_warm,
            memory: grant.limits.memory,
            cpus: grant.limits.cpus,
        };
        if let Ok(line) = serde_json::to_string(&line) {
            session.note(line);
        }
    }

    /// Ends the process, with `grace` to end by itself; then reports the last of what was refused and
    /// removes what is on the host. Answers how the process ended, in words.
    pub async fn end(self, grace: Duration) -> String {
        // The end of its input is what tells the interpreter to end.
        self.input.close();
        let exit = self.process.end(grace).await;
        if let Some(premises) = self.premises {
            premises.close().await;
        }
        if let Some(folder) = self.folder {
            let _ = tokio::task::spawn_blocking(move || folder.remove()).await;
        }
        exit
    }
}
