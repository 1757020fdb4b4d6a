//! CONNECT proxies (RFC 9110, 9.3.6): a client names a host and a port, and bytes are carried there
//! and back. Where to is for the [`Destinations`] to say.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

/// A request line and headers longer than this are refused.
const HEAD_LIMIT: usize = 8 * 1024;
const HEAD_TIME: Duration = Duration::from_secs(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What a client asks a proxy for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelRequest {
    /// `CONNECT`, or the method of a request that no tunnel is for.
    pub method: String,
    /// `host:port` of a CONNECT request, as it was sent.
    pub target: String,
}

impl TunnelRequest {
    /// Reads the request line; the headers say nothing that matters here.
    #[must_use]
    pub fn parse(head: &str) -> Self {
        let mut words = head.lines().next().unwrap_or_default().split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        Self {
            method: word(),
            target: word(),
        }
    }
}

/// Why a tunnel is not opened.
#[derive(Debug)]
pub enum Refusal {
    /// It may not be (403); the text says what may.
    Forbidden(String),
    /// The other end can't be reached (502).
    Unreachable(String),
}

impl Refusal {
    fn answer(&self) -> String {
        let (status, text) = match self {
            Self::Forbidden(text) => ("403 Forbidden", text),
            Self::Unreachable(text) => ("502 Bad Gateway", text),
        };
        let body = format!("{text}\n");
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    }
}

/// Where the tunnels of a proxy may lead.
pub trait Destinations: Send + Sync + 'static {
    /// Connects to what the request names, or says why not.
    fn connect(
        &self,
        request: &TunnelRequest,
    ) -> impl Future<Output = Result<TcpStream, Refusal>> + Send;
}

/// Serves until `stop` holds true, with at most `places` tunnels open at once; more wait. Open
/// tunnels end with it.
pub async fn serve<D: Destinations>(
    listener: TcpListener,
    destinations: Arc<D>,
    places: usize,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(places));
    let mut tunnels = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let destinations = Arc::clone(&destinations);
                    tunnels.spawn(async move {
                        let _place = place;
                        tunnel(stream, &*destinations).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the proxy could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = tunnels.join_next() => {}
            changed = stop.changed() => if changed.is_err() || *stop.borrow() { return },
        }
    }
}

async fn tunnel<D: Destinations>(mut client: TcpStream, destinations: &D) {
    if let Err(error) = carry(&mut client, destinations).await {
        tracing::debug!(%error, "a proxy tunnel ended");
    }
}

async fn carry<D: Destinations>(client: &mut TcpStream, destinations: &D) -> io::Result<()> {
    let Ok(head) = timeout(HEAD_TIME, read_head(client)).await else {
        return Ok(());
    };
    let request = TunnelRequest::parse(&head?);
    let mut upstream = match destinations.connect(&request).await {
        Ok(upstream) => upstream,
        Err(refusal) => return client.write_all(refusal.answer().as_bytes()).await,
    };
    client
        .write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n")
        .await?;
    copy_bidirectional(client, &mut upstream).await?;
    Ok(())
}

/// Reads up to the empty line. A client sends nothing more before the answer.
async fn read_head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        let count = client.read(&mut chunk).await?;
        head.extend(chunk.iter().take(count));
        if count == 0 || head.len() > HEAD_LIMIT {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "no complete CONNECT request",
            ));
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    /// Leads `there:1` to one address, and nothing else anywhere.
    struct One(SocketAddr);

    impl Destinations for One {
        async fn connect(&self, request: &TunnelRequest) -> Result<TcpStream, Refusal> {
            if request.method != "CONNECT" || request.target != "there:1" {
                return Err(Refusal::Forbidden(format!("not to {}", request.target)));
            }
            let connected = TcpStream::connect(self.0).await;
            connected.map_err(|error| Refusal::Unreachable(error.to_string()))
        }
    }

    async fn ask(proxy: SocketAddr, head: &str) -> TcpStream {
        let mut client = TcpStream::connect(proxy).await.unwrap();
        client.write_all(head.as_bytes()).await.unwrap();
        client
    }

    async fn answer(mut client: TcpStream) -> String {
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        seen
    }

    #[tokio::test]
    async fn a_tunnel_carries_bytes_and_a_refusal_says_why() {
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (proxy, there) = (
            listener.local_addr().unwrap(),
            upstream.local_addr().unwrap(),
        );
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(serve(listener, Arc::new(One(there)), 4, stopped));

        let client = ask(proxy, "CONNECT there:1 HTTP/1.1\r\n\r\n").await;
        let (mut inside, _) = upstream.accept().await.unwrap();
        inside.write_all(b"hello").await.unwrap();
        drop(inside);
        let seen = answer(client).await;
        assert!(seen.starts_with("HTTP/1.1 200") && seen.ends_with("hello"));

        let refused = answer(ask(proxy, "CONNECT evil.example:443 HTTP/1.1\r\n\r\n").await).await;
        assert!(
            refused.starts_with("HTTP/1.1 403") && refused.contains("evil.example:443"),
            "{refused}"
        );
        drop(upstream);
        let broken = answer(ask(proxy, "CONNECT there:1 HTTP/1.1\r\n\r\n").await).await;
        assert!(broken.starts_with("HTTP/1.1 502"), "{broken}");
        stop.send(true).unwrap();
        serving.await.unwrap();
    }

    #[test]
    fn any_head_is_read_as_something() {
        for (head, method, target) in [
            ("CONNECT a:1 HTTP/1.1\r\n\r\n", "CONNECT", "a:1"),
            ("GET http://a/ HTTP/1.1", "GET", "http://a/"),
            ("", "", ""),
        ] {
            let request = TunnelRequest::parse(head);
            assert_eq!((&*request.method, &*request.target), (method, target));
        }
    }
}
