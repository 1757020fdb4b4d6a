//! The task behind a kernel: it starts the process, passes messages both ways, and sees the
//! process to its end.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::protocol::{self, Told};
use super::{Kernel, KernelMessage, KernelState};
use crate::authority::SessionRuntime;
use crate::interpreter::{Ending, Input, hear, record, start};
use crate::launcher::{SessionFolder, SessionProcess, Streams};
use crate::limits::SessionLimits;
use crate::session::{Errand, SessionState};

/// What a kernel's task is to do.
pub(crate) enum Order {
    /// Hand a line to the process.
    Line(Vec<u8>),
    /// Restart the kernel, and say when that is done.
    Restart(oneshot::Sender<()>),
}

/// Runs a kernel from the start of its process to the removal of its folder.
pub(crate) async fn drive(
    kernel: Arc<Kernel>,
    orders: mpsc::Receiver<Order>,
    runtime: Arc<SessionRuntime>,
    limits: Arc<SessionLimits>,
    folder: SessionFolder,
) {
    let session = &kernel.session;
    match start(session, &runtime, &limits, &folder).await {
        Ok((process, streams)) => {
            let relay = Relay::new(Arc::clone(&kernel), orders, &limits, process, streams);
            relay.run(&limits).await;
        }
        Err(error) => {
            tracing::error!(session = session.id, %error, "kernel not started");
            session.end(SessionState::Error, "SessionNotStarted", &error.to_string());
        }
    }
    kernel.connections.tell(KernelMessage::dead()).await;
    kernel.connections.close();
    kernel.state.send_replace(KernelState::Dead);
    let _ = tokio::task::spawn_blocking(move || folder.remove()).await;
}

/// One kernel's process at work.
struct Relay {
    kernel: Arc<Kernel>,
    orders: mpsc::Receiver<Order>,
    process: SessionProcess,
    input: Input,
    lines: mpsc::Receiver<Told>,
    is_ready: bool,
    restarts: u64,
    /// Who waits for which restart.
    restarting: Vec<(u64, oneshot::Sender<()>)>,
    /// When to give up waiting for readiness.
    alarm: Instant,
}

impl Relay {
    fn new(
        kernel: Arc<Kernel>,
        orders: mpsc::Receiver<Order>,
        limits: &SessionLimits,
        process: SessionProcess,
        streams: Streams,
    ) -> Self {
        let (sender, lines) = mpsc::channel(4);
        let exit = process.exit();
        kernel.session.runs_as(process.id());
        tokio::spawn(hear(
            streams.stdout,
            exit.clone(),
            limits.reply_bytes,
            Told::parse,
            sender,
        ));
        tokio::spawn(record(streams.stderr, exit, Arc::clone(&kernel.session)));
        Self {
            kernel,
            orders,
            process,
            input: Input::new(streams.stdin),
            lines,
            is_ready: false,
            restarts: 0,
            restarting: Vec::new(),
            alarm: Instant::now() + limits.start_timeout,
        }
    }

    async fn run(mut self, limits: &SessionLimits) {
        let start = protocol::start(&self.kernel.request.environment);
        let ending = match start.is_ok_and(|line| self.input.send(line)) {
            true => self.converse().await,
            false => Ending::Deaf,
        };
        self.orders.close();
        self.input.close();
        let exit = self.process.end(ending.grace(limits)).await;
        let (state, ename, text) = ending.outcome(self.is_ready, &exit);
        let session = &self.kernel.session;
        tracing::info!(session = session.id, %state, %text, "kernel ended");
        session.end(state, ename, &text);
    }

    /// Passes messages both ways until there is a reason to stop.
    async fn converse(&mut self) -> Ending {
        loop {
            let session = Arc::clone(&self.kernel.session);
            // A kernel that has no room for another order is not asked for one.
            let room = self.input.room();
            tokio::select! {
                biased;
                () = session.errands.notified() => {
                    if matches!(session.errand(false), Errand::Stop) {
                        return Ending::Requested;
                    }
                }
                told = self.lines.recv() => match told {
                    Some(told) => if let Some(ending) = self.take(told).await {
                        return ending;
                    },
                    None => return Ending::Gone,
                },
                order = async { room.await; self.orders.recv().await }, if self.is_ready => {
                    match order {
                        Some(order) => self.obey(order),
                        None => return Ending::Requested,
                    }
                }
                () = tokio::time::sleep_until(self.alarm), if !self.is_ready => return Ending::NotReady,
            }
        }
    }

    fn obey(&mut self, order: Order) {
        let line = match order {
            Order::Line(line) => Ok(line),
            Order::Restart(done) => {
                self.restarts += 1;
                self.restarting.retain(|(_, waiting)| !waiting.is_closed());
                self.restarting.push((self.restarts, done));
                protocol::restart(self.restarts)
            }
        };
        if let Ok(line) = line {
            // There was room for it.
            self.input.send(line);
        }
    }

    async fn take(&mut self, told: Told) -> Option<Ending> {
        match told {
            Told::Ready if !self.is_ready => {
                self.is_ready = true;
                self.kernel.session.ready();
                self.kernel.reach(KernelState::Idle);
            }
            Told::Fatal(reason) => return Some(Ending::Fatal(reason)),
            Told::Message(message, state) if self.is_ready => {
                if let Some(state) = state {
                    self.kernel.reach(state);
                }
                self.kernel.touch();
                self.kernel.connections.tell(message).await;
            }
            Told::Restarted(number) => {
                for (waiting, done) in std::mem::take(&mut self.restarting) {
                    match waiting <= number {
                        true => drop(done.send(())),
                        false => self.restarting.push((waiting, done)),
                    }
                }
            }
            Told::Noise(text) => self.kernel.session.note(text),
            _ => {
                let text = "the kernel sent a message that nobody waits for".to_owned();
                self.kernel.session.note(text);
            }
        }
        None
    }
}
