//! Accepting connections, over TLS or on loopback without, until told to stop.

mod leftover;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tower::ServiceExt;

use leftover::Leftover;

/// Who sent a request: an extension of every request that a listener here passes on.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Connections open at once on one listener, unless it says otherwise.
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
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    let _place = place;
                    match stream.await {
                        Ok(Ok(stream)) => converse(stream, Peer(peer), router, stop).await,
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
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_REQUESTS, all).await;
    connections.shutdown().await;
}

/// One connection: requests until either side is done.
async fn converse<S>(stream: S, peer: Peer, router: Router, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let (request, leftover) = Leftover::of(request);
        let answered = router.clone().oneshot(request);
        async move {
            let mut answer = answered.await.unwrap_or_else(|never| match never {});
            leftover.settle(&mut answer).await;
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(NEXT_REQUEST)
        .serve_connection(TokioIo::new(stream), answer)
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
