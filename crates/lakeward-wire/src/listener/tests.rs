use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use http::Extensions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

use super::{Departure, serve_plain_up_to};

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\n\r\n{}";

struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(places: usize, router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(serve_plain_up_to(places, listener, router, stopped));
        Self {
            address,
            stop,
            task,
        }
    }

    async fn send(&self, request: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream
    }
}

/// A handler that takes its time: it has begun when `begun` rises, and ends when there is a permit.
#[derive(Clone)]
struct Slow {
    begun: watch::Sender<usize>,
    may_end: Arc<Semaphore>,
    ended: Arc<AtomicUsize>,
}

impl Slow {
    fn new() -> Self {
        Self {
            begun: watch::Sender::new(0),
            may_end: Arc::new(Semaphore::new(0)),
            ended: Arc::default(),
        }
    }

    fn router(&self) -> Router {
        let slow = self.clone();
        Router::new().route("/", post(move || slow.clone().run()))
    }

    async fn run(self) -> &'static str {
        self.begun.send_modify(|begun| *begun += 1);
        self.may_end.acquire().await.unwrap().forget();
        self.ended.fetch_add(1, Ordering::SeqCst);
        "answered"
    }

    async fn has_begun(&self, times: usize) {
        let mut begun = self.begun.subscribe();
        soon(begun.wait_for(|begun| *begun == times)).await.unwrap();
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("it comes within a minute")
}

#[tokio::test]
async fn a_handler_comes_to_its_end_when_its_client_hangs_up() {
    let slow = Slow::new();
    let server = Server::start(8, slow.router()).await;
    let stream = server.send(REQUEST).await;
    slow.has_begun(1).await;
    drop(stream);
    // Shutting down waits for it, though its connection is gone.
    server.stop.send_replace(true);
    tokio::task::yield_now().await;
    assert!(!server.task.is_finished());
    slow.may_end.add_permits(1);
    soon(server.task).await.unwrap();
    assert_eq!(slow.ended.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_handler_outlives_a_listener_that_is_dropped() {
    let slow = Slow::new();
    let server = Server::start(8, slow.router()).await;
    let _stream = server.send(REQUEST).await;
    slow.has_begun(1).await;
    server.task.abort();
    assert!(server.task.await.unwrap_err().is_cancelled());
    slow.may_end.add_permits(1);
    soon(async {
        while slow.ended.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn clients_that_hang_up_have_no_more_handlers_than_places() {
    let slow = Slow::new();
    let server = Server::start(2, slow.router()).await;
    for times in 1..=2 {
        let stream = server.send(REQUEST).await;
        slow.has_begun(times).await;
        drop(stream);
    }
    let mut third = server.send(REQUEST).await;
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(200), third.read(&mut byte));
    assert!(early.await.is_err());
    assert_eq!(*slow.begun.borrow(), 2, "a handler without a place");
    slow.may_end.add_permits(1);
    slow.has_begun(3).await;
    slow.may_end.add_permits(2);
    soon(third.read(&mut byte)).await.unwrap();
}

#[tokio::test]
async fn a_handler_is_told_when_its_client_is_gone() {
    let (told, mut departures) = mpsc::channel(1);
    let handler = move |extensions: Extensions| async move {
        let departure = extensions.get::<Departure>().cloned().unwrap();
        told.send("begun").await.unwrap();
        departure.happened().await;
        told.send("gone").await.unwrap();
    };
    let server = Server::start(8, Router::new().route("/", post(handler))).await;
    let stream = server.send(REQUEST).await;
    assert_eq!(soon(departures.recv()).await, Some("begun"));
    drop(stream);
    assert_eq!(soon(departures.recv()).await, Some("gone"));
}

/// A body that broke off must not be taken for a shorter one.
#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_to_its_handler() {
    const HEAD: &str = "POST / HTTP/1.1\r\nhost: here\r\n";
    let (told, mut bodies) = mpsc::channel(1);
    let handler = move |body: Body| async move {
        told.send(None).await.unwrap();
        let read: Option<Result<Bytes, _>> = Some(axum::body::to_bytes(body, 1024).await);
        told.send(read).await.unwrap();
    };
    for rest in [
        "content-length: 5\r\n\r\n{}",
        "transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ] {
        for is_listeners_fault in [false, true] {
            let router = Router::new().route("/", post(handler.clone()));
            let server = Server::start(8, router).await;
            let stream = server.send(format!("{HEAD}{rest}").as_bytes()).await;
            assert!(soon(bodies.recv()).await.unwrap().is_none());
            match is_listeners_fault {
                true => server.task.abort(),
                false => drop(stream),
            }
            let read = soon(bodies.recv()).await.unwrap().unwrap();
            assert!(read.is_err(), "{rest}: {read:?}");
        }
    }
}
