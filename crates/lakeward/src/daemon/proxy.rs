//! A CONNECT proxy for clients that ignore endpoint settings: AWS's host names lead to this
//! instance, and nothing else is carried.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

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
/// Tunnels open at once: fewer than the endpoint has places, so that tunnels can't take them all.
const TUNNELS: usize = 256;

/// Serves until `stop` holds true; open tunnels end with it.
pub(super) async fn serve(
    listener: TcpListener,
    endpoint: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(TUNNELS));
    let mut tunnels = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    tunnels.spawn(async move {
                        let _place = place;
                        tunnel(stream, endpoint).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the proxy could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            },
            Some(_) = tunnels.join_next() => {}
            changed = stop.changed() => if changed.is_err() || *stop.borrow() { return },
        }
    }
}

async fn tunnel(mut client: TcpStream, endpoint: SocketAddr) {
    if let Err(error) = carry(&mut client, endpoint).await {
        tracing::debug!(%error, "a proxy tunnel ended");
    }
}

async fn carry(client: &mut TcpStream, endpoint: SocketAddr) -> io::Result<()> {
    let Ok(head) = timeout(HEAD_TIME, read_head(client)).await else {
        return Ok(());
    };
    let head = head?;
    if let Err(refusal) = admit(&head) {
        let body = format!("{refusal}\n");
        let answer = format!(
            "HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        return client.write_all(answer.as_bytes()).await;
    }
    let mut upstream = TcpStream::connect(endpoint).await?;
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

/// Only `CONNECT <something>.amazonaws.com:443`.
fn admit(head: &str) -> Result<(), String> {
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let host = target
        .strip_suffix(":443")
        .unwrap_or_default()
        .to_ascii_lowercase();
    if method == "CONNECT" && host.ends_with(".amazonaws.com") {
        return Ok(());
    }
    Err(format!(
        "This proxy carries only CONNECT requests to *.amazonaws.com:443, not `{method} {target}`. Unset HTTPS_PROXY for other hosts."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_aws_hosts_on_443_are_carried() {
        assert!(admit("CONNECT sts.us-east-1.amazonaws.com:443 HTTP/1.1\r\n\r\n").is_ok());
        for head in [
            "CONNECT evil.example:443 HTTP/1.1",
            "CONNECT sts.us-east-1.amazonaws.com:22 HTTP/1.1",
            "CONNECT amazonaws.com.evil.example:443 HTTP/1.1",
            "GET http://sts.us-east-1.amazonaws.com:443 HTTP/1.1",
            "",
        ] {
            assert!(admit(head).is_err(), "{head}");
        }
    }

    #[tokio::test]
    async fn a_tunnel_carries_bytes_and_a_refusal_says_why() {
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (proxy_at, upstream_at) = (proxy.local_addr().unwrap(), upstream.local_addr().unwrap());
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(serve(proxy, upstream_at, stopped));
        let mut client = TcpStream::connect(proxy_at).await.unwrap();
        client
            .write_all(b"CONNECT sts.us-east-1.amazonaws.com:443 HTTP/1.1\r\n\r\n")
            .await
            .unwrap();
        let (mut inside, _) = upstream.accept().await.unwrap();
        inside.write_all(b"hello").await.unwrap();
        drop(inside);
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        assert!(
            seen.starts_with("HTTP/1.1 200") && seen.ends_with("hello"),
            "{seen}"
        );

        let mut client = TcpStream::connect(proxy_at).await.unwrap();
        client
            .write_all(b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n")
            .await
            .unwrap();
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        assert!(
            seen.starts_with("HTTP/1.1 403") && seen.contains("evil.example:443"),
            "{seen}"
        );
        stop.send(true).unwrap();
        serving.await.unwrap();
    }
}
