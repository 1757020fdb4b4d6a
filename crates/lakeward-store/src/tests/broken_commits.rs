//! The connection breaks while a commit is under way: before the server hears of it, or before it
//! is heard.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
};

use super::{
    follower::Hearing,
    server::Server,
    world::{connect, names, put, schema},
    *,
};

const CALM: u8 = 0;
/// The next commit doesn't reach the server.
const BEFORE: u8 = 1;
/// The next commit is done, and its answer is lost.
const AFTER: u8 = 2;

/// Carries bytes between a store and the server until it is told to break a commit.
async fn wire(listener: TcpListener, server: PathBuf, plan: Arc<AtomicU8>) {
    loop {
        let (store, _) = listener.accept().await.unwrap();
        tokio::spawn(carry(store, server.clone(), Arc::clone(&plan)));
    }
}

async fn carry(mut store: TcpStream, server: PathBuf, plan: Arc<AtomicU8>) -> std::io::Result<()> {
    let mut server = UnixStream::connect(server).await?;
    let (mut sent, mut answered) = ([0; 16_384], [0; 16_384]);
    loop {
        tokio::select! {
            read = store.read(&mut sent) => {
                let bytes = &sent[..read?];
                let commits = bytes.windows(7).any(|window| window == b"COMMIT\0");
                let plan = if commits { plan.swap(CALM, Ordering::SeqCst) } else { CALM };
                if bytes.is_empty() || plan == BEFORE {
                    return Ok(());
                }
                server.write_all(bytes).await?;
                if plan == AFTER {
                    let _heard = server.read(&mut answered).await?;
                    return Ok(());
                }
            }
            read = server.read(&mut answered) => {
                let bytes = &answered[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                store.write_all(bytes).await?;
            }
        }
    }
}

#[tokio::test]
async fn a_broken_commit_is_told_as_it_was() {
    let Some(server) = Server::start() else {
        return;
    };
    let direct = server.database("broken");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plan = Arc::new(AtomicU8::new(CALM));
    tokio::spawn(wire(listener, server.socket(), Arc::clone(&plan)));
    let through = format!("postgres://lakeward@127.0.0.1:{port}/broken");
    let deaf = Hearing {
        look_every: Duration::from_secs(3_600),
        listen: false,
    };
    let store = Store::connect_hearing(&through.parse().unwrap(), schema(), deaf)
        .await
        .unwrap();
    let mut expected = Vec::new();
    for round in 0..20 {
        let name = format!("{round:02}");
        let how = if round % 2 == 0 { AFTER } else { BEFORE };
        plan.store(how, Ordering::SeqCst);
        let told = put(&store, &name).await;
        if how == AFTER {
            told.unwrap();
            expected.push(name);
        } else {
            let error = told.unwrap_err();
            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        }
        assert_eq!(names(&store), expected);
        assert_eq!(names(&connect(&direct).await), expected);
    }
}
