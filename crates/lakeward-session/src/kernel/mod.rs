//! Jupyter kernels: sessions that speak Jupyter's messages instead of statements.
//!
//! The daemon passes messages on and looks at little more than their size. What they mean is
//! between the client and the kernel, which are the same user's.

mod away;
mod connection;
mod driver;
mod protocol;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

pub use connection::{Connection, Lost};
pub(super) use driver::drive;
pub use protocol::{KernelMessage, MalformedMessage};

use super::error::SessionError;
use super::session::{Session, SessionRequest};
use connection::Connections;
use driver::Order;

/// What sessions that are kernels call their kind.
pub(super) const KIND: &str = "kernel";
/// Orders that may wait for a kernel which reads slowly.
const WAITING_ORDERS: usize = 16;
/// How long a kernel may take to be restarted.
const RESTART: Duration = Duration::from_secs(40);

/// What a client asked for when it started a kernel.
#[derive(Debug, Clone, Default)]
pub struct KernelRequest {
    /// The kernel's name, as its specification has it.
    pub name: String,
    /// Variables that the kernel's process gets besides the session's own. The caller admits
    /// none that would change what a session's programs do.
    pub environment: BTreeMap<String, String>,
}

impl KernelRequest {
    pub(super) fn session(&self) -> SessionRequest {
        SessionRequest {
            kind: KIND.to_owned(),
            settings: "{}".to_owned(),
            ..SessionRequest::default()
        }
    }
}

/// Where a kernel is, in Jupyter's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelState {
    /// Its process is being started.
    Starting,
    /// It waits for messages.
    Idle,
    /// It runs a cell.
    Busy,
    /// Its process ended and is being started anew.
    Restarting,
    /// It is gone.
    Dead,
}

/// A kernel. Its task and the HTTP handlers share it.
pub struct Kernel {
    id: Uuid,
    request: KernelRequest,
    session: Arc<Session>,
    state: watch::Sender<KernelState>,
    active_at: Mutex<Timestamp>,
    connections: Arc<Connections>,
    orders: mpsc::Sender<Order>,
}

impl Kernel {
    /// A kernel over a session that the registry made for it, and what its task is to be given.
    pub(super) fn new(
        session: Arc<Session>,
        mut request: KernelRequest,
    ) -> (Arc<Self>, mpsc::Receiver<Order>) {
        let (orders, waiting) = mpsc::channel(WAITING_ORDERS);
        let id = Uuid::new_v4();
        let name = "KERNEL_ID".to_owned();
        request.environment.insert(name, id.to_string());
        let kernel = Self {
            id,
            request,
            active_at: Mutex::new(session.created_at),
            connections: Connections::of(&session),
            session,
            state: watch::Sender::new(KernelState::Starting),
            orders,
        };
        (Arc::new(kernel), waiting)
    }

    /// Its id; random, so that it can't be guessed.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The name of its specification.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.request.name
    }

    /// The session that it is.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> KernelState {
        *self.state.borrow()
    }

    /// When it last said or was told anything.
    #[must_use]
    pub fn active_at(&self) -> Timestamp {
        *self.active_at.lock()
    }

    /// How many clients are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.count()
    }

    /// Waits until the kernel takes messages.
    ///
    /// # Errors
    /// It could not be started; the text says why.
    pub async fn started(&self) -> Result<(), SessionError> {
        let mut state = self.state.subscribe();
        let state = state
            .wait_for(|state| *state != KernelState::Starting)
            .await
            .map_or(KernelState::Dead, |state| *state);
        match state {
            KernelState::Dead => Err(self.gone()),
            _ => Ok(()),
        }
    }

    /// Joins one more client to what the kernel says from now on. Where the last client that left had
    /// the same `session_id`, it is also told what the kernel said meanwhile, as far as that is kept.
    ///
    /// # Errors
    /// The kernel is gone, or has too many clients.
    pub fn connect(&self, session_id: &str) -> Result<Connection, SessionError> {
        if self.state() == KernelState::Dead {
            return Err(self.gone());
        }
        self.connections.add(session_id)
    }

    /// Hands a client's message to the kernel; waits while the kernel reads slowly.
    ///
    /// # Errors
    /// The kernel is gone.
    pub async fn send(&self, message: &KernelMessage) -> Result<(), SessionError> {
        self.touch();
        self.order(Order::Line(message.line()?)).await
    }

    /// Interrupts what the kernel runs.
    ///
    /// # Errors
    /// The kernel is gone.
    pub async fn interrupt(&self) -> Result<(), SessionError> {
        self.touch();
        self.order(Order::Line(protocol::INTERRUPT.to_vec())).await
    }

    /// Ends the kernel's process and waits for a new one; the session goes on.
    ///
    /// # Errors
    /// The kernel is gone, or not there again in time.
    pub async fn restart(&self) -> Result<(), SessionError> {
        self.touch();
        let (done, told) = oneshot::channel();
        self.order(Order::Restart(done)).await?;
        match tokio::time::timeout(RESTART, told).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.gone()),
            Err(_) => Err(SessionError::KernelNotRestarted {
                seconds: RESTART.as_secs(),
            }),
        }
    }

    async fn order(&self, order: Order) -> Result<(), SessionError> {
        self.orders.send(order).await.map_err(|_| self.gone())
    }

    fn gone(&self) -> SessionError {
        let log = self.session.log_tail(1);
        SessionError::KernelGone {
            reason: log.into_iter().next().unwrap_or_default(),
        }
    }

    fn touch(&self) {
        *self.active_at.lock() = Timestamp::now();
        self.session.touch();
    }

    /// Notes where the kernel is. The session that it is follows.
    fn reach(&self, state: KernelState) {
        self.session.work(state != KernelState::Idle);
        self.state.send_replace(state);
    }
}
