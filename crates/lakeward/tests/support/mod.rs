//! What the acceptance tests share: whole instances in temporary folders, and a client that shows
//! every answer as it came.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, and each test uses some of them"
)]

pub mod inventory;
pub mod livy;
pub mod program;
pub mod script;
pub mod table;
pub mod wire;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use ipnet::Ipv4Net;
use lakeward::{
    cli::Progress,
    daemon::{Daemon, Settings, StateFolder},
    demo::{Demo, Stack},
    profile::{Instance, Profile, Profiles},
    python::{self, Kit},
};
use lakeward_client::{Client, Credentials};
use lakeward_sandbox::Mode;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use wire::Sender;

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "us-east-1";
const IAM: &str = "2010-05-08";
const STS: &str = "2011-06-15";

/// Nothing that is waited for takes longer, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// Looks until something holds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let reached = async {
        while !holds().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, reached)
        .await
        .unwrap_or_else(|_| panic!("never came: {what}"));
}

/// A network of clusters that tests running at the same time don't share.
pub fn cluster_network() -> Ipv4Net {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Net::new_assert(Ipv4Addr::new(127, 128 | (high & 0x7f), low, 0), 24)
}

/// An instance in this process, and the keys of its account's root.
pub struct World {
    pub folder: StateFolder,
    pub daemon: Daemon,
    pub instance: Instance,
    pub root: Client,
    pub sender: Sender,
    /// Last, so that it is deleted after everything that uses it.
    pub room: tempfile::TempDir,
}

impl World {
    /// An instance that holds one account and nothing else.
    pub async fn empty() -> Self {
        Self::in_room(room()).await
    }

    /// The same, with sessions that really run, each in an enclosure.
    pub async fn with_running_sessions() -> Self {
        Self::with_sessions_in(Mode::Full).await
    }

    /// The same, with as much around each session as the mode says.
    pub async fn with_sessions_in(sandbox: Mode) -> Self {
        let install = || python::ensure(Kit::Session, &Progress::new());
        let python = tokio::task::spawn_blocking(install).await.unwrap();
        let settings = Settings {
            sandbox,
            ..settings(python.unwrap())
        };
        Self::with(room(), settings).await
    }

    /// An instance over what the folder already holds.
    pub async fn in_room(room: tempfile::TempDir) -> Self {
        Self::with(room, settings("/bin/true".into())).await
    }

    async fn with(room: tempfile::TempDir, settings: Settings) -> Self {
        let folder = StateFolder::open(&room.path().join("state")).unwrap();
        let daemon = Daemon::start(&folder, settings).await.unwrap();
        let instance = Instance::of(&daemon, REGION, &folder);
        let key = daemon.identity().ensure_account(ACCOUNT).await.unwrap();
        let root = instance.client(Profile::of_key(&key).key()).unwrap();
        let sender = Sender::of(&instance);
        Self {
            folder,
            daemon,
            instance,
            root,
            sender,
            room,
        }
    }

    /// The example at a small scale; answers the administrator's client too.
    pub async fn demo() -> (Self, Demo, Client) {
        Self::empty().await.with_demo().await
    }

    /// The same, with sessions that really run, each in an enclosure.
    pub async fn working_demo() -> (Self, Demo, Client) {
        Self::with_running_sessions().await.with_demo().await
    }

    /// The example, in this instance.
    pub async fn with_demo(self) -> (Self, Demo, Client) {
        let world = self;
        let stack = Stack {
            name: "lakeward".to_owned(),
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
        };
        let demo = Demo::set_up(&world.daemon, &world.folder, stack, 0.02, &Progress::new())
            .await
            .unwrap();
        let profiles = Profiles::read(&world.folder).unwrap();
        let admin = profiles.get("admin").unwrap().key();
        let admin = world.instance.client(admin).unwrap();
        (world, demo, admin)
    }
}

pub fn room() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("lakeward-test-")
        .tempdir()
        .unwrap()
}

fn settings(session_python: PathBuf) -> Settings {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Settings {
        region: REGION.to_owned(),
        endpoint: any,
        proxy: any,
        credentials: any,
        metrics: Some(any),
        cluster_network: cluster_network(),
        livy_port: 8998,
        session_python,
        sandbox: Mode::None,
        stage: env!("CARGO_BIN_EXE_lakeward").into(),
        audit_keep: Default::default(),
        issuers: Default::default(),
    }
}

/// Calls IAM and expects success.
pub async fn iam(client: &Client, parameters: &[(&str, &str)]) -> String {
    client.query("iam", IAM, parameters).await.unwrap()
}

/// Makes a user with an inline policy (none: it holds nothing) and answers its keys.
pub async fn user(client: &Client, name: &str, policy: Option<Value>) -> Credentials {
    iam(client, &[("Action", "CreateUser"), ("UserName", name)]).await;
    if let Some(policy) = policy {
        let policy = policy.to_string();
        let put = [
            ("Action", "PutUserPolicy"),
            ("UserName", name),
            ("PolicyName", "own"),
            ("PolicyDocument", &policy),
        ];
        iam(client, &put).await;
    }
    let key = iam(client, &[("Action", "CreateAccessKey"), ("UserName", name)]).await;
    let text = |element: &str| lakeward_client::element(&key, element).unwrap();
    Credentials::permanent(text("AccessKeyId"), text("SecretAccessKey"))
}

/// Lets one more principal assume a role.
pub async fn also_trust(client: &Client, role: &str, principals: &[&str]) {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": principals}, "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]},
    ]})
    .to_string();
    let update = [
        ("Action", "UpdateAssumeRolePolicy"),
        ("RoleName", role),
        ("PolicyDocument", &*trust),
    ];
    iam(client, &update).await;
}

/// Plain temporary keys of a role.
pub async fn assume(client: &Client, role_arn: &str) -> Credentials {
    let assume = [
        ("Action", "AssumeRole"),
        ("RoleArn", role_arn),
        ("RoleSessionName", "acceptance"),
    ];
    let answer = client.query("sts", STS, &assume).await.unwrap();
    let text = |element: &str| lakeward_client::element(&answer, element).unwrap();
    Credentials::temporary(
        text("AccessKeyId"),
        text("SecretAccessKey"),
        text("SessionToken"),
    )
}

/// Calls Glue and expects success.
pub async fn glue(client: &Client, operation: &str, input: Value) -> Value {
    client
        .json("glue", &format!("AWSGlue.{operation}"), input)
        .await
        .unwrap()
}

/// Calls Lake Formation and expects success.
pub async fn lake_formation(client: &Client, operation: &str, input: Value) -> Value {
    client
        .rest_json("lakeformation", operation, input)
        .await
        .unwrap()
}

/// Calls EMR and expects success.
pub async fn emr(client: &Client, operation: &str, input: Value) -> Value {
    client
        .json(
            "elasticmapreduce",
            &format!("ElasticMapReduce.{operation}"),
            input,
        )
        .await
        .unwrap()
}
