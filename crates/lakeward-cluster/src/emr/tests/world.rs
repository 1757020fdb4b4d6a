//! Accounts, roles and clusters to test with.

use std::{
    cell::Cell,
    collections::BTreeMap,
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lakeward_identity::{
    AccessKey, AssumeRole, AuditTrail, Call, Caller, Identity, InstanceProfile, OnBehalfOf, Origin,
    Role, ServiceSession, StoredPolicy,
};
use lakeward_session::fixture::eventually;
use lakeward_store::{Schema, Store, StoreError};
use lakeward_wire::AwsError;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{bucket::Bucket, programs::Programs};
use crate::emr::{
    Cluster, ClusterCertificate, ClusterRuntime, CredentialLimits, Emr, EmrConfig, LakeObjects,
    StepRunner, activity::steady, cluster, security_configuration,
};

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const OTHER: &str = "444455556666";
pub(super) const REGION: &str = "us-east-1";
pub(super) const RULES: &str = r#"{
    "EncryptionConfiguration": {"EnableInTransitEncryption": true, "EnableAtRestEncryption": false},
    "AuthorizationConfiguration": {
        "IAMConfiguration": {"EnableApplicationScopedIAMRole": true,
            "ApplicationScopedIAMRoleConfiguration": {"PropagateSourceIdentity": true}},
        "LakeFormationConfiguration": {"AuthorizedSessionTagValue": "Amazon EMR"}}}"#;

thread_local! {
    /// Seconds that the service's clock is ahead.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
    /// Seconds by which somebody set it.
    static PUT: Cell<i64> = const { Cell::new(0) };
}

fn clock() -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(AHEAD.get() + PUT.get())
}

fn steady_clock() -> Duration {
    steady() + Duration::from_secs(AHEAD.get().unsigned_abs())
}

/// Sets the service's clock forward.
pub(super) fn set_clock(seconds: i64) {
    PUT.set(PUT.get() + seconds);
}

pub(super) fn pass_time(seconds: i64) {
    AHEAD.set(AHEAD.get() + seconds);
}

/// Remembers what runs, in place of sockets.
#[derive(Default)]
pub(super) struct Sockets {
    running: Mutex<BTreeMap<String, Ipv4Addr>>,
    pub(super) taken: AtomicBool,
    pub(super) busy: AtomicBool,
    /// Clusters that got a certificate.
    pub(super) certified: Mutex<Vec<(String, ClusterCertificate)>>,
    pub(super) bucket: Bucket,
    pub(super) programs: Programs,
}

impl Sockets {
    pub(super) fn running(&self) -> BTreeMap<String, Ipv4Addr> {
        self.running.lock().unwrap().clone()
    }
}

#[async_trait]
impl ClusterRuntime for Sockets {
    async fn start(
        &self,
        cluster: &Cluster,
        certificate: Option<&ClusterCertificate>,
    ) -> io::Result<()> {
        if self.taken.load(Ordering::SeqCst) {
            return Err(io::Error::from(io::ErrorKind::AddrInUse));
        }
        self.running
            .lock()
            .unwrap()
            .insert(cluster.id.clone(), cluster.address);
        if let Some(certificate) = certificate {
            let mut certified = self.certified.lock().unwrap();
            certified.push((cluster.id.clone(), certificate.clone()));
        }
        Ok(())
    }

    async fn stop(&self, cluster_id: &str) {
        self.running.lock().unwrap().remove(cluster_id);
    }

    fn pages(&self, cluster: &Cluster) -> String {
        format!("https://{}:8998", cluster.address)
    }

    fn busy(&self, _cluster_id: &str) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    fn steps(&self) -> &dyn StepRunner {
        &self.programs
    }

    fn objects(&self) -> &dyn LakeObjects {
        &self.bucket
    }
}

pub(super) struct World {
    pub(super) emr: Arc<Emr>,
    pub(super) identity: Arc<Identity>,
    pub(super) store: Store,
    pub(super) sockets: Arc<Sockets>,
    pub(super) folder: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

pub(super) fn allow(statements: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

pub(super) fn everything() -> String {
    allow(json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]))
}

pub(super) fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// A trust policy of `actions` for `principal`.
pub(super) fn trust(principal: Value, actions: Value, condition: Value) -> String {
    allow(
        json!([{"Effect": "Allow", "Principal": principal, "Action": actions, "Condition": condition}]),
    )
}

const CHAIN: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

impl World {
    /// An instance with two accounts; in the first, a service role, the instance profile
    /// `profile` and the runtime role `marketing`, all set up to work.
    pub(super) async fn new() -> Self {
        AHEAD.set(0);
        PUT.set(0);
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self::open(folder.path().to_owned()).await;
        world._folder = Some(folder);
        world.furnish().await;
        world
    }

    pub(super) async fn open(folder: PathBuf) -> Self {
        let schema = crate::emr::schema(lakeward_identity::schema(Schema::new()));
        let store = Store::open(&folder.join("state.db"), schema).await.unwrap();
        let audit = AuditTrail::open(&folder).unwrap();
        let identity = Identity::open(store.clone(), audit, REGION).await.unwrap();
        Self::over(store, identity, folder, |_| {})
    }

    /// A node that shares the state with this one.
    pub(super) fn node(&self, name: &str) -> Self {
        let (store, identity) = (self.store.clone(), Arc::clone(&self.identity));
        let node = Some(name.to_owned());
        Self::over(store, identity, self.folder.clone(), |config| {
            config.node = node
        })
    }

    /// A node that believes itself alone with the state.
    pub(super) fn alone(&self) -> Self {
        let (store, identity) = (self.store.clone(), Arc::clone(&self.identity));
        Self::over(store, identity, self.folder.clone(), |_| {})
    }

    /// Another service over the same state, which allows few credentials.
    pub(super) fn limited(&self, credential_limits: CredentialLimits) -> Self {
        let (store, identity) = (self.store.clone(), Arc::clone(&self.identity));
        Self::over(store, identity, self.folder.clone(), |config| {
            config.credential_limits = credential_limits;
        })
    }

    fn over(
        store: Store,
        identity: Arc<Identity>,
        folder: PathBuf,
        edit: impl FnOnce(&mut EmrConfig),
    ) -> Self {
        let sockets = Arc::new(Sockets::default());
        let mut config = EmrConfig {
            clock,
            steady_clock,
            ..EmrConfig::default()
        };
        edit(&mut config);
        let runtime: Arc<dyn ClusterRuntime> = sockets.clone();
        let emr = Emr::new(store.clone(), Arc::clone(&identity), config, |_| runtime);
        Self {
            emr,
            identity,
            store,
            sockets,
            folder,
            _folder: None,
        }
    }

    async fn furnish(&self) {
        let service =
            |name: &str| trust(json!({"Service": name}), json!("sts:AssumeRole"), json!({}));
        self.role("service", &service("elasticmapreduce.amazonaws.com"), &[])
            .await;
        let chain = allow(json!([{"Effect": "Allow", "Action": CHAIN, "Resource": role_arn("*")}]));
        self.role("machine", &service("ec2.amazonaws.com"), &[chain])
            .await;
        let by_machine = trust(json!({"AWS": role_arn("machine")}), json!(CHAIN), json!({}));
        for name in ["marketing", "sales"] {
            self.role(name, &by_machine, &[]).await;
        }
        self.change(|change| {
            change.put(InstanceProfile {
                account: ACCOUNT.into(),
                name: "profile".into(),
                id: "AIPAX".into(),
                path: "/".into(),
                role: Some("machine".into()),
                tags: BTreeMap::new(),
                created: Timestamp::now(),
            });
        })
        .await;
    }

    pub(super) async fn change(&self, f: impl FnOnce(&mut lakeward_store::Change<'_>) + Send) {
        self.store
            .change(|change| {
                f(change);
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    }

    /// Makes or replaces a role of the first account.
    pub(super) async fn role(&self, name: &str, trust: &str, policies: &[String]) {
        self.role_in(ACCOUNT, name, trust, policies).await;
    }

    /// Makes or replaces a role. It stays the same one, by its unique id.
    pub(super) async fn role_in(
        &self,
        account: &str,
        name: &str,
        trust: &str,
        policies: &[String],
    ) {
        let policies = policies.iter().enumerate();
        let role = Role {
            account: account.into(),
            name: name.into(),
            id: format!("AROA{name}"),
            path: "/".into(),
            trust: StoredPolicy::trust(trust).unwrap(),
            policies: policies
                .map(|(n, text)| {
                    (
                        format!("p{n}"),
                        StoredPolicy::identity(text.as_str()).unwrap(),
                    )
                })
                .collect(),
            attached: Default::default(),
            boundary: None,
            tags: BTreeMap::new(),
            description: None,
            max_session_duration: 3600,
            created: Timestamp::now(),
        };
        self.change(|change| change.put(role)).await;
    }

    /// Deletes a role of the first account.
    pub(super) async fn delete_role(&self, name: &str) {
        let key = format!("{ACCOUNT}/{name}");
        self.change(|change| change.delete::<Role>(&key)).await;
    }

    /// Makes a role of the first account anew, under its old name.
    pub(super) async fn remake_role(&self, name: &str) {
        let key = format!("{ACCOUNT}/{name}");
        self.change(|change| {
            let mut role = (*change.get::<Role>(&key).unwrap()).clone();
            role.id = format!("{}AGAIN", role.id);
            change.put(role);
        })
        .await;
    }

    async fn root_caller(&self, account: &str) -> Arc<Caller> {
        let key = AccessKey::generate(account, None, Timestamp::now());
        let id = key.id.clone();
        self.change(|change| change.put(key)).await;
        self.identity
            .authenticate(&id, None, Timestamp::now())
            .unwrap()
    }

    pub(super) fn call_of(&self, caller: Arc<Caller>) -> Call {
        let origin = Origin {
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: None,
            at: clock(),
        };
        Call::begin(&self.identity, caller, origin)
    }

    /// A call by the root user of `account`.
    pub(super) async fn root_of(&self, account: &str) -> Call {
        let caller = self.root_caller(account).await;
        self.call_of(caller)
    }

    pub(super) async fn root(&self) -> Call {
        self.root_of(ACCOUNT).await
    }

    /// A call by the Studio session `david`, whose role has `policy`.
    pub(super) async fn studio(&self, policy: &str, source_identity: Option<&str>) -> Call {
        let root = format!("arn:aws:iam::{ACCOUNT}:root");
        let by_root = trust(json!({"AWS": root}), json!(CHAIN), json!({}));
        self.role("studio", &by_root, &[policy.to_owned()]).await;
        // A root user can't assume roles, so an all-powerful role does.
        let ec2 = trust(
            json!({"Service": "ec2.amazonaws.com"}),
            json!("sts:AssumeRole"),
            json!({}),
        );
        self.role("operator", &ec2, &[everything()]).await;
        let operator = self
            .identity
            .service_session(&ServiceSession {
                role_arn: &role_arn("operator"),
                service: "ec2.amazonaws.com",
                name: "setup",
                source: OnBehalfOf::default(),
                at: Timestamp::now(),
            })
            .unwrap();
        let request = AssumeRole {
            role_arn: role_arn("studio"),
            session_name: "david".into(),
            source_identity: source_identity.map(ToOwned::to_owned),
            ..AssumeRole::default()
        };
        let origin = Origin {
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: None,
            at: Timestamp::now(),
        };
        let assumed = self.identity.assume_role(&operator, request, origin);
        let keys = assumed.unwrap();
        let token = keys.session_token.expose();
        let caller = self
            .identity
            .authenticate(&keys.access_key_id, Some(token), Timestamp::now())
            .unwrap();
        self.call_of(caller)
    }

    /// Runs an operation on a wire input, and gives its wire output.
    pub(super) async fn run<I, O, F, Fut>(
        &self,
        call: &Call,
        handler: F,
        input: Value,
    ) -> Result<Value, AwsError>
    where
        I: DeserializeOwned,
        O: Serialize,
        F: FnOnce(Arc<Emr>, Call, I) -> Fut,
        Fut: Future<Output = Result<O, AwsError>>,
    {
        let input = serde_json::from_value(input).unwrap();
        let output = handler(Arc::clone(&self.emr), call.clone(), input).await?;
        assert!(call.decided(), "answered without a decision");
        Ok(serde_json::to_value(output).unwrap())
    }

    pub(super) async fn create_rules(&self, name: &str, document: &str) -> Result<Value, AwsError> {
        let input = json!({"Name": name, "SecurityConfiguration": document});
        self.run(&self.root().await, security_configuration::create, input)
            .await
    }

    /// `request` as the root user; the cluster's id.
    pub(super) async fn launch(&self, request: Value) -> String {
        let root = self.root().await;
        let output = self
            .run(&root, cluster::launch::run_job_flow, request)
            .await
            .unwrap();
        output["JobFlowId"].as_str().unwrap().to_owned()
    }

    /// A ready cluster with `RULES`.
    pub(super) async fn ready_cluster(&self) -> String {
        self.ready_cluster_with(RULES, |_| {}).await
    }

    pub(super) async fn ready_cluster_with(
        &self,
        rules: &str,
        edit: impl FnOnce(&mut Value),
    ) -> String {
        let name = format!("rules-{}", crate::emr::identifier::cluster());
        self.create_rules(&name, rules).await.unwrap();
        let mut request = request();
        request["SecurityConfiguration"] = json!(name);
        edit(&mut request);
        let id = self.launch(request).await;
        self.until(&id, "WAITING").await;
        id
    }

    pub(super) async fn describe(&self, id: &str) -> Value {
        let input = json!({"ClusterId": id});
        let root = self.root().await;
        let output = self.run(&root, cluster::describe::describe, input).await;
        output.unwrap()["Cluster"].clone()
    }

    pub(super) fn state(&self, id: &str) -> &'static str {
        let key = crate::emr::Cluster::key_of(ACCOUNT, id);
        let cluster = self.store.snapshot().get::<crate::emr::Cluster>(&key);
        cluster.unwrap().state.name()
    }

    /// Waits for the background work to reach a state.
    pub(super) async fn until(&self, id: &str, state: &str) {
        let what = format!("{id} {state}");
        eventually(&what, async || (self.state(id) == state).then_some(())).await;
    }
}

/// Keeps house until the cluster is in `state`.
pub(super) async fn settled(world: &World, id: &str, state: &str) {
    eventually(&format!("{id} {state}"), async || {
        world.emr.settle();
        (world.state(id) == state).then_some(())
    })
    .await;
}

/// A request that works as it is.
pub(super) fn request() -> Value {
    json!({
        "Name": "demo-emr-cluster",
        "ReleaseLabel": "emr-6.10.0",
        "Applications": [{"Name": "Spark"}, {"Name": "Livy"}, {"Name": "Hive"}, {"Name": "JupyterEnterpriseGateway"}],
        "Instances": {
            "InstanceGroups": [
                {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
                {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 2}
            ],
            "KeepJobFlowAliveWhenNoSteps": true
        },
        "ServiceRole": "service",
        "JobFlowRole": "profile",
        "Tags": [{"Key": "team", "Value": "red"}]
    })
}

pub(super) fn code(error: &AwsError) -> &str {
    &error.code
}
