//! Organizations through the dispatcher: the tree of accounts, and the limits that it sets.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use bytes::Bytes;
use http::Request;
use lakeward_client::{Credentials, Signer};
use lakeward_identity::{
    AuditTrail, Call, Front, Identity, Service, iam, organizations, schema, sts_service,
};
use lakeward_policy::{Context, PolicyDocument, ResourceSide, Usage};
use lakeward_store::{Schema, Store};
use lakeward_wire::{AwsError, Protocol};
use serde::Deserialize;
use serde_json::{Value, json};

const MANAGEMENT: &str = "111122223333";
const OTHER: &str = "444455556666";
const SCP: &str = "SERVICE_CONTROL_POLICY";
const RCP: &str = "RESOURCE_CONTROL_POLICY";

struct World {
    front: Front,
    identity: Arc<Identity>,
    /// The root user of the management account.
    boss: Credentials,
    _dir: tempfile::TempDir,
}

/// Asks for an object of a bucket in `account` whose policy lets everyone in.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetObject {
    account: String,
}

async fn get_object(_: Arc<()>, call: Call, input: GetObject) -> Result<&'static str, AwsError> {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}"#;
    let document = PolicyDocument::parse(text, Usage::Resource).unwrap();
    let side = ResourceSide::Policy {
        document: &document,
        account: &input.account,
    };
    let _permit = call.authorize_with(
        "s3:GetObject",
        "arn:aws:s3:::lake/object",
        Context::new(),
        side,
    )?;
    Ok("the bytes")
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state.db"), schema(Schema::new()))
        .await
        .unwrap();
    let audit = AuditTrail::open(dir.path()).unwrap();
    let identity = Identity::open(store, audit, "eu-central-1").await.unwrap();
    let key = identity.ensure_account(MANAGEMENT).await.unwrap();
    let bucket = Service::new("s3", Protocol::AwsJson { target: "S3" }).operation(
        "GetObject",
        &Arc::new(()),
        get_object,
    );
    let services = [
        iam::service(&identity),
        sts_service(&identity),
        organizations::service(&identity),
        bucket,
    ];
    World {
        front: Front::new(&identity, services),
        boss: Credentials::permanent(&key.id, key.secret.expose()),
        identity,
        _dir: dir,
    }
}

struct Reply {
    status: u16,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    fn refusal(&self) -> String {
        assert_ne!(self.status, 200, "{}", self.body);
        let error: Value = serde_json::from_str(&self.body).unwrap();
        error["__type"].as_str().unwrap().to_owned()
    }

    fn message(&self) -> String {
        let error: Value = serde_json::from_str(&self.body).unwrap();
        error["message"].as_str().unwrap().to_owned()
    }

    fn element(&self, name: &str) -> &str {
        lakeward_client::element(&self.body, name).unwrap_or_else(|| panic!("{}", self.body))
    }
}

impl World {
    async fn send(
        &self,
        who: &Credentials,
        service: &str,
        region: &str,
        request: Request<Bytes>,
    ) -> Reply {
        let signed = Signer::new(who, region, service).sign(request).unwrap();
        let response = self
            .front
            .serve(signed, IpAddr::V4(Ipv4Addr::LOCALHOST))
            .await;
        Reply {
            status: response.status().as_u16(),
            body: String::from_utf8(response.body().to_vec()).unwrap(),
        }
    }

    async fn org_in(
        &self,
        region: &str,
        who: &Credentials,
        operation: &str,
        input: Value,
    ) -> Reply {
        let request = Request::post("https://organizations.us-east-1.amazonaws.com/")
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "x-amz-target",
                format!("AWSOrganizationsV20161128.{operation}"),
            )
            .body(Bytes::from(input.to_string()))
            .unwrap();
        self.send(who, "organizations", region, request).await
    }

    async fn org(&self, who: &Credentials, operation: &str, input: Value) -> Reply {
        self.org_in("us-east-1", who, operation, input).await
    }

    /// As the root user of the management account, and it has to work.
    async fn boss(&self, operation: &str, input: Value) -> Value {
        self.org(&self.boss, operation, input).await.json()
    }

    async fn query(&self, who: &Credentials, service: &str, parameters: &[(&str, &str)]) -> Reply {
        let body = lakeward_client::form(parameters.iter().copied());
        let request = Request::post(format!("https://{service}.amazonaws.com/"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        self.send(who, service, "us-east-1", request).await
    }

    /// Whether `who` reads an object of a bucket in `account`, whose policy lets everyone in.
    async fn reads(&self, who: &Credentials, account: &str) -> Result<(), String> {
        let request = Request::post("https://s3.eu-central-1.amazonaws.com/")
            .header("x-amz-target", "S3.GetObject")
            .body(Bytes::from(json!({"Account": account}).to_string()))
            .unwrap();
        let reply = self.send(who, "s3", "eu-central-1", request).await;
        match reply.status {
            200 => Ok(()),
            _ => Err(reply.message()),
        }
    }

    /// Whether `who` lists its account's users.
    async fn lists_users(&self, who: &Credentials) -> bool {
        let reply = self.query(who, "iam", &[("Action", "ListUsers")]).await;
        assert!(
            reply.status == 200 || reply.body.contains("AccessDenied"),
            "{}",
            reply.body
        );
        reply.status == 200
    }

    async fn root_of(&self, account: &str) -> Credentials {
        let key = self.identity.ensure_account(account).await.unwrap();
        Credentials::permanent(&key.id, key.secret.expose())
    }

    async fn organize(&self) -> Organized {
        self.boss("CreateOrganization", json!({})).await;
        let roots = self.boss("ListRoots", json!({})).await;
        let root = roots["Roots"][0]["Id"].as_str().unwrap().to_owned();
        for kind in [SCP, RCP] {
            self.boss(
                "EnablePolicyType",
                json!({"RootId": root, "PolicyType": kind}),
            )
            .await;
        }
        let member = self.account("one").await;
        Organized { root, member }
    }

    async fn account(&self, name: &str) -> String {
        let email = format!("{name}@example.com");
        let status = self
            .boss(
                "CreateAccount",
                json!({"AccountName": name, "Email": email}),
            )
            .await;
        let status = &status["CreateAccountStatus"];
        assert_eq!(status["State"], "SUCCEEDED");
        status["AccountId"].as_str().unwrap().to_owned()
    }

    async fn unit(&self, parent: &str, name: &str) -> String {
        let unit = self
            .boss(
                "CreateOrganizationalUnit",
                json!({"ParentId": parent, "Name": name}),
            )
            .await;
        let id = &unit["OrganizationalUnit"]["Id"];
        id.as_str().unwrap().to_owned()
    }

    async fn policy(&self, kind: &str, name: &str, statement: Value) -> String {
        let document = json!({"Version": "2012-10-17", "Statement": statement});
        let input = json!({
            "Name": name, "Description": "", "Type": kind, "Content": document.to_string(),
        });
        let policy = self.boss("CreatePolicy", input).await;
        let id = &policy["Policy"]["PolicySummary"]["Id"];
        id.as_str().unwrap().to_owned()
    }

    async fn attach(&self, policy: &str, target: &str) {
        let pair = json!({"PolicyId": policy, "TargetId": target});
        self.boss("AttachPolicy", pair).await;
    }

    async fn detach(&self, policy: &str, target: &str) {
        let pair = json!({"PolicyId": policy, "TargetId": target});
        self.boss("DetachPolicy", pair).await;
    }

    /// A user of the management account.
    async fn user(&self, name: &str, statement: Option<Value>) -> Credentials {
        let named = ("UserName", name);
        self.query(&self.boss, "iam", &[("Action", "CreateUser"), named])
            .await;
        if let Some(statement) = statement {
            let document = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
            let policy = [
                ("Action", "PutUserPolicy"),
                named,
                ("PolicyName", "p"),
                ("PolicyDocument", &document),
            ];
            assert_eq!(self.query(&self.boss, "iam", &policy).await.status, 200);
        }
        let key = self
            .query(&self.boss, "iam", &[("Action", "CreateAccessKey"), named])
            .await;
        Credentials::permanent(key.element("AccessKeyId"), key.element("SecretAccessKey"))
    }

    async fn assume(&self, who: &Credentials, role: &str) -> Reply {
        let parameters = [
            ("Action", "AssumeRole"),
            ("RoleArn", role),
            ("RoleSessionName", "here"),
        ];
        self.query(who, "sts", &parameters).await
    }

    /// A session of the role that lets the management account into `account`.
    async fn access(&self, account: &str) -> Credentials {
        let allow = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"});
        let admin = self.user("admin", Some(allow)).await;
        let role = format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole");
        let reply = self.assume(&admin, &role).await;
        Credentials::temporary(
            reply.element("AccessKeyId"),
            reply.element("SecretAccessKey"),
            reply.element("SessionToken"),
        )
    }
}

struct Organized {
    root: String,
    /// An account that the organization made.
    member: String,
}

fn deny_everything() -> Value {
    json!({"Effect": "Deny", "Action": "*", "Resource": "*"})
}

fn deny_users() -> Value {
    json!({"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"})
}

fn ids<'v>(list: &'v Value, member: &str) -> Vec<&'v str> {
    let mut ids: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item[member].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn an_organization_is_made_described_and_ended() {
    let world = world().await;
    let refusal = world
        .org(&world.boss, "DescribeOrganization", json!({}))
        .await;
    assert_eq!(refusal.refusal(), "AWSOrganizationsNotInUseException");
    let made = world
        .boss("CreateOrganization", json!({"FeatureSet": "ALL"}))
        .await;
    let organization = &made["Organization"];
    let id = organization["Id"].as_str().unwrap();
    assert_eq!(
        organization["Arn"],
        format!("arn:aws:organizations::{MANAGEMENT}:organization/{id}")
    );
    assert_eq!(organization["MasterAccountId"], MANAGEMENT);
    assert_eq!(world.boss("DescribeOrganization", json!({})).await, made);
    let again = world
        .org(&world.boss, "CreateOrganization", json!({}))
        .await;
    assert_eq!(again.refusal(), "AlreadyInOrganizationException");
    let accounts = world.boss("ListAccounts", json!({})).await;
    assert_eq!(ids(&accounts["Accounts"], "Id"), [MANAGEMENT]);
    let roots = world.boss("ListRoots", json!({})).await;
    let unit = world
        .unit(roots["Roots"][0]["Id"].as_str().unwrap(), "team")
        .await;
    let full = world
        .org(&world.boss, "DeleteOrganization", json!({}))
        .await;
    assert_eq!(full.refusal(), "OrganizationNotEmptyException");
    let unit = json!({"OrganizationalUnitId": unit});
    world.boss("DeleteOrganizationalUnit", unit).await;
    world.boss("DeleteOrganization", json!({})).await;
    let gone = world.org(&world.boss, "ListRoots", json!({})).await;
    assert_eq!(gone.refusal(), "AWSOrganizationsNotInUseException");
}

#[tokio::test]
async fn the_service_is_reached_in_its_own_region_from_everywhere() {
    let world = world().await;
    world.boss("CreateOrganization", json!({})).await;
    let elsewhere = world
        .org_in("us-west-2", &world.boss, "ListRoots", json!({}))
        .await;
    assert_eq!(elsewhere.refusal(), "InvalidSignatureException");
}

#[tokio::test]
async fn a_new_account_is_one_that_the_management_account_gets_into() {
    let world = world().await;
    let organized = world.organize().await;
    let account = &organized.member;
    let described = world
        .boss("DescribeAccount", json!({"AccountId": account}))
        .await;
    assert_eq!(described["Account"]["Name"], "one");
    assert_eq!(described["Account"]["JoinedMethod"], "CREATED");
    let session = world.access(account).await;
    let me = world
        .query(&session, "sts", &[("Action", "GetCallerIdentity")])
        .await;
    assert_eq!(
        me.element("Arn"),
        format!("arn:aws:sts::{account}:assumed-role/OrganizationAccountAccessRole/here")
    );
    assert!(world.lists_users(&session).await);
    let again = json!({"AccountName": "two", "Email": "ONE@example.com"});
    let again = world.boss("CreateAccount", again).await;
    let status = &again["CreateAccountStatus"];
    assert_eq!(status["FailureReason"], "EMAIL_ALREADY_EXISTS");
    let asked = json!({"CreateAccountRequestId": status["Id"]});
    assert_eq!(
        world.boss("DescribeCreateAccountStatus", asked).await,
        again
    );
    let failed = world
        .boss("ListCreateAccountStatus", json!({"States": ["FAILED"]}))
        .await;
    assert_eq!(failed["CreateAccountStatuses"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_service_control_policy_binds_a_members_root_and_roles_but_not_the_management_account() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let session = world.access(&member).await;
    let member_root = world.root_of(&member).await;
    let user = world
        .user(
            "ana",
            Some(json!({"Effect": "Allow", "Action": "*", "Resource": "*"})),
        )
        .await;
    for who in [&session, &member_root, &user, &world.boss] {
        assert!(world.lists_users(who).await);
        world.reads(who, MANAGEMENT).await.unwrap();
    }
    let deny = world.policy(SCP, "nothing", deny_everything()).await;
    world.attach(&deny, &root).await;
    for who in [&session, &member_root] {
        assert!(!world.lists_users(who).await);
        for account in [&*member, MANAGEMENT] {
            let refusal = world.reads(who, account).await.unwrap_err();
            assert!(
                refusal.ends_with("with an explicit deny in a service control policy"),
                "{refusal}"
            );
        }
    }
    for who in [&user, &world.boss] {
        assert!(world.lists_users(who).await);
        world.reads(who, &member).await.unwrap();
    }
    world.detach(&deny, &root).await;
    assert!(world.lists_users(&session).await);
    assert!(world.lists_users(&member_root).await);
}

#[tokio::test]
async fn what_no_policy_of_a_level_allows_is_denied() {
    let world = world().await;
    let Organized { member, .. } = world.organize().await;
    let member_root = world.root_of(&member).await;
    let allow = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"});
    let only_s3 = world.policy(SCP, "only-s3", allow).await;
    world.attach(&only_s3, &member).await;
    // The policies of one level are a union.
    assert!(world.lists_users(&member_root).await);
    world.detach("p-FullAWSAccess", &member).await;
    assert!(!world.lists_users(&member_root).await);
    world.reads(&member_root, &member).await.unwrap();
}

#[tokio::test]
async fn a_moved_account_has_its_new_limits_at_the_next_request() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let member_root = world.root_of(&member).await;
    let outer = world.unit(&root, "outer").await;
    let inner = world.unit(&outer, "inner").await;
    let deny = world.policy(SCP, "no-users", deny_users()).await;
    world.attach(&deny, &outer).await;
    assert!(world.lists_users(&member_root).await);
    let to = |from: &str, to: &str| json!({"AccountId": member, "SourceParentId": from, "DestinationParentId": to});
    world.boss("MoveAccount", to(&root, &inner)).await;
    assert!(!world.lists_users(&member_root).await);
    let parents = world.boss("ListParents", json!({"ChildId": member})).await;
    assert_eq!(
        parents["Parents"],
        json!([{"Id": inner, "Type": "ORGANIZATIONAL_UNIT"}])
    );
    world.boss("MoveAccount", to(&inner, &root)).await;
    assert!(world.lists_users(&member_root).await);
    let wrong = world
        .org(&world.boss, "MoveAccount", to(&inner, &outer))
        .await;
    assert_eq!(wrong.refusal(), "SourceParentNotFoundException");
}

#[tokio::test]
async fn a_resource_control_policy_protects_a_members_resources_from_everyone() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let member_root = world.root_of(&member).await;
    let stranger = world.root_of(OTHER).await;
    let deny = world
        .policy(
            RCP,
            "private",
            json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                   "Condition": {"StringNotEquals": {"aws:PrincipalAccount": member}}}),
        )
        .await;
    world.reads(&stranger, &member).await.unwrap();
    world.attach(&deny, &root).await;
    let refusal = world.reads(&stranger, &member).await.unwrap_err();
    assert!(
        refusal.ends_with("with an explicit deny in a resource control policy"),
        "{refusal}"
    );
    world.reads(&world.boss, &member).await.unwrap_err();
    world.reads(&member_root, &member).await.unwrap();
    // The management account's resources aren't protected, nor are those outside.
    world.reads(&stranger, MANAGEMENT).await.unwrap();
    world.reads(&member_root, OTHER).await.unwrap();
    let input = json!({"RootId": root, "PolicyType": RCP});
    world.boss("DisablePolicyType", input).await;
    world.reads(&stranger, &member).await.unwrap();
}

#[tokio::test]
async fn policies_know_who_belongs_to_the_organization() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let stranger = world.root_of(OTHER).await;
    let described = world.boss("DescribeOrganization", json!({})).await;
    let id = described["Organization"]["Id"].as_str().unwrap();
    let deny = |key: &str, value: &str| {
        json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
               "Condition": {"StringNotLikeIfExists": {key: value}}})
    };
    let ours = json!([
        deny("aws:PrincipalOrgID", id),
        deny("aws:ResourceOrgID", id),
        deny("aws:ResourceOrgPaths", &format!("{id}/{root}/")),
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
         "Condition": {"Null": {"aws:PrincipalOrgID": "true"}}},
    ]);
    let ours = world.policy(RCP, "ours", ours).await;
    world.reads(&stranger, &member).await.unwrap();
    world.attach(&ours, &root).await;
    world.reads(&stranger, &member).await.unwrap_err();
    world.reads(&world.boss, &member).await.unwrap();
    world.detach(&ours, &root).await;
    let elsewhere = deny("aws:PrincipalOrgPaths", &format!("{id}/r-none/*"));
    let elsewhere = world.policy(RCP, "elsewhere", elsewhere).await;
    world.attach(&elsewhere, &root).await;
    world.reads(&world.boss, &member).await.unwrap_err();
}

#[tokio::test]
async fn attachments_have_their_bounds() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let pair = |policy: &str| json!({"PolicyId": policy, "TargetId": member});
    let last = world
        .org(&world.boss, "DetachPolicy", pair("p-FullAWSAccess"))
        .await;
    assert_eq!(last.refusal(), "ConstraintViolationException");
    let fixed = world
        .org(&world.boss, "DetachPolicy", pair("p-RCPFullAWSAccess"))
        .await;
    assert_eq!(fixed.refusal(), "InvalidInputException");
    for number in 0..4 {
        let policy = world.policy(SCP, &format!("p{number}"), deny_users()).await;
        world.attach(&policy, &member).await;
        let again = world.org(&world.boss, "AttachPolicy", pair(&policy)).await;
        assert_eq!(again.refusal(), "DuplicatePolicyAttachmentException");
        let used = json!({"PolicyId": policy});
        let used = world.org(&world.boss, "DeletePolicy", used).await;
        assert_eq!(used.refusal(), "PolicyInUseException");
    }
    let sixth = world.policy(SCP, "sixth", deny_users()).await;
    let refused = world.org(&world.boss, "AttachPolicy", pair(&sixth)).await;
    assert_eq!(refused.refusal(), "ConstraintViolationException");
    let input = json!({"RootId": root, "PolicyType": SCP});
    world.boss("DisablePolicyType", input).await;
    let refused = world.org(&world.boss, "AttachPolicy", pair(&sixth)).await;
    assert_eq!(refused.refusal(), "PolicyTypeNotEnabledException");
    let listed = json!({"TargetId": member, "Filter": SCP});
    let listed = world.boss("ListPoliciesForTarget", listed).await;
    assert_eq!(listed["Policies"], json!([]));
}

#[tokio::test]
async fn policies_are_checked_when_they_are_made_and_changed() {
    let world = world().await;
    world.organize().await;
    let make = |kind: &str, name: &str, content: &str| json!({"Name": name, "Description": "d", "Type": kind, "Content": content});
    for (kind, content) in [
        (SCP, "{}"),
        (
            SCP,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}"#,
        ),
        (
            RCP,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#,
        ),
    ] {
        let refused = world
            .org(&world.boss, "CreatePolicy", make(kind, "x", content))
            .await;
        assert_eq!(
            refused.refusal(),
            "MalformedPolicyDocumentException",
            "{content}"
        );
    }
    let good = json!({"Version": "2012-10-17", "Statement": deny_users()}).to_string();
    let long = format!("{good}{}", " ".repeat(5120));
    let refused = world
        .org(&world.boss, "CreatePolicy", make(SCP, "x", &long))
        .await;
    assert_eq!(refused.refusal(), "ConstraintViolationException");
    let refused = world
        .org(&world.boss, "CreatePolicy", make("TAG_POLICY", "x", &good))
        .await;
    assert_eq!(
        refused.refusal(),
        "PolicyTypeNotAvailableForOrganizationException"
    );
    let id = world.policy(SCP, "x", deny_users()).await;
    let refused = world
        .org(&world.boss, "CreatePolicy", make(SCP, "x", &good))
        .await;
    assert_eq!(refused.refusal(), "DuplicatePolicyException");
    let changed = world
        .boss(
            "UpdatePolicy",
            json!({"PolicyId": id, "Name": "y", "Description": ""}),
        )
        .await;
    assert_eq!(changed["Policy"]["PolicySummary"]["Name"], "y");
    let read = world.boss("DescribePolicy", json!({"PolicyId": id})).await;
    assert_eq!(read, changed);
    let own = json!({"PolicyId": "p-FullAWSAccess", "Name": "mine"});
    let refused = world.org(&world.boss, "UpdatePolicy", own).await;
    assert_eq!(refused.refusal(), "InvalidInputException");
    world.boss("DeletePolicy", json!({"PolicyId": id})).await;
    let gone = world
        .org(&world.boss, "DescribePolicy", json!({"PolicyId": id}))
        .await;
    assert_eq!(gone.refusal(), "PolicyNotFoundException");
}

#[tokio::test]
async fn a_member_changes_nothing_and_sees_only_that_it_belongs() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let member_root = world.root_of(&member).await;
    world
        .org(&member_root, "DescribeOrganization", json!({}))
        .await
        .json();
    for (operation, input) in [
        ("ListAccounts", json!({})),
        ("ListRoots", json!({})),
        (
            "CreateAccount",
            json!({"AccountName": "x", "Email": "x@example.com"}),
        ),
        (
            "DetachPolicy",
            json!({"PolicyId": "p-FullAWSAccess", "TargetId": member}),
        ),
        (
            "CreateOrganizationalUnit",
            json!({"ParentId": root, "Name": "x"}),
        ),
        (
            "RemoveAccountFromOrganization",
            json!({"AccountId": member}),
        ),
        ("DeleteOrganization", json!({})),
        (
            "TagResource",
            json!({"ResourceId": member, "Tags": [{"Key": "a", "Value": "b"}]}),
        ),
    ] {
        let reply = world.org(&member_root, operation, input).await;
        assert_eq!(reply.refusal(), "AccessDeniedException", "{operation}");
    }
    world
        .org(&member_root, "LeaveOrganization", json!({}))
        .await
        .json();
    let gone = world
        .org(&member_root, "DescribeOrganization", json!({}))
        .await;
    assert_eq!(gone.refusal(), "AWSOrganizationsNotInUseException");
    let own = json!({"AccountId": MANAGEMENT});
    let own = world
        .org(&world.boss, "RemoveAccountFromOrganization", own)
        .await;
    assert_eq!(own.refusal(), "MasterCannotLeaveOrganizationException");
}

#[tokio::test]
async fn an_account_that_was_there_is_invited_and_accepts() {
    let world = world().await;
    world.organize().await;
    let other = world.root_of(OTHER).await;
    let target = json!({"Target": {"Id": OTHER, "Type": "ACCOUNT"}, "Notes": "welcome"});
    let invited = world
        .boss("InviteAccountToOrganization", target.clone())
        .await;
    let again = world
        .org(&world.boss, "InviteAccountToOrganization", target)
        .await;
    assert_eq!(again.refusal(), "DuplicateHandshakeException");
    let id = json!({"HandshakeId": invited["Handshake"]["Id"]});
    let stranger = world.root_of("777788889999").await;
    let refused = world.org(&stranger, "AcceptHandshake", id.clone()).await;
    assert_eq!(refused.refusal(), "HandshakeNotFoundException");
    let refused = world.org(&world.boss, "AcceptHandshake", id.clone()).await;
    assert_eq!(refused.refusal(), "AccessDeniedException");
    let listed = world
        .org(&other, "ListHandshakesForAccount", json!({}))
        .await
        .json();
    assert_eq!(listed["Handshakes"][0]["State"], "OPEN");
    let accepted = world
        .org(&other, "AcceptHandshake", id.clone())
        .await
        .json();
    assert_eq!(accepted["Handshake"]["State"], "ACCEPTED");
    let again = world.org(&other, "AcceptHandshake", id.clone()).await;
    assert_eq!(again.refusal(), "HandshakeAlreadyInStateException");
    let late = world.org(&world.boss, "CancelHandshake", id).await;
    assert_eq!(late.refusal(), "InvalidHandshakeTransitionException");
    let account = world
        .boss("DescribeAccount", json!({"AccountId": OTHER}))
        .await;
    assert_eq!(account["Account"]["JoinedMethod"], "INVITED");
    let targets = world
        .boss(
            "ListTargetsForPolicy",
            json!({"PolicyId": "p-FullAWSAccess"}),
        )
        .await;
    assert!(ids(&targets["Targets"], "TargetId").contains(&OTHER));
}

#[tokio::test]
async fn units_nest_five_deep_and_keep_their_names_apart() {
    let world = world().await;
    let Organized { root, .. } = world.organize().await;
    let mut parent = root.clone();
    for depth in 1..=5 {
        parent = world.unit(&parent, &format!("u{depth}")).await;
    }
    let deep = json!({"ParentId": parent, "Name": "six"});
    let deep = world
        .org(&world.boss, "CreateOrganizationalUnit", deep)
        .await;
    assert_eq!(deep.refusal(), "ConstraintViolationException");
    let same = json!({"ParentId": root, "Name": "u1"});
    let same = world
        .org(&world.boss, "CreateOrganizationalUnit", same)
        .await;
    assert_eq!(same.refusal(), "DuplicateOrganizationalUnitException");
    let renamed = json!({"OrganizationalUnitId": parent, "Name": "u1"});
    let renamed = world.boss("UpdateOrganizationalUnit", renamed).await;
    let read = json!({"OrganizationalUnitId": parent});
    let read = world.boss("DescribeOrganizationalUnit", read).await;
    assert_eq!(read, renamed);
    let children = json!({"ParentId": root, "ChildType": "ORGANIZATIONAL_UNIT"});
    let children = world.boss("ListChildren", children).await;
    assert_eq!(children["Children"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = world().await;
    let Organized { root, .. } = world.organize().await;
    for number in 0..4 {
        world.unit(&root, &format!("u{number}")).await;
    }
    let mut input = json!({"ParentId": root, "MaxResults": 3});
    let first = world
        .boss("ListOrganizationalUnitsForParent", input.clone())
        .await;
    input["NextToken"] = first["NextToken"].clone();
    let second = world.boss("ListOrganizationalUnitsForParent", input).await;
    let mut all = ids(&first["OrganizationalUnits"], "Id");
    assert_eq!(all.len(), 3);
    all.extend(ids(&second["OrganizationalUnits"], "Id"));
    all.dedup();
    assert_eq!(all.len(), 4);
    assert_eq!(second["NextToken"], Value::Null);
    let wrong = json!({"NextToken": "%"});
    let wrong = world.org(&world.boss, "ListAccounts", wrong).await;
    assert_eq!(wrong.refusal(), "InvalidInputException");
}

#[tokio::test]
async fn permissions_on_organizations_are_by_resource_type_and_tag() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let allow = json!([
        {"Effect": "Allow", "Action": "organizations:CreatePolicy", "Resource": "*",
         "Condition": {"StringEquals": {"organizations:PolicyType": SCP}}},
        {"Effect": "Allow", "Action": "organizations:DescribeAccount",
         "Resource": format!("arn:aws:organizations::{MANAGEMENT}:account/o-*/*"),
         "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}},
    ]);
    let ana = world.user("ana", Some(allow)).await;
    let content = json!({"Version": "2012-10-17", "Statement": deny_users()}).to_string();
    let scp = json!({"Name": "n", "Description": "", "Type": SCP, "Content": content});
    world.org(&ana, "CreatePolicy", scp.clone()).await.json();
    let mut rcp = scp;
    rcp["Type"] = json!(RCP);
    let refused = world.org(&ana, "CreatePolicy", rcp).await;
    assert_eq!(refused.refusal(), "AccessDeniedException");
    let account = json!({"AccountId": member});
    let refused = world.org(&ana, "DescribeAccount", account.clone()).await;
    assert_eq!(refused.refusal(), "AccessDeniedException");
    let tags = json!({"ResourceId": member, "Tags": [{"Key": "team", "Value": "red"}]});
    world.boss("TagResource", tags).await;
    world
        .org(&ana, "DescribeAccount", account.clone())
        .await
        .json();
    let listed = world
        .boss("ListTagsForResource", json!({"ResourceId": member}))
        .await;
    assert_eq!(listed["Tags"], json!([{"Key": "team", "Value": "red"}]));
    let untag = json!({"ResourceId": member, "TagKeys": ["team"]});
    world.boss("UntagResource", untag).await;
    let refused = world.org(&ana, "DescribeAccount", account).await;
    assert_eq!(refused.refusal(), "AccessDeniedException");
    let nothing = json!({"ResourceId": "p-nosuchpolicy", "Tags": []});
    let nothing = world.org(&world.boss, "TagResource", nothing).await;
    assert_eq!(nothing.refusal(), "TargetNotFoundException");
    assert!(root.starts_with("r-"));
}

#[tokio::test]
async fn one_who_holds_nothing_is_denied_every_operation() {
    let world = world().await;
    let Organized { root, member } = world.organize().await;
    let ana = world.user("ana", None).await;
    let input = json!({
        "Email": "x@example.com", "AccountName": "x", "CreateAccountRequestId": "car-x",
        "AccountId": member, "ParentId": root, "Name": "x", "OrganizationalUnitId": "ou-x-y",
        "ChildId": member, "ChildType": "ACCOUNT", "SourceParentId": root,
        "DestinationParentId": root, "RootId": root, "PolicyType": SCP, "Content": "{}",
        "Description": "", "Type": SCP, "PolicyId": "p-FullAWSAccess", "TargetId": member,
        "Filter": SCP, "ResourceId": member, "Tags": [], "TagKeys": [],
        "Target": {"Id": OTHER, "Type": "ACCOUNT"}, "HandshakeId": "h-x",
    });
    let service = organizations::service(&world.identity);
    for operation in service.operations() {
        let reply = world.org(&ana, operation, input.clone()).await;
        assert_eq!(reply.refusal(), "AccessDeniedException", "{operation}");
    }
}
