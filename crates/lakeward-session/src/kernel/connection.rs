//! The clients that listen to a kernel, and how long it waits for a slow one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use super::away::{Away, weight};
use super::protocol::KernelMessage;
use crate::error::SessionError;
use crate::retention::{Holder, Retention};
use crate::session::Session;

/// Clients of one kernel.
const CONNECTIONS: usize = 8;
/// Bytes that may wait for one client.
const WAITING_BYTES: usize = 32 << 20;
/// How long a client may take none of what waits for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so many bytes it is looked whether all sessions hold too much.
const LOOK_BYTES: usize = 1 << 20;

/// All clients of one kernel.
pub(super) struct Connections {
    clients: Mutex<Clients>,
    retention: Option<Arc<Retention>>,
    /// Bytes told since all were looked at.
    told: AtomicUsize,
}

#[derive(Default)]
struct Clients {
    listening: Vec<Client>,
    next: u64,
    is_closed: bool,
    /// For the client that left last, while there is no other.
    away: Option<Away>,
}

#[derive(Clone)]
struct Client {
    number: u64,
    session_id: Arc<str>,
    room: Arc<Semaphore>,
    messages: mpsc::UnboundedSender<Waiting>,
}

struct Waiting {
    message: Arc<KernelMessage>,
    _room: OwnedSemaphorePermit,
}

/// What one client hears. It stops counting when it is dropped.
pub struct Connection {
    number: u64,
    connections: Arc<Connections>,
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
    /// No client yet, of the kernel that is this session.
    pub fn of(session: &Session) -> Arc<Self> {
        let connections = Arc::new(Self {
            clients: Mutex::default(),
            retention: session.retention.clone(),
            told: AtomicUsize::new(0),
        });
        if let Some(retention) = &connections.retention {
            retention.add(&connections);
        }
        connections
    }

    pub fn count(&self) -> usize {
        self.clients.lock().listening.len()
    }

    pub fn add(self: &Arc<Self>, session_id: &str) -> Result<Connection, SessionError> {
        let mut clients = self.clients.lock();
        if clients.is_closed {
            return Err(SessionError::KernelGone {
                reason: "it has ended".to_owned(),
            });
        }
        if clients.listening.len() >= CONNECTIONS {
            return Err(SessionError::TooManyConnections { limit: CONNECTIONS });
        }
        let (sender, messages) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(WAITING_BYTES));
        clients.next += 1;
        let client = Client {
            number: clients.next,
            session_id: session_id.into(),
            room: Arc::clone(&room),
            messages: sender,
        };
        let missed = clients.away.take().map(|away| away.of(session_id));
        for message in missed.into_iter().flatten() {
            client.take_now(message);
        }
        let number = client.number;
        clients.listening.push(client);
        Ok(Connection {
            number,
            connections: Arc::clone(self),
            messages,
            room,
        })
    }

    /// Gives a message to every client, or keeps it for the last one that left. A slow one is waited
    /// for, and left behind after a while: neither the kernel nor the daemon's memory may hang on it.
    pub async fn tell(&self, message: KernelMessage) {
        let bytes = weight(&message);
        let message = Arc::new(message);
        let Some(listening) = self.clients.lock().listening_to(&message) else {
            return self.look(bytes);
        };
        let taken = listening.iter().map(|client| client.take(&message));
        let taken = join_all(taken).await;
        let mut clients = self.clients.lock();
        for (client, _) in listening.iter().zip(&taken).filter(|(_, taken)| !**taken) {
            clients.leave_behind(client.number);
        }
        if !taken.contains(&true) {
            clients.keep(message);
        }
        drop(clients);
        self.look(bytes);
    }

    /// Sees to it, now and then, that all sessions together hold no more than they may.
    fn look(&self, bytes: usize) {
        if self.told.fetch_add(bytes, Ordering::Relaxed) >= LOOK_BYTES
            && let Some(retention) = &self.retention
        {
            self.told.store(0, Ordering::Relaxed);
            retention.fit();
        }
    }

    /// Nothing more will be said.
    pub fn close(&self) {
        let mut clients = self.clients.lock();
        clients.is_closed = true;
        clients.listening.clear();
        clients.away = None;
    }
}

impl Clients {
    /// Who listens now. When nobody does, the message is kept.
    fn listening_to(&mut self, message: &Arc<KernelMessage>) -> Option<Vec<Client>> {
        if self.listening.is_empty() {
            self.keep(Arc::clone(message));
            return None;
        }
        Some(self.listening.clone())
    }

    /// Keeps what nobody took for the one that left, or hands it to those that have just come.
    fn keep(&mut self, message: Arc<KernelMessage>) {
        match &mut self.away {
            Some(away) => away.keep(message),
            None => {
                let come = self.listening.iter();
                come.for_each(|client| client.take_now(Arc::clone(&message)));
            }
        }
    }

    /// Takes a client out. What the kernel says is kept for it from now on when it was the last.
    fn remove(&mut self, number: u64) -> Option<Client> {
        let found = (self.listening.iter()).position(|client| client.number == number)?;
        let client = self.listening.swap_remove(found);
        if self.listening.is_empty() {
            self.away = Some(Away::new(&client.session_id));
        }
        Some(client)
    }

    /// Takes out a client that is too slow; it is told so.
    fn leave_behind(&mut self, number: u64) {
        if let Some(client) = self.remove(number) {
            client.room.close();
        }
    }
}

impl Client {
    /// Bytes that wait for it.
    fn waiting(&self) -> usize {
        WAITING_BYTES.saturating_sub(self.room.available_permits())
    }

    /// Whether the message could be handed over in time.
    async fn take(&self, message: &Arc<KernelMessage>) -> bool {
        let room = Arc::clone(&self.room).acquire_many_owned(permits(message));
        let room = tokio::select! {
            room = tokio::time::timeout(PATIENCE, room) => room,
            () = self.messages.closed() => return false,
        };
        match room {
            Ok(Ok(room)) => self.put(Arc::clone(message), room),
            _ => false,
        }
    }

    /// Hands over a message that was kept; there is room for all that is.
    fn take_now(&self, message: Arc<KernelMessage>) {
        let room = Arc::clone(&self.room).try_acquire_many_owned(permits(&message));
        if let Ok(room) = room {
            self.put(message, room);
        }
    }

    fn put(&self, message: Arc<KernelMessage>, room: OwnedSemaphorePermit) -> bool {
        let waiting = Waiting {
            message,
            _room: room,
        };
        self.messages.send(waiting).is_ok()
    }
}

fn permits(message: &KernelMessage) -> u32 {
    u32::try_from(weight(message).min(WAITING_BYTES)).unwrap_or(u32::MAX)
}

impl Connection {
    /// The next message of the kernel. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Nothing more comes, and why.
    pub async fn next(&mut self) -> Result<Arc<KernelMessage>, Lost> {
        if self.room.is_closed() {
            return Err(Lost::TooSlow);
        }
        match self.messages.recv().await {
            Some(waiting) => Ok(waiting.message),
            None if self.room.is_closed() => Err(Lost::TooSlow),
            None => Err(Lost::KernelEnded),
        }
    }
}

impl Drop for Connection {
    /// What it did not take waits for it, when it was the last.
    fn drop(&mut self) {
        let mut clients = self.connections.clients.lock();
        if clients.remove(self.number).is_none() {
            return;
        }
        self.messages.close();
        if let Some(away) = &mut clients.away {
            while let Ok(waiting) = self.messages.try_recv() {
                away.keep(waiting.message);
            }
        }
    }
}

impl Holder for Connections {
    fn held(&self) -> usize {
        let clients = self.clients.lock();
        let away = clients.away.as_ref().map_or(0, Away::bytes);
        away + clients.listening.iter().map(Client::waiting).sum::<usize>()
    }

    /// What waits for a client that has left goes first, then the client that most waits for.
    fn shed(&self) -> usize {
        let mut clients = self.clients.lock();
        if let Some(away) = &mut clients.away {
            let session_id = away.session_id().to_owned();
            return std::mem::replace(away, Away::new(&session_id)).bytes();
        }
        let slowest = clients
            .listening
            .iter()
            .max_by_key(|client| client.waiting());
        let Some((number, bytes)) = slowest.map(|client| (client.number, client.waiting())) else {
            return 0;
        };
        if bytes > 0 {
            clients.leave_behind(number);
        }
        bytes
    }

    /// They are gone when the kernel is.
    fn ended_at(&self) -> Option<Instant> {
        None
    }
}
