//! The other side: David's session with secrets in it, and secrets of the host.

use std::{net::TcpListener, path::Path};

use http::Method;
use serde_json::{Value, json};

use crate::{
    facts,
    rig::{
        instance::{Cluster, Instance},
        livy::{Livy, Polling},
        process,
    },
};

const HIDDEN_TABLE: &str = "dl_tpc_customer_address";
const FILE: &str = "victims-secret.txt";
const SOCKET: &str = "lakeward-victim";
const KEY: i32 = 0x1a4e;

/// Puts secrets everywhere a session can: files, shared memory, an abstract socket, a port.
const SETTLE: &str = r#"
import ctypes, json, os, pathlib, socket, threading
for folder in (os.environ["HOME"], "/tmp", "/var/tmp", "/dev/shm"):
    pathlib.Path(folder, "@FILE@").write_text("secret")
ctypes.CDLL(None).shmget(@KEY@, 4096, 0o1666)
def serve(listener):
    while True:
        client, _ = listener.accept()
        client.sendall(b"secret")
        client.close()
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\0@SOCKET@")
port = socket.socket()
port.bind(("127.0.0.1", 0))
for listener in (abstract, port):
    listener.listen()
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
memory = "unharmed"
print(json.dumps({
    "port": port.getsockname()[1],
    "engine": int(os.environ["SPARK_REMOTE"].rsplit(":", 1)[1].split("/")[0]),
    "url": os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
    "token": pathlib.Path(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read_text(),
}))
"#;

const CHECK: &str = r#"
import os, pathlib
assert all(pathlib.Path(folder, "@FILE@").read_text() == "secret" for folder in (os.environ["HOME"], "/tmp", "/dev/shm"))
print(memory, spark.sql("select count(*) from tpc.dl_tpc_customer").collect()[0][0] > 0)
"#;

/// David's session.
pub struct Victim {
    livy: Livy,
    path: String,
    /// What the attacker is told.
    pub facts: Value,
    /// The processes that the session holds, all of them below the daemon.
    pub processes: usize,
    /// A service of the host's, which the attacker must not reach.
    _host: TcpListener,
}

impl Victim {
    pub async fn settle(instance: &Instance, cluster: &Cluster, room: &Path) -> Self {
        let before = process::descendants(instance.pid()).unwrap();
        let david = instance.client("david").await.unwrap();
        let livy = Livy::log_in(instance, &david, cluster, "marketing", Polling::Steady)
            .await
            .unwrap();
        let path = livy.create_session().await.unwrap();
        livy.wait(&path, "idle").await.unwrap();
        let told = livy.run(&path, &filled_in(SETTLE)).await.unwrap();
        let told = told["data"]["text/plain"]
            .as_str()
            .unwrap_or_else(|| panic!("{told}"));
        let told: Value = serde_json::from_str(told).unwrap();
        let after = process::descendants(instance.pid()).unwrap();
        let mine: Vec<u32> = after
            .iter()
            .copied()
            .filter(|pid| !before.contains(pid))
            .collect();
        let secret = room.join("secret");
        std::fs::write(&secret, "a secret of the host").unwrap();
        let host = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut facts = what_the_attacker_knows(instance, cluster).await;
        let known = facts.as_object_mut().unwrap();
        let url = told["url"].as_str().unwrap();
        known.extend([
            ("secret".to_owned(), json!(secret)),
            (
                "host_port".to_owned(),
                json!(host.local_addr().unwrap().port()),
            ),
            ("victim_pid".to_owned(), json!(mine.last())),
            ("victim_port".to_owned(), told["port"].clone()),
            ("victim_engine".to_owned(), told["engine"].clone()),
            ("victim_key_name".to_owned(), json!(url.rsplit('/').next())),
            ("victim_token".to_owned(), told["token"].clone()),
        ]);
        Self {
            livy,
            path,
            facts,
            processes: after.len(),
            _host: host,
        }
    }

    /// Its secrets, its memory and its data are as they were.
    pub async fn is_unharmed(&self) {
        let seen = self.livy.run(&self.path, &filled_in(CHECK)).await.unwrap();
        assert_eq!(seen["data"]["text/plain"], "unharmed True", "{seen}");
    }
}

fn filled_in(code: &str) -> String {
    code.replace("@FILE@", FILE)
        .replace("@SOCKET@", SOCKET)
        .replace("@KEY@", &KEY.to_string())
}

async fn what_the_attacker_knows(instance: &Instance, cluster: &Cluster) -> Value {
    let stack = &instance.demo.stack;
    let admin = instance.client("admin").await.unwrap();
    let list = format!("/{}?list-type=2", stack.bucket());
    let listed = admin
        .s3(Method::GET, &list, bytes::Bytes::new())
        .await
        .unwrap();
    let listed = String::from_utf8(listed.to_vec()).unwrap();
    let hidden = listed
        .split("<Key>")
        .filter_map(|part| part.split("</Key>").next())
        .find(|key| key.contains(&format!("{HIDDEN_TABLE}/")))
        .unwrap();
    facts([
        ("state", json!(instance.state())),
        ("daemon_pid", json!(instance.pid())),
        ("daemon_ports", json!(instance.ports_beside_the_endpoint())),
        ("cluster_id", json!(cluster.id)),
        ("cluster_address", json!(cluster.address)),
        ("account", json!(stack.account)),
        ("admin_user", json!(format!("{}-admin", stack.name))),
        ("bucket", json!(stack.bucket())),
        ("hidden_table", json!(HIDDEN_TABLE)),
        ("hidden_key", json!(hidden)),
        ("victim_file", json!(FILE)),
        ("victim_socket", json!(SOCKET)),
        ("victim_key", json!(KEY)),
        (
            "victim_role",
            json!(stack.role_arn(&stack.runtime_role("marketing"))),
        ),
    ])
}
