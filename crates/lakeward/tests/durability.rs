//! What was acknowledged survives `kill -9`; what was not is absent; nothing is half there.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::Method;
use lakeward::{
    daemon::StateFolder,
    demo::{Demo, ready},
    profile::{Instance, Profiles},
};
use lakeward_client::{Client, ClientError, Credentials};
use lakeward_identity::audit::{Filter, Order, Reader};
use rand::{Rng, SeedableRng, rngs::StdRng};
use s3s::crypto::{Checksum as _, Md5};
use serde_json::{Value, json};
use support::{
    inventory, lake_formation,
    program::{Program, run},
    wire::{Answer, Exchange, Sender},
};
use tokio::{task::JoinSet, time::sleep};

const KILLS: u32 = 240;
const BUCKET: &str = "ledger";
const IAM: &str = "2010-05-08";

/// What became of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Acknowledged: it must be there.
    There,
    /// Acknowledged as deleted: it must not be there.
    Gone,
    /// Sent, and the server died: there or not, but whole.
    Unknown,
}

/// Everything that clients were told, by kind and name.
#[derive(Default)]
struct Ledger {
    fates: Mutex<BTreeMap<(Kind, String), Fate>>,
    /// The last acknowledged version of the object that is written over and over, and the last sent.
    versions: Mutex<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    User,
    Database,
    Object,
}

impl Ledger {
    fn note(&self, kind: Kind, name: &str, fate: Fate) {
        let mut fates = self.fates.lock().unwrap();
        fates.insert((kind, name.to_owned()), fate);
    }

    fn all(&self) -> Vec<(Kind, String, Fate)> {
        let fates = self.fates.lock().unwrap();
        let rows = fates.iter();
        rows.map(|((kind, name), fate)| (*kind, name.clone(), *fate))
            .collect()
    }

    fn acknowledged(&self, wanted: Kind) -> usize {
        let all = self.all();
        let there = all.iter();
        there
            .filter(|(kind, _, fate)| *kind == wanted && *fate == Fate::There)
            .count()
    }

    /// Whether enough of each kind was acknowledged for what is there to tell something.
    fn tells(&self) -> bool {
        let kinds = [Kind::User, Kind::Database, Kind::Object];
        kinds.into_iter().all(|kind| self.acknowledged(kind) > 30)
    }
}

/// Someone who writes until the server dies.
#[derive(Clone)]
struct Writer {
    client: Client,
    sender: Sender,
    ledger: Arc<Ledger>,
    round: u32,
}

/// The server died.
struct Died;

impl Writer {
    fn keys(&self) -> &Credentials {
        self.client.credentials()
    }

    /// Creates without end: `make` sends one write.
    async fn users(self) -> Result<(), Died> {
        for count in 0.. {
            let name = format!("u-{}-{count}", self.round);
            self.ledger.note(Kind::User, &name, Fate::Unknown);
            let create = [("Action", "CreateUser"), ("UserName", &*name)];
            alive(self.client.query("iam", IAM, &create).await)?;
            self.ledger.note(Kind::User, &name, Fate::There);
        }
        Ok(())
    }

    async fn databases(self) -> Result<(), Died> {
        for count in 0.. {
            let name = format!("d_{}_{count}", self.round);
            self.ledger.note(Kind::Database, &name, Fate::Unknown);
            let input = json!({"DatabaseInput": {"Name": name}});
            alive(
                self.client
                    .json("glue", "AWSGlue.CreateDatabase", input)
                    .await,
            )?;
            self.ledger.note(Kind::Database, &name, Fate::There);
        }
        Ok(())
    }

    /// Puts objects, and deletes every third.
    async fn objects(self) -> Result<(), Died> {
        for count in 0.. {
            let name = format!("o-{}-{count}", self.round);
            self.ledger.note(Kind::Object, &name, Fate::Unknown);
            let put = Exchange::s3(Method::PUT, &path(&name)).body(content(&name));
            let stored = self.send(&put).await?;
            assert_eq!(stored.header("etag"), etag(&content(&name)));
            self.ledger.note(Kind::Object, &name, Fate::There);
            if count % 3 == 2 {
                self.ledger.note(Kind::Object, &name, Fate::Unknown);
                self.send(&Exchange::s3(Method::DELETE, &path(&name)))
                    .await?;
                self.ledger.note(Kind::Object, &name, Fate::Gone);
            }
        }
        Ok(())
    }

    /// Uploads in parts.
    async fn uploads(self) -> Result<(), Died> {
        for count in 0.. {
            let name = format!("m-{}-{count}", self.round);
            self.ledger.note(Kind::Object, &name, Fate::Unknown);
            let begin = Exchange::s3(Method::POST, &format!("{}?uploads", path(&name)));
            let upload = self.send(&begin).await?.one("UploadId");
            let part = format!("{}?partNumber=1&uploadId={upload}", path(&name));
            let part = Exchange::s3(Method::PUT, &part).body(content(&name));
            let part = self.send(&part).await?.header("etag");
            let parts = format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part}</ETag></Part></CompleteMultipartUpload>"
            );
            let end = format!("{}?uploadId={upload}", path(&name));
            let end = Exchange::s3(Method::POST, &end).body(parts);
            self.send(&end).await?;
            self.ledger.note(Kind::Object, &name, Fate::There);
        }
        Ok(())
    }

    /// Writes one object over and over.
    async fn overwrites(self) -> Result<(), Died> {
        loop {
            let next = {
                let mut versions = self.ledger.versions.lock().unwrap();
                versions.1 += 1;
                versions.1
            };
            let put = Exchange::s3(Method::PUT, &path("hot")).body(version(next));
            self.send(&put).await?;
            self.ledger.versions.lock().unwrap().0 = next;
        }
    }

    async fn send(&self, exchange: &Exchange) -> Result<Answer, Died> {
        let answer = self.sender.try_signed(exchange, self.keys()).await;
        let answer = answer.map_err(|_| Died)?;
        let fine = (200..300).contains(&answer.status);
        assert!(
            fine,
            "{} {}: {}",
            exchange.method,
            exchange.path,
            answer.text()
        );
        Ok(answer)
    }
}

/// A refusal is a fault of the server; no answer means that it died.
fn alive<T>(answer: Result<T, ClientError>) -> Result<T, Died> {
    match answer {
        Ok(answer) => Ok(answer),
        Err(ClientError::Transport { .. }) => Err(Died),
        Err(other) => panic!("{other}"),
    }
}

fn path(name: &str) -> String {
    format!("/{BUCKET}/{name}")
}

/// An object's bytes: of its own length, and different from every other's everywhere.
fn content(name: &str) -> Bytes {
    let mut random = StdRng::seed_from_u64(
        name.bytes()
            .fold(7, |sum, byte| sum.wrapping_mul(1_000_003) ^ u64::from(byte)),
    );
    let length = random.random_range(0..200_000);
    let mut bytes = vec![0; length];
    random.fill(&mut bytes[..]);
    bytes.into()
}

fn version(number: u32) -> Bytes {
    content(&format!("version {number}"))
}

fn etag(bytes: &[u8]) -> String {
    let mut md5 = Md5::new();
    md5.update(bytes);
    format!("\"{}\"", hex::encode(md5.finalize()))
}

/// Every write of the ledger against what the server has now.
async fn compare(ledger: &Ledger, writer: &Writer, only_round: Option<u32>) {
    let listed = all_objects(writer).await;
    for (kind, name, fate) in ledger.all() {
        let of_round = |round: u32| name.split(['-', '_']).nth(1) == Some(&round.to_string());
        if only_round.is_some_and(|round| !of_round(round)) {
            continue;
        }
        let there = match kind {
            Kind::User => {
                let get = [("Action", "GetUser"), ("UserName", &*name)];
                known(writer.client.query("iam", IAM, &get).await, "NoSuchEntity")
            }
            Kind::Database => {
                let get = writer
                    .client
                    .json("glue", "AWSGlue.GetDatabase", json!({"Name": name}));
                known(get.await, "EntityNotFoundException")
            }
            Kind::Object => whole(writer, &name, &listed).await,
        };
        match fate {
            Fate::There => assert!(there, "{kind:?} {name} was acknowledged and is gone"),
            Fate::Gone => assert!(!there, "{kind:?} {name} was deleted and is back"),
            Fate::Unknown => {}
        }
    }
    let (acknowledged, sent) = *ledger.versions.lock().unwrap();
    let hot = Exchange::s3(Method::GET, &path("hot"));
    let hot = writer.sender.signed(&hot, writer.keys()).await;
    if hot.status == 404 {
        assert_eq!(acknowledged, 0, "the object written over and over is gone");
    } else {
        let one_of_them = (acknowledged.max(1)..=sent).any(|number| hot.body == version(number));
        assert!(
            one_of_them,
            "version {acknowledged} was acknowledged, {sent} sent, neither is there"
        );
        assert_eq!(hot.header("etag"), etag(&hot.body));
    }
}

fn known<T>(answer: Result<T, ClientError>, missing: &str) -> bool {
    match answer {
        Ok(_) => true,
        Err(error) if error.code() == Some(missing) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Whether an object is there; if it is, all of it must be, and every door must say the same.
async fn whole(writer: &Writer, name: &str, listed: &BTreeMap<String, (String, String)>) -> bool {
    let get = Exchange::s3(Method::GET, &path(name));
    let got = writer.sender.signed(&get, writer.keys()).await;
    if got.status == 404 {
        assert!(!listed.contains_key(name), "{name} is listed and not there");
        return false;
    }
    assert_eq!(got.status, 200, "{}", got.text());
    assert!(got.body == content(name), "{name} has other bytes");
    if name.starts_with("o-") {
        assert_eq!(got.header("etag"), etag(&got.body), "{name}");
    }
    let row = (got.body.len().to_string(), got.header("etag"));
    assert_eq!(listed.get(name), Some(&row), "{name} in the list");
    true
}

/// Size and ETag of every object by key.
async fn all_objects(writer: &Writer) -> BTreeMap<String, (String, String)> {
    let mut objects = BTreeMap::new();
    let mut token = String::new();
    loop {
        let list = Exchange::s3(Method::GET, &format!("/{BUCKET}?list-type=2{token}"));
        let page = writer.sender.signed(&list, writer.keys()).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let etags = page
            .all("ETag")
            .into_iter()
            .map(|etag| etag.replace("&quot;", "\""));
        objects.extend(
            page.all("Key")
                .into_iter()
                .zip(page.all("Size").into_iter().zip(etags)),
        );
        match page.one("NextContinuationToken") {
            next if next.is_empty() => return objects,
            next => {
                let next: String = next.bytes().map(|byte| format!("%{byte:02X}")).collect();
                token = format!("&continuation-token={next}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kill_9() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let room = support::room();
    let state = room.path().join("state");
    let folder = state.to_str().unwrap();
    let root = run(&["init", "--state-dir", folder, "--output", "json"]).await;
    let root: Value = serde_json::from_str(&root.out).unwrap();
    let text = |name: &str| root[name].as_str().unwrap();
    let keys = Credentials::permanent(text("AccessKeyId"), text("SecretAccessKey"));
    let ledger = Arc::new(Ledger::default());
    let writer = |instance: Instance, round: u32| Writer {
        client: instance.client(keys.clone()).unwrap(),
        sender: Sender::of(&instance),
        ledger: Arc::clone(&ledger),
        round,
    };
    let mut rounds = KILLS;
    for round in 0.. {
        // On a busy machine most lives are too short for a write.
        if round >= KILLS && ledger.tells() {
            rounds = round;
            break;
        }
        assert!(round < 10 * KILLS, "too few writes were acknowledged");
        let mut program = Program::start("serve", &state, &[]);
        program.says("Ready").await;
        let writer = writer(program.instance(), round);
        match round.checked_sub(1) {
            Some(before) => compare(&ledger, &writer, Some(before)).await,
            None => drop(
                writer
                    .send(&Exchange::s3(Method::PUT, &format!("/{BUCKET}")))
                    .await,
            ),
        }
        let mut writers = JoinSet::new();
        writers.spawn(writer.clone().users());
        writers.spawn(writer.clone().databases());
        writers.spawn(writer.clone().objects());
        writers.spawn(writer.clone().uploads());
        writers.spawn(writer.clone().overwrites());
        // Mostly soon, so that starting over an unfinished log is interrupted, too; now and then
        // late enough for every kind of write.
        let life = match round % 12 {
            0 => 60_000..250_000,
            _ => 1_000..60_000,
        };
        sleep(Duration::from_micros(random.random_range(life))).await;
        program.kill().await;
        while let Some(ended) = writers.join_next().await {
            assert!(
                ended.unwrap().is_err(),
                "a writer writes until the server dies"
            );
        }
    }
    let mut program = Program::start("serve", &state, &[]);
    program.says("Ready").await;
    let writer = writer(program.instance(), rounds);
    compare(&ledger, &writer, None).await;
    nothing_is_left_over(&writer, &state).await;
    audited(&ledger, &state);
    assert!(program.stop().await.success());
}

/// Bytes that no object and no part of an upload names are swept at a start.
async fn nothing_is_left_over(writer: &Writer, state: &Path) {
    let objects = all_objects(writer).await.len();
    let uploads = Exchange::s3(Method::GET, &format!("/{BUCKET}?uploads"));
    let uploads = writer.sender.signed(&uploads, writer.keys()).await;
    assert_eq!(uploads.status, 200, "{}", uploads.text());
    let files = std::fs::read_dir(state.join("objects")).unwrap().count();
    let most = objects + uploads.all("UploadId").len();
    assert!(
        (objects..=most).contains(&files),
        "{files} files for {objects} objects"
    );
}

/// What was acknowledged has its record in the audit trail.
fn audited(ledger: &Ledger, state: &Path) {
    let filter = Filter {
        event_name: Some("CreateUser".to_owned()),
        ..Filter::default()
    };
    let records = Reader::open(&state.join("audit"), filter, Order::OldestFirst).unwrap();
    let created: std::collections::BTreeSet<String> = records
        .map(Result::unwrap)
        .filter(|record| record.error_code().is_none())
        .filter_map(|record| {
            let name = &record.value()["requestParameters"]["userName"];
            Some(name.as_str()?.to_owned())
        })
        .collect();
    for (kind, name, fate) in ledger.all() {
        if kind == Kind::User && fate == Fate::There {
            assert!(created.contains(&name), "no audit record of {name}");
        }
    }
}

/// The example by the program, at the smallest scale.
fn demo(state: &Path) -> Program {
    Program::start("demo", state, &["--scale", "0.01"])
}

async fn administrator(program: &Program, state: &Path) -> (Client, Sender) {
    let folder = StateFolder::open(state).unwrap();
    let keys = Profiles::read(&folder).unwrap().get("admin").unwrap().key();
    let instance = program.instance();
    (instance.client(keys).unwrap(), Sender::of(&instance))
}

fn set_up(state: &Path) -> Demo {
    ready(&StateFolder::open(state).unwrap()).unwrap().unwrap()
}

async fn inventory(program: &Program, state: &Path) -> Value {
    let (admin, sender) = administrator(program, state).await;
    inventory::of(&admin, &sender, &set_up(state).stack.bucket()).await
}

/// Everyone's keys work.
async fn everyone_signs_in(program: &Program, state: &Path) {
    let folder = StateFolder::open(state).unwrap();
    let (profiles, instance) = (Profiles::read(&folder).unwrap(), program.instance());
    let names: Vec<&str> = profiles.names().collect();
    assert_eq!(names, ["admin", "david", "root", "tina"]);
    for name in names {
        let keys = profiles
            .get(name)
            .unwrap()
            .credentials(&instance)
            .await
            .unwrap();
        let who = [("Action", "GetCallerIdentity")];
        let client = instance.client(keys).unwrap();
        client.query("sts", "2011-06-15", &who).await.unwrap();
    }
}

/// What the set-up says it is doing, in order.
const STEPS: [&str; 7] = [
    "Opening the state",
    "Creating users and roles",
    "Generating dl_tpc_customer\n",
    "Generating dl_tpc_web_sales",
    "Generating dl_tpc_income_band",
    "Granting",
    "Starting the cluster",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_up_that_was_killed_is_completed() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let room = support::room();

    let calm = room.path().join("calm");
    let mut program = demo(&calm);
    program.says("Lakeward is up").await;
    let expected = inventory(&program, &calm).await;
    assert!(program.stop().await.success());
    assert_eq!(expected["tables"]["tables"].as_object().unwrap().len(), 8);
    assert_eq!(expected["clusters"]["clusters"][0]["state"], "WAITING");

    for attempt in 0..4 {
        let killed = room.path().join(format!("killed-{attempt}"));
        let mut kills = 0;
        for step in STEPS {
            let mut program = demo(&killed);
            if !program.comes_to(step, "Lakeward is up").await {
                break; // An earlier kill came after the end.
            }
            sleep(Duration::from_micros(random.random_range(0..15_000))).await;
            program.kill().await;
            kills += 1;
        }
        assert!(
            kills > 1,
            "the set-up was never killed on its way, seed {seed}"
        );
        let mut program = demo(&killed);
        program.says("Lakeward is up").await;
        assert_eq!(inventory(&program, &killed).await, expected, "seed {seed}");
        everyone_signs_in(&program, &killed).await;
        program.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_finds_everything_as_it_was() {
    let room = support::room();
    let state = room.path().join("state");
    let mut program = demo(&state);
    program.says("Lakeward is up").await;
    let first = set_up(&state);
    let (admin, _) = administrator(&program, &state).await;
    let role = first
        .stack
        .role_arn(&first.stack.runtime_role("electronics"));
    let cells = json!({"DataCellsFilter": {
        "TableCatalogId": first.stack.account, "DatabaseName": "tpc", "TableName": "dl_tpc_item", "Name": "electronics",
    }});
    let revoke = json!({
        "Principal": {"DataLakePrincipalIdentifier": role}, "Resource": cells, "Permissions": ["SELECT"],
    });
    let before = inventory::grants(&admin).await;
    lake_formation(&admin, "RevokePermissions", revoke).await;
    let left = inventory(&program, &state).await;
    assert_eq!(
        left["lake"]["grants"].as_array().unwrap().len() + 1,
        before.len()
    );
    for kindly in [true, false] {
        if kindly {
            assert!(program.stop().await.success());
        } else {
            program.kill().await;
        }
        program = demo(&state);
        program.says("Lakeward is up").await;
        assert_eq!(inventory(&program, &state).await, left);
        assert_eq!(set_up(&state).cluster_id, first.cluster_id);
        let (admin, _) = administrator(&program, &state).await;
        let id = json!({"ClusterId": first.cluster_id});
        let described = support::emr(&admin, "DescribeCluster", id).await;
        assert_eq!(
            described["Cluster"]["MasterPublicDnsName"],
            first.cluster_address
        );
        everyone_signs_in(&program, &state).await;
    }
    assert!(program.stop().await.success());
}
