//! What a handler leaves unread of a request's body.
//!
//! Many answers need no body: a refusal, a call whose input is all in its address. hyper ends a
//! connection whose body was not read to its end, after the answer and without a word; a client
//! that keeps its connections then loses its next request. A short rest is read here before the
//! answer; for a long one the answer says that the connection ends.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderValue, Request, Response};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;

/// The longest rest that is read, in bytes.
const LONGEST: u64 = 64 * 1024;
/// For the rest to arrive.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a body that was not read to its end comes back.
pub(super) struct Leftover {
    rest: oneshot::Receiver<Incoming>,
    /// The client sends its body only when asked to, so it is not asked.
    unsent: bool,
}

impl Leftover {
    /// The same request, and what will be left of its body.
    pub fn of(request: Request<Incoming>) -> (Request<Body>, Self) {
        let unsent = request.headers().contains_key(EXPECT);
        let (back, rest) = oneshot::channel();
        let request = request.map(|body| {
            Body::new(Lent {
                body: Some(body),
                back: Some(back),
            })
        });
        (request, Self { rest, unsent })
    }

    /// Reads what is left, or lets the answer say that the connection ends with it.
    pub async fn settle(mut self, answer: &mut Response<Body>) {
        let Ok(body) = self.rest.try_recv() else {
            return;
        };
        let short = body.size_hint().lower() <= LONGEST && !self.unsent;
        let read = short
            && tokio::time::timeout(PATIENCE, read_to_end(body))
                .await
                .unwrap_or(false);
        if !read {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
    }
}

/// Whether the rest of `body` came whole and was short.
async fn read_to_end(mut body: Incoming) -> bool {
    let mut read = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else {
            return false;
        };
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > LONGEST {
            return false;
        }
    }
    true
}

/// A body that goes back where it came from when its reader lets it go before its end.
struct Lent {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body
            .as_ref()
            .is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), hyper::body::Body::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(body), Some(back)) = (unread, self.back.take()) {
            // Nobody waits for it when the connection has ended.
            let _ = back.send(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use axum::Router;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::{Notify, watch};

    use super::super::serve_plain;

    /// A server that reads no body.
    async fn server() -> (SocketAddr, watch::Sender<bool>) {
        server_that_tells(Arc::default()).await
    }

    /// The same, which tells whenever its handler is about to answer.
    async fn server_that_tells(handled: Arc<Notify>) -> (SocketAddr, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let answer = move || {
            handled.notify_one();
            async { "answered" }
        };
        let router = Router::new().route("/", post(answer));
        tokio::spawn(serve_plain(listener, router, stopped));
        (address, stop)
    }

    /// What comes until `answers` answers have come or the connection has ended.
    async fn answers(stream: &mut TcpStream, answers: usize) -> String {
        let mut text = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let seen = String::from_utf8_lossy(&text).matches("answered").count();
            if seen == answers {
                break;
            }
            match stream.read(&mut buffer).await.unwrap_or(0) {
                0 => break,
                read => text.extend_from_slice(&buffer[..read]),
            }
        }
        String::from_utf8(text).unwrap()
    }

    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\n\r\n";

    #[tokio::test]
    async fn a_body_that_comes_after_its_handler_costs_no_connection() {
        let handled = Arc::new(Notify::new());
        let (address, _stop) = server_that_tells(Arc::clone(&handled)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..2 {
            stream.write_all(HEAD).await.unwrap();
            handled.notified().await;
            stream.write_all(b"{}").await.unwrap();
            let answer = answers(&mut stream, 1).await;
            assert!(answer.ends_with("answered"), "{answer}");
            assert!(!answer.contains("connection: close"), "{answer}");
        }
    }

    #[tokio::test]
    async fn an_answer_says_when_the_connection_ends_with_it() {
        let (address, _stop) = server().await;
        for head in [
            "content-length: 1000000",
            "content-length: 2\r\nexpect: 100-continue",
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = format!("POST / HTTP/1.1\r\nhost: here\r\n{head}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let answer = answers(&mut stream, 2).await;
            assert!(answer.contains("connection: close"), "{answer}");
            assert!(answer.ends_with("answered"), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_body_without_a_length_is_read_up_to_a_limit() {
        let (address, _stop) = server().await;
        let head = b"POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head).await.unwrap();
        stream.write_all(b"2\r\n{}\r\n0\r\n\r\n").await.unwrap();
        let answer = answers(&mut stream, 1).await;
        assert!(!answer.contains("connection: close"), "{answer}");

        stream.write_all(head).await.unwrap();
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        stream.write_all(chunk.as_bytes()).await.unwrap();
        stream.write_all(b"1\r\nx\r\n").await.unwrap();
        let answer = answers(&mut stream, 2).await;
        assert!(answer.contains("connection: close"), "{answer}");
    }
}
