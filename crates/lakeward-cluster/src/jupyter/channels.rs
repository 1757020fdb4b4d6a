//! The WebSocket between a client and its kernel.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use lakeward_session::{Connection, Kernel, KernelMessage, Login, Lost};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::time::Instant;

use super::error::GatewayError;
use super::framing;
use super::kernels::Caller;
use super::router::Gateway;
use crate::pair::Pair;

/// How often the login is looked at again.
const LOGIN_CHECK: Duration = Duration::from_secs(5);
/// How often the client is asked whether it is there, and how long it may say nothing.
const PING: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(120);
/// Longest accepted `session_id`.
const SESSION_ID_BYTES: usize = 256;
/// How long one frame may take to leave.
const SEND: Duration = Duration::from_secs(10);

/// `GET /api/kernels/{id}/channels`
pub(super) async fn connect(
    State(gateway): State<Arc<Gateway>>,
    Extension(login): Caller,
    Extension(pair): Extension<Arc<Pair>>,
    Path(id): Path<String>,
    query: Result<Query<Joining>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, GatewayError> {
    let kernel = gateway.started(&login, &id).await?;
    let upgrade = upgrade.map_err(|rejection| GatewayError::Malformed(rejection.body_text()))?;
    let Query(joining) =
        query.map_err(|rejection| GatewayError::Malformed(rejection.body_text()))?;
    let connection = kernel.connect(joining.session_id()?)?;
    let limit = gateway.sessions.limits().request_bytes;
    // What is a little too large is answered with a reason; what is far too large is not read.
    let upgrade = upgrade
        .max_message_size(2 * limit)
        .max_frame_size(2 * limit);
    let visitor = Visitor {
        gateway,
        login,
        pair,
        kernel,
        limit,
        heard: Mutex::new(Instant::now()),
    };
    Ok(upgrade.on_upgrade(move |socket| visitor.converse(socket, connection)))
}

/// The query of a client that connects.
#[derive(Deserialize)]
pub(super) struct Joining {
    /// Names the client: when it comes back it is told what it missed.
    #[serde(default)]
    session_id: String,
}

impl Joining {
    fn session_id(&self) -> Result<&str, GatewayError> {
        match self.session_id.len() {
            0..=SESSION_ID_BYTES => Ok(&self.session_id),
            _ => Err(GatewayError::Malformed(format!(
                "session_id may have {SESSION_ID_BYTES} bytes"
            ))),
        }
    }
}

/// A client that is connected to a kernel.
struct Visitor {
    gateway: Arc<Gateway>,
    login: Arc<Login>,
    pair: Arc<Pair>,
    kernel: Arc<Kernel>,
    /// Bytes of one message.
    limit: usize,
    /// When the client last sent anything.
    heard: Mutex<Instant>,
}

/// Why a connection ends.
struct Farewell {
    code: u16,
    reason: String,
}

impl Farewell {
    fn new(code: u16, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// The closing frame; its reason has room for 123 bytes.
    fn frame(self) -> Message {
        let mut reason = self.reason;
        let end = (0..=reason.len().min(123))
            .rev()
            .find(|end| reason.is_char_boundary(*end));
        reason.truncate(end.unwrap_or(0));
        Message::Close(Some(CloseFrame {
            code: self.code,
            reason: reason.into(),
        }))
    }
}

impl Visitor {
    async fn converse(self, socket: WebSocket, mut connection: Connection) {
        let (mut sink, mut stream) = socket.split();
        let farewell = tokio::select! {
            farewell = self.listen(&mut stream) => farewell,
            farewell = self.speak(&mut sink, &mut connection) => farewell,
        };
        drop(connection);
        let kernel = self.kernel.id();
        tracing::debug!(%kernel, code = farewell.code, reason = %farewell.reason, "connection closed");
        let _ = tokio::time::timeout(SEND, sink.send(farewell.frame())).await;
    }

    /// Hands the client's messages to the kernel, one at a time.
    async fn listen(&self, stream: &mut SplitStream<WebSocket>) -> Farewell {
        while let Some(Ok(frame)) = stream.next().await {
            *self.heard.lock() = Instant::now();
            let message = match self.read(&frame) {
                Ok(Some(message)) => message,
                Ok(None) => continue,
                Err(farewell) => return farewell,
            };
            if !self.may_stay() {
                return login_ended();
            }
            if let Err(error) = self.kernel.send(&message).await {
                return Farewell::new(close_code::AWAY, error.to_string());
            }
        }
        Farewell::new(close_code::NORMAL, "the client has left")
    }

    fn read(&self, frame: &Message) -> Result<Option<KernelMessage>, Farewell> {
        let size = match frame {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            _ => return Ok(None),
        };
        if size > self.limit {
            let reason = format!("a message may have {} bytes, not {size}", self.limit);
            return Err(Farewell::new(close_code::SIZE, reason));
        }
        let message = match frame {
            Message::Text(text) => framing::decode_text(text),
            Message::Binary(bytes) => framing::decode_binary(bytes),
            _ => return Ok(None),
        };
        message
            .map(Some)
            .map_err(|error| Farewell::new(close_code::INVALID, error.to_string()))
    }

    /// Sends what the kernel says, as long as the login is good and the client is there.
    async fn speak(
        &self,
        sink: &mut SplitSink<WebSocket, Message>,
        connection: &mut Connection,
    ) -> Farewell {
        let mut check = tokio::time::interval(LOGIN_CHECK);
        let mut pinged = Instant::now();
        loop {
            let frame = tokio::select! {
                message = connection.next() => match message {
                    Ok(message) => framing::encode(&message),
                    Err(Lost::KernelEnded) => {
                        return Farewell::new(close_code::AWAY, "the kernel has ended");
                    }
                    Err(Lost::TooSlow) => {
                        return Farewell::new(close_code::AGAIN, "the client reads too slowly");
                    }
                },
                _ = check.tick() => {
                    if !self.may_stay() {
                        return login_ended();
                    }
                    if self.heard.lock().elapsed() > SILENCE {
                        return Farewell::new(close_code::AWAY, "the client was not heard of");
                    }
                    if pinged.elapsed() < PING {
                        continue;
                    }
                    pinged = Instant::now();
                    Message::Ping(Default::default())
                }
            };
            match tokio::time::timeout(SEND, sink.send(frame)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Farewell::new(close_code::NORMAL, "the client has left"),
                Err(_) => {
                    return Farewell::new(close_code::AGAIN, "the client reads too slowly");
                }
            }
        }
    }

    /// Whether the pair still opens the login it did.
    fn may_stay(&self) -> bool {
        let now = self
            .pair
            .open(&*self.gateway.roles, &self.gateway.cluster_id);
        now.is_ok_and(|now| now.is_same_binding(&self.login))
    }
}

fn login_ended() -> Farewell {
    Farewell::new(
        close_code::POLICY,
        "the user name and password are not good any more",
    )
}
