//! Accepting connections, over TLS or on loopback without, until told to stop.

mod leftover;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tower::ServiceExt;

use leftover::Leftover;

/// Who sent a request: an extension of every request that a listener here passes on.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Tells when the client of a request is gone, or has its answer: an extension of every request
/// that a listener here passes on. What was begun goes on without a client; a handler that would
/// rather not asks here.
#[derive(Debug, Clone)]
pub struct Departure(watch::Receiver<()>);

impl Departure {
    /// Waits until the client is gone.
    pub async fn happened(mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

/// Connections open at once on one listener, unless it says otherwise. A request whose client has
/// hung up counts as one until its handler is done.
const CONNECTIONS: usize = 512;
/// For a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For the next request on a connection; longer than clients pause between heartbeats.
const NEXT_REQUEST: Duration = Duration::from_secs(120);
/// For requests that are under way when the listener stops.
const LAST_REQUESTS: Duration = Duration::from_secs(5);
/// After an accept that failed for want of something, such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves `router` over TLS until `stop` holds true. What a peer does wrong ends its connection
/// and nothing else.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    stop: watch::Receiver<bool>,
) {
    serve_up_to(CONNECTIONS, listener, tls, router, stop).await;
}

/// The same with at most `connections` open at once; more wait.
pub async fn serve_up_to(
    connections: usize,
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    stop: watch::Receiver<bool>,
) {
    let acceptor = TlsAcceptor::from(http1_only(&tls));
    accept(connections, listener, router, stop, move |stream| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(stream).await }
    })
    .await;
}

/// Serves `router` without TLS, for loopback addresses.
pub async fn serve_plain(listener: TcpListener, router: Router, stop: watch::Receiver<bool>) {
    serve_plain_up_to(CONNECTIONS, listener, router, stop).await;
}

/// The same with at most `connections` open at once; more wait.
pub async fn serve_plain_up_to(
    connections: usize,
    listener: TcpListener,
    router: Router,
    stop: watch::Receiver<bool>,
) {
    accept(connections, listener, router, stop, |stream| async {
        Ok(stream)
    })
    .await;
}

/// The same configuration, offering no protocol that is not served.
fn http1_only(tls: &ServerConfig) -> Arc<ServerConfig> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(tls)
}

async fn accept<F, Fut, S>(
    connections: usize,
    listener: TcpListener,
    router: Router,
    mut stop: watch::Receiver<bool>,
    handshake: F,
) where
    F: Fn(TcpStream) -> Fut,
    Fut: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let places = Arc::new(Semaphore::new(connections));
    let all_places = u32::try_from(connections).unwrap_or(u32::MAX);
    let mut connections = JoinSet::new();
    let mut stopping = stop.clone();
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Small answers should not wait for one another.
                let _ = stream.set_nodelay(true);
                let stream = tokio::time::timeout(HANDSHAKE, handshake(stream));
                let (router, mut stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    let stream = tokio::select! {
                        stream = stream => stream,
                        _ = stop.wait_for(|stop| *stop) => return,
                    };
                    let requests = Requests {
                        router,
                        peer: Peer(peer),
                        place: place.ok().map(Arc::new),
                    };
                    match stream {
                        Ok(Ok(stream)) => converse(stream, requests, stop).await,
                        Ok(Err(error)) => tracing::debug!(%error, "handshake failed"),
                        Err(_) => tracing::debug!("handshake took too long"),
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let _ = stop.wait_for(|stop| *stop).await;
    // Each connection has a place, and so has each handler that outlives its connection.
    let all = places.acquire_many(all_places);
    if tokio::time::timeout(LAST_REQUESTS, all).await.is_err() {
        tracing::warn!("a listener ends before all of its requests are answered");
    }
    connections.shutdown().await;
}

/// What answers the requests of one connection.
struct Requests {
    router: Router,
    peer: Peer,
    /// The connection's place, which its handlers hold too: whoever sends and hangs up, again and
    /// again, has no more of them at work than connections.
    place: Option<Arc<OwnedSemaphorePermit>>,
}

impl Requests {
    /// Answers one request, in a task of its own: hyper drops what it waits for when the client
    /// hangs up, and a change that was begun must come to its end and to its record.
    fn answer(
        &self,
        mut request: http::Request<Incoming>,
    ) -> impl Future<Output = Result<http::Response<Body>, JoinError>> + use<> {
        let (here, departure) = watch::channel(());
        let extensions = request.extensions_mut();
        extensions.insert(self.peer);
        extensions.insert(Departure(departure));
        let (request, leftover) = Leftover::of(request);
        let (router, place) = (self.router.clone(), self.place.clone());
        let handler = tokio::spawn(async move {
            let _place = place;
            router.oneshot(request).await
        });
        async move {
            let _here = here;
            let answered = handler.await;
            let answered =
                answered.inspect_err(|error| tracing::error!(%error, "a handler failed"));
            let mut answer = answered?.unwrap_or_else(|never| match never {});
            leftover.settle(&mut answer).await;
            Ok(answer)
        }
    }
}

/// One connection: requests until either side is done.
async fn converse<S>(stream: S, requests: Requests, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(NEXT_REQUEST)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| requests.answer(request)),
        )
        .with_upgrades();
    let mut connection = pin!(connection);
    let stopped = async {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let ended: Result<(), hyper::Error> = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}

#[cfg(test)]
mod tests;
