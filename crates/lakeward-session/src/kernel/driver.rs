//! The task behind a kernel: it starts the process, passes messages both ways, and sees the
//! process to its end.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::protocol::{self, Told};
use super::{Kernel, KernelMessage, KernelState};
use crate::cluster::OpenCluster;
use crate::interpreter::{Ending, end_unbegun};
use crate::limits::SessionLimits;
use crate::line::Line;
use crate::pace::Pace;
use crate::session::{Errand, SessionState};
use crate::settings::Grant;
use crate::start::{Started, Starter};

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
    starter: Arc<Starter>,
    cluster: Arc<OpenCluster>,
    grant: Grant,
) {
    let _gone = Gone(Arc::clone(&kernel));
    let session = &kernel.session;
    if session.is_unwanted() {
        return end_unbegun(session);
    }
    match starter.begin(&cluster, session, &grant).await {
        Ok(started) => {
            let relay = Relay::new(Arc::clone(&kernel), orders, &cluster.limits, started);
            relay.run(&cluster.limits).await;
        }
        Err(error) => {
            tracing::error!(session = session.id, %error, "kernel not started");
            session.end(SessionState::Error, "SessionNotStarted", &error.to_string());
        }
    }
    kernel.connections.tell(KernelMessage::dead()).await;
}

/// Whoever waits for the kernel learns that it is gone, however its task ends.
struct Gone(Arc<Kernel>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.connections.close();
        self.0.state.send_replace(KernelState::Dead);
    }
}

/// One kernel's process at work.
struct Relay {
    kernel: Arc<Kernel>,
    orders: mpsc::Receiver<Order>,
    started: Started,
    is_ready: bool,
    restarts: u64,
    /// Who waits for which restart.
    restarting: Vec<(u64, oneshot::Sender<()>)>,
    /// When to give up waiting for readiness.
    alarm: Instant,
    /// Of what it says that means nothing.
    pace: Pace,
}

impl Relay {
    fn new(
        kernel: Arc<Kernel>,
        orders: mpsc::Receiver<Order>,
        limits: &SessionLimits,
        started: Started,
    ) -> Self {
        kernel.session.runs_as(started.process.id());
        Self {
            kernel,
            orders,
            started,
            is_ready: false,
            restarts: 0,
            restarting: Vec::new(),
            alarm: Instant::now() + limits.start_timeout,
            pace: Pace::default(),
        }
    }

    async fn run(mut self, limits: &SessionLimits) {
        let start = protocol::start(&self.kernel.request.environment);
        // Behind the line that says whose it is.
        self.started.input.room().await;
        let ending = match start.is_ok_and(|line| self.started.input.send(line)) {
            true => self.converse().await,
            false => Ending::Deaf,
        };
        self.orders.close();
        let ending = ending.explained(&mut self.started);
        let exit = self.started.end(ending.grace(self.is_ready, limits)).await;
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
            let room = self.started.input.room();
            tokio::select! {
                biased;
                () = session.errands.notified() => {
                    if matches!(session.errand(false), Errand::Stop) {
                        return Ending::Requested;
                    }
                }
                line = async {
                    self.pace.wait().await;
                    self.started.lines.recv().await
                } => match line {
                    Some(line) => if let Some(ending) = self.take(&line).await {
                        return ending;
                    },
                    None => return Ending::Gone,
                },
                text = self.started.checkup.over_memory(&self.started.process) => {
                    return Ending::OutOfMemory(text);
                }
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
            self.started.input.send(line);
        }
    }

    async fn take(&mut self, line: &Line) -> Option<Ending> {
        match Told::parse(line) {
            Told::Ready if !self.is_ready => {
                self.is_ready = true;
                self.kernel.session.ready();
                self.kernel.reach(KernelState::Idle);
            }
            Told::Fatal(reason) => return Some(Ending::Fatal(reason)),
            Told::Message(message, state) if self.is_ready => {
                // Before it counts as idle: the reaper may look in between.
                self.kernel.touch();
                if let Some(state) = state {
                    self.kernel.reach(state);
                }
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
            Told::Noise(text) => {
                self.pace.count(line);
                self.kernel.session.note(text);
            }
            _ => {
                self.pace.count(line);
                let text = "the kernel sent a message that nobody waits for".to_owned();
                self.kernel.session.note(text);
            }
        }
        None
    }
}
