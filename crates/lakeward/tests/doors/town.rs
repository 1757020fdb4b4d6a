//! An instance with one of everything.

use std::time::{Duration, SystemTime};

use http::Method;
use lakeward_client::{Client, Credentials};
use lakeward_identity::audit::{Filter, Order, Reader};
use serde_json::{Value, json};

use super::{
    names::{DOCUMENT, Names, TRUST},
    refusals::Wrong,
    requests::{Door, Tongue, every_door},
    sealer::Sealer,
    support::{self, ACCOUNT, World, room, user, wire::Answer},
};

const EMR_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"elasticmapreduce.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const RESOURCE_CONTROL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"*"}]}"#;
/// An account that the organization has invited.
pub const INVITED: &str = "210987654321";
const NOBODY: &str = "nobody";

/// One of everything, someone who holds nothing, and a session that is over.
pub struct Town {
    pub world: World,
    /// Of the things that are here.
    pub names: Names,
    pub nobody: Credentials,
    pub sealer: Sealer,
    expired: Credentials,
}

impl Town {
    pub async fn build() -> Self {
        let room = room();
        let sealer = Sealer::install(room.path()).await;
        let world = World::in_room(room).await;
        let mut names = Names::existing();
        let nobody = user(&world.root, NOBODY, None).await;
        identities(&world.root, &mut names).await;
        organization(&world, &mut names).await;
        lake(&world.root, &names).await;
        cluster(&world.root, &mut names).await;
        let expired = sealer.expired(&world).await;
        Self {
            world,
            names,
            nobody,
            sealer,
            expired,
        }
    }

    pub fn root(&self) -> &Credentials {
        self.world.root.credentials()
    }

    pub fn nobody_arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:user/{NOBODY}")
    }

    /// A door for each operation, to the things that are here.
    pub fn doors(&self) -> Vec<Door> {
        every_door(&self.world.daemon, &self.names)
    }

    /// Asks at a door in a wrong way.
    pub async fn ask(&self, door: &Door, wrong: Wrong) -> Answer {
        let (sender, root, exchange) = (&self.world.sender, self.root(), &door.exchange);
        let stolen = Credentials::permanent(root.access_key_id(), "not the secret");
        let unknown = Credentials::permanent("AKIAAAAAAAAAAAAAAAAA", root.secret_access_key());
        match wrong {
            Wrong::Unsigned => sender.unsigned(exchange).await,
            Wrong::UnknownKey => sender.signed(exchange, &unknown).await,
            Wrong::Secret => sender.signed(exchange, &stolen).await,
            Wrong::Date => {
                let before = SystemTime::now() - Duration::from_secs(16 * 60);
                sender.signed_at(exchange, root, before).await
            }
            Wrong::Expired => sender.signed(exchange, &self.expired).await,
            Wrong::Body => {
                // Well formed still: only the signature tells.
                let mut body = exchange.body.to_vec();
                match door.tongue {
                    Tongue::S3 => *body.last_mut().unwrap() ^= 1,
                    Tongue::Query => body.extend(b"&More=1"),
                    Tongue::Json => body.push(b' '),
                }
                sender.altered(exchange, root, body).await
            }
            Wrong::Holder => sender.signed(exchange, &self.nobody).await,
        }
    }

    /// The audit record of an answer.
    pub fn record(&self, answer: &Answer) -> Value {
        record(&self.world, answer)
    }

    /// What root sees of everything, to tell whether anything changed.
    pub async fn everything(&self) -> Vec<String> {
        let mut seen = Vec::new();
        for door in self.doors().iter().filter(|door| door.shows_state()) {
            let answer = self.world.sender.signed(&door.exchange, self.root()).await;
            let text = answer.text().replace(&answer.request_id(), "");
            seen.push(format!("{} {text}", door.name()));
        }
        seen
    }
}

/// The audit record of an answer.
pub fn record(world: &World, answer: &Answer) -> Value {
    let id = answer.request_id();
    let text = answer.text();
    assert!(!id.is_empty(), "an answer without a request id: {text}");
    let trail = world.folder.audit();
    let mut reader = Reader::open(&trail, Filter::default(), Order::NewestFirst).unwrap();
    let record = reader.find_map(|record| {
        let record = record.unwrap();
        (record.request_id() == Some(&*id)).then(|| record.into_value())
    });
    record.unwrap_or_else(|| panic!("no audit record of request {id}: {text}"))
}

/// Users, groups, roles, policies and what else IAM has.
async fn identities(root: &Client, names: &mut Names) {
    let name = |kind| names.get(kind).to_owned();
    let (someone, role, group) = (name("user"), name("role"), name("group"));
    let (policy, profile) = (name("policy_name"), name("instance_profile"));
    let key = user(root, &someone, None).await;
    let (issuer, alias) = (name("issuer"), name("alias"));
    names.set("access_key", key.access_key_id());
    let own = [("PolicyName", "own"), ("PolicyDocument", DOCUMENT)];
    // A path is nothing that one who holds nothing may learn.
    let path = ("Path", "/team/");
    let calls: [(&str, Vec<(&str, &str)>); 14] = [
        ("CreateGroup", vec![("GroupName", &group), path]),
        (
            "UpdateUser",
            vec![("UserName", &someone), ("NewPath", path.1)],
        ),
        (
            "AddUserToGroup",
            vec![("GroupName", &group), ("UserName", &someone)],
        ),
        (
            "CreateRole",
            vec![("RoleName", &role), ("AssumeRolePolicyDocument", EMR_TRUST)],
        ),
        (
            "CreateRole",
            vec![
                ("RoleName", "machines"),
                ("AssumeRolePolicyDocument", TRUST),
            ],
        ),
        (
            "PutUserPolicy",
            vec![("UserName", &someone), own[0], own[1]],
        ),
        ("PutRolePolicy", vec![("RoleName", &role), own[0], own[1]]),
        (
            "PutGroupPolicy",
            vec![("GroupName", &group), own[0], own[1]],
        ),
        (
            "CreatePolicy",
            vec![("PolicyName", &policy), ("PolicyDocument", DOCUMENT)],
        ),
        (
            "CreateInstanceProfile",
            vec![("InstanceProfileName", &profile), path],
        ),
        (
            "AddRoleToInstanceProfile",
            vec![("InstanceProfileName", &profile), ("RoleName", "machines")],
        ),
        (
            "CreateOpenIDConnectProvider",
            vec![("Url", &issuer), ("ClientIDList.member.1", "client")],
        ),
        ("CreateAccountAlias", vec![("AccountAlias", &alias)]),
        (
            "TagUser",
            vec![
                ("UserName", &someone),
                ("Tags.member.1.Key", "team"),
                ("Tags.member.1.Value", "a"),
            ],
        ),
    ];
    for (operation, mut parameters) in calls {
        parameters.insert(0, ("Action", operation));
        support::iam(root, &parameters).await;
    }
}

/// An organization that this account manages, with one of everything.
async fn organization(world: &World, names: &mut Names) {
    let invited = world.daemon.identity().ensure_account(INVITED).await;
    invited.unwrap();
    let ask = async |operation: &str, input: Value, id: &str| {
        let target = format!("AWSOrganizationsV20161128.{operation}");
        let answer = world.root.json("organizations", &target, input).await;
        let answer = answer.unwrap_or_else(|error| panic!("{operation}: {error}"));
        answer
            .pointer(id)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let kind = "SERVICE_CONTROL_POLICY";
    ask("CreateOrganization", json!({"FeatureSet": "ALL"}), "").await;
    let root = ask("ListRoots", json!({}), "/Roots/0/Id").await;
    ask(
        "EnablePolicyType",
        json!({"RootId": root, "PolicyType": kind}),
        "",
    )
    .await;
    let unit = json!({"ParentId": root, "Name": "unit"});
    let unit = ask("CreateOrganizationalUnit", unit, "/OrganizationalUnit/Id").await;
    let control = json!({"Name": "control", "Description": "", "Type": kind, "Content": DOCUMENT});
    let control = ask("CreatePolicy", control, "/Policy/PolicySummary/Id").await;
    ask(
        "AttachPolicy",
        json!({"PolicyId": control, "TargetId": unit}),
        "",
    )
    .await;
    let limits = json!({"Name": "limits", "Description": "", "Type": "RESOURCE_CONTROL_POLICY", "Content": RESOURCE_CONTROL});
    let limits = ask("CreatePolicy", limits, "/Policy/PolicySummary/Id").await;
    let account = json!({"Email": "member@example.com", "AccountName": "member"});
    let creation = ask("CreateAccount", account, "/CreateAccountStatus/Id").await;
    let created = json!({"CreateAccountRequestId": creation});
    let member = ask(
        "DescribeCreateAccountStatus",
        created,
        "/CreateAccountStatus/AccountId",
    )
    .await;
    let invite = json!({"Target": {"Id": INVITED, "Type": "ACCOUNT"}});
    let handshake = ask("InviteAccountToOrganization", invite, "/Handshake/Id").await;
    for (name, id) in [
        ("root", root),
        ("unit", unit),
        ("control", control),
        ("resource_control", limits),
        ("creation", creation),
        ("member", member),
        ("handshake", handshake),
    ] {
        assert!(!id.is_empty(), "the organization has no {name}");
        names.set(name, &id);
    }
}

/// A bucket with an object, and a table.
async fn lake(root: &Client, names: &Names) {
    for path in ["/{bucket}", "/{bucket}/{key}"] {
        let path = names.fill(path);
        root.s3(Method::PUT, &path, "".into()).await.unwrap();
    }
    let (database, table) = (names.get("database"), names.get("table"));
    let input = json!({"DatabaseInput": {"Name": database}});
    support::glue(root, "CreateDatabase", input).await;
    let input = json!({"DatabaseName": database, "TableInput": {"Name": table}});
    support::glue(root, "CreateTable", input).await;
}

async fn cluster(root: &Client, names: &mut Names) {
    let configuration = json!({"Name": names.get("configuration"), "SecurityConfiguration": "{}"});
    support::emr(root, "CreateSecurityConfiguration", configuration).await;
    let job_flow = json!({
        "Name": "cluster", "ReleaseLabel": "emr-6.10.0", "Applications": [{"Name": "Spark"}],
        "Instances": {
            "InstanceGroups": [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}],
            "KeepJobFlowAliveWhenNoSteps": true,
        },
        "JobFlowRole": names.get("instance_profile"), "ServiceRole": names.get("role"),
    });
    let started = support::emr(root, "RunJobFlow", job_flow).await;
    names.set("cluster", started["JobFlowId"].as_str().unwrap());
}
