//! The clients that listen to a kernel, and how long it waits for a slow one.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::protocol::KernelMessage;
use crate::error::SessionError;

/// Clients of one kernel.
const CONNECTIONS: usize = 8;
/// Bytes that may wait for one client.
const WAITING_BYTES: u32 = 32 << 20;
/// What a message counts for at least.
const LEAST_BYTES: usize = 1 << 10;
/// How long a client may take none of what waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// All clients of one kernel.
#[derive(Default)]
pub(super) struct Connections(Mutex<Clients>);

#[derive(Default)]
struct Clients {
    listening: Vec<Client>,
    next: u64,
    is_closed: bool,
}

#[derive(Clone)]
struct Client {
    number: u64,
    room: Arc<Semaphore>,
    messages: mpsc::UnboundedSender<Waiting>,
}

struct Waiting {
    message: Arc<KernelMessage>,
    _room: OwnedSemaphorePermit,
}

/// What one client hears. It stops counting when it is dropped.
pub struct Connection {
    messages: mpsc::UnboundedReceiver<Waiting>,
    room: Arc<Semaphore>,
}

/// Why a connection hears nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The kernel has ended.
    KernelEnded,
    /// Too much waited for too long.
    TooSlow,
}

impl Connections {
    pub fn count(&self) -> usize {
        let mut clients = self.0.lock();
        clients.listening.retain(|client| !client.has_left());
        clients.listening.len()
    }

    pub fn add(&self) -> Result<Connection, SessionError> {
        let mut clients = self.0.lock();
        clients.listening.retain(|client| !client.has_left());
        if clients.is_closed {
            return Err(SessionError::KernelGone {
                reason: "it has ended".to_owned(),
            });
        }
        if clients.listening.len() >= CONNECTIONS {
            return Err(SessionError::TooManyConnections { limit: CONNECTIONS });
        }
        let (sender, messages) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(WAITING_BYTES as usize));
        clients.next += 1;
        let client = Client {
            number: clients.next,
            room: Arc::clone(&room),
            messages: sender,
        };
        clients.listening.push(client);
        Ok(Connection { messages, room })
    }

    /// Gives a message to every client. One that is slow is waited for, and left behind after a
    /// while: neither the kernel nor the daemon's memory may hang on it.
    pub async fn tell(&self, message: KernelMessage) {
        let message = Arc::new(message);
        let clients = self.0.lock().listening.clone();
        let taken = clients.iter().map(|client| client.take(&message));
        let taken = join_all(taken).await;
        for (client, _) in clients.iter().zip(taken).filter(|(_, taken)| !taken) {
            client.room.close();
            let mut clients = self.0.lock();
            clients
                .listening
                .retain(|found| found.number != client.number);
        }
    }

    /// Nothing more will be said.
    pub fn close(&self) {
        let mut clients = self.0.lock();
        clients.is_closed = true;
        clients.listening.clear();
    }
}

impl Client {
    fn has_left(&self) -> bool {
        self.messages.is_closed()
    }

    /// Whether the message could be handed over in time.
    async fn take(&self, message: &Arc<KernelMessage>) -> bool {
        let bytes = message.size().max(LEAST_BYTES);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(WAITING_BYTES);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes);
        let room = tokio::select! {
            room = tokio::time::timeout(PATIENCE, room) => room,
            () = self.messages.closed() => return false,
        };
        let Ok(Ok(room)) = room else {
            return false;
        };
        let waiting = Waiting {
            message: Arc::clone(message),
            _room: room,
        };
        self.messages.send(waiting).is_ok()
    }
}

impl Connection {
    /// The next message of the kernel. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Nothing more comes, and why.
    pub async fn next(&mut self) -> Result<Arc<KernelMessage>, Lost> {
        match self.messages.recv().await {
            Some(waiting) => Ok(waiting.message),
            None if self.room.is_closed() => Err(Lost::TooSlow),
            None => Err(Lost::KernelEnded),
        }
    }
}
