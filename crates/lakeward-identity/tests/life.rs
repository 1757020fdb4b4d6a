//! Principals, keys and sessions through the dispatcher, as a client would use them.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use bytes::Bytes;
use http::{Request, StatusCode};
use lakeward_client::{Credentials, Signer};
use lakeward_identity::{AuditTrail, Front, Identity, iam, schema, sts_service};
use lakeward_store::{Schema, Store};

const ACCOUNT: &str = "111122223333";

struct World {
    front: Front,
    root: Credentials,
    _dir: tempfile::TempDir,
    audit: std::path::PathBuf,
}

struct Reply {
    status: StatusCode,
    body: String,
}

impl Reply {
    fn text(&self, element: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{element}>"))?;
        Some(rest.split_once(&format!("</{element}>"))?.0)
    }

    fn code(&self) -> &str {
        self.text("Code").unwrap_or_default()
    }

    fn credentials(&self) -> Credentials {
        Credentials::temporary(
            self.text("AccessKeyId").unwrap(),
            self.text("SecretAccessKey").unwrap(),
            self.text("SessionToken").unwrap(),
        )
    }
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state.db"), schema(Schema::new()))
        .await
        .unwrap();
    let audit = AuditTrail::open(dir.path()).unwrap();
    let identity = Identity::open(store, audit, "us-east-1").await.unwrap();
    let key = identity.ensure_account(ACCOUNT).await.unwrap();
    let services = [iam::service(&identity), sts_service(&identity)];
    World {
        front: Front::new(&identity, services),
        root: Credentials::permanent(&key.id, key.secret.expose()),
        audit: dir.path().join("audit.jsonl"),
        _dir: dir,
    }
}

impl World {
    async fn query(&self, who: &Credentials, service: &str, parameters: &[(&str, &str)]) -> Reply {
        let version = if service == "iam" {
            "2010-05-08"
        } else {
            "2011-06-15"
        };
        let body = lakeward_client::form(parameters.iter().copied().chain([("Version", version)]));
        let request = Request::post(format!("https://{service}.us-east-1.amazonaws.com/"))
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(Bytes::from(body))
            .unwrap();
        let signed = Signer::new(who, "us-east-1", service)
            .sign(request)
            .unwrap();
        self.send(signed).await
    }

    async fn send(&self, request: Request<Bytes>) -> Reply {
        let response = self
            .front
            .serve(request, IpAddr::V4(Ipv4Addr::LOCALHOST))
            .await;
        Reply {
            status: response.status(),
            body: String::from_utf8(response.body().to_vec()).unwrap(),
        }
    }

    async fn user(&self, name: &str) -> Credentials {
        self.query(
            &self.root,
            "iam",
            &[("Action", "CreateUser"), ("UserName", name)],
        )
        .await;
        let key = self
            .query(
                &self.root,
                "iam",
                &[("Action", "CreateAccessKey"), ("UserName", name)],
            )
            .await;
        Credentials::permanent(
            key.text("AccessKeyId").unwrap(),
            key.text("SecretAccessKey").unwrap(),
        )
    }

    async fn role(&self, name: &str, trust: &str) -> Reply {
        let parameters = [
            ("Action", "CreateRole"),
            ("RoleName", name),
            ("AssumeRolePolicyDocument", trust),
        ];
        self.query(&self.root, "iam", &parameters).await
    }

    async fn allow_user(&self, name: &str, statement: &str) {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let parameters = [
            ("Action", "PutUserPolicy"),
            ("UserName", name),
            ("PolicyName", "p"),
            ("PolicyDocument", &*document),
        ];
        assert_eq!(self.query(&self.root, "iam", &parameters).await.status, 200);
    }

    async fn assume(&self, who: &Credentials, role: &str, more: &[(&str, &str)]) -> Reply {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        let mut parameters = vec![
            ("Action", "AssumeRole"),
            ("RoleArn", &*arn),
            ("RoleSessionName", "here"),
        ];
        parameters.extend(more);
        self.query(who, "sts", &parameters).await
    }

    fn audit(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(&self.audit).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn trust(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":["sts:AssumeRole","sts:TagSession"]}}]}}"#
    )
}

fn ana() -> String {
    trust(&format!(r#"{{"AWS":"arn:aws:iam::{ACCOUNT}:user/ana"}}"#))
}

#[tokio::test]
async fn a_user_signs_and_is_who_it_is() {
    let world = world().await;
    let ana = world.user("ana").await;
    let me = world
        .query(&ana, "sts", &[("Action", "GetCallerIdentity")])
        .await;
    assert_eq!(
        me.text("Arn").unwrap(),
        format!("arn:aws:iam::{ACCOUNT}:user/ana")
    );
    assert_eq!(me.text("Account").unwrap(), ACCOUNT);
}

#[tokio::test]
async fn each_way_a_signature_can_be_wrong_has_its_error() {
    let world = world().await;
    let key = world.root.access_key_id().to_owned();
    let me = [("Action", "GetCallerIdentity")];
    let wrong = world
        .query(&Credentials::permanent(&key, "wrong"), "sts", &me)
        .await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code()),
        (403, "SignatureDoesNotMatch")
    );
    let unknown = world
        .query(&Credentials::permanent("AKIANOBODY", "x"), "sts", &me)
        .await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.code()),
        (403, "InvalidClientTokenId")
    );
    let unsigned = Request::post("https://sts.us-east-1.amazonaws.com/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from_static(b"Action=GetCallerIdentity"))
        .unwrap();
    let unsigned = world.send(unsigned).await;
    assert_eq!(
        (unsigned.status.as_u16(), unsigned.code()),
        (403, "MissingAuthenticationToken")
    );
}

#[tokio::test]
async fn a_principal_that_holds_nothing_is_denied_everything_and_audited() {
    let world = world().await;
    let ana = world.user("ana").await;
    let operations: Vec<_> = world
        .front
        .services()
        .flat_map(|service| {
            let name = service.signing_name();
            service
                .operations()
                .map(move |operation| (name, operation))
                .collect::<Vec<_>>()
        })
        .collect();
    for (service, operation) in operations {
        if operation == "GetCallerIdentity" {
            continue;
        }
        let holder = if operation.contains("User") || operation.contains("Key") {
            "UserName"
        } else {
            "RoleName"
        };
        let parameters = [
            ("Action", operation),
            (holder, "other"),
            ("PolicyName", "p"),
            (
                "PolicyDocument",
                r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#,
            ),
            ("AssumeRolePolicyDocument", "{}"),
            ("InstanceProfileName", "i"),
            ("AccessKeyId", "AKIA"),
            ("Status", "Active"),
            ("RoleArn", "arn:aws:iam::111122223333:role/r"),
            ("RoleSessionName", "here"),
        ];
        let reply = world.query(&ana, service, &parameters).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (403, "AccessDenied"),
            "{service} {operation}: {}",
            reply.body
        );
        let record = world.audit().pop().unwrap();
        assert_eq!(record["eventName"], operation);
        assert_eq!(record["errorCode"], "AccessDenied");
        assert_eq!(
            record["userIdentity"]["arn"],
            format!("arn:aws:iam::{ACCOUNT}:user/ana")
        );
    }
}

#[tokio::test]
async fn assuming_needs_the_trust_policy_to_name_the_caller() {
    let world = world().await;
    let (ana, bo) = (world.user("ana").await, world.user("bo").await);
    assert_eq!(world.role("reader", &self::ana()).await.status, 200);
    let session = world.assume(&ana, "reader", &[]).await;
    assert_eq!(session.status, 200, "{}", session.body);
    let me = world
        .query(
            &session.credentials(),
            "sts",
            &[("Action", "GetCallerIdentity")],
        )
        .await;
    assert_eq!(
        me.text("Arn").unwrap(),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/reader/here")
    );

    let hidden = world.assume(&bo, "reader", &[]).await;
    let missing = world.assume(&bo, "nobody", &[]).await;
    assert_eq!(
        (hidden.status.as_u16(), hidden.code()),
        (403, "AccessDenied")
    );
    let text = |reply: &Reply| reply.text("Message").unwrap().replace("nobody", "reader");
    assert_eq!(
        text(&hidden),
        text(&missing),
        "a hidden role and a missing role look alike"
    );
}

#[tokio::test]
async fn a_session_policy_narrows_and_a_deleted_role_ends_its_sessions() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.role("admin", &self::ana()).await;
    let everything =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", "admin"),
        ("PolicyName", "p"),
        ("PolicyDocument", everything),
    ];
    world.query(&world.root, "iam", &put).await;

    let list = [("Action", "ListRoles")];
    let whole = world.assume(&ana, "admin", &[]).await.credentials();
    assert_eq!(world.query(&whole, "iam", &list).await.status, 200);
    let narrow =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let narrowed = world
        .assume(&ana, "admin", &[("Policy", narrow)])
        .await
        .credentials();
    assert_eq!(
        world.query(&narrowed, "iam", &list).await.code(),
        "AccessDenied"
    );

    let root = &world.root;
    world
        .query(
            root,
            "iam",
            &[
                ("Action", "DeleteRolePolicy"),
                ("RoleName", "admin"),
                ("PolicyName", "p"),
            ],
        )
        .await;
    assert_eq!(
        world.query(&whole, "iam", &list).await.code(),
        "AccessDenied",
        "revocation is felt at once"
    );
    world
        .query(
            root,
            "iam",
            &[("Action", "DeleteRole"), ("RoleName", "admin")],
        )
        .await;
    world.role("admin", &self::ana()).await;
    let gone = world
        .query(&whole, "sts", &[("Action", "GetCallerIdentity")])
        .await;
    assert_eq!(
        gone.code(),
        "InvalidClientTokenId",
        "a role of the same name is another role"
    );
}

#[tokio::test]
async fn tokens_of_other_keys_and_altered_tokens_are_refused() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.role("reader", &self::ana()).await;
    let first = world.assume(&ana, "reader", &[]).await;
    let second = world.assume(&ana, "reader", &[]).await;
    let mixed = Credentials::temporary(
        first.text("AccessKeyId").unwrap(),
        first.text("SecretAccessKey").unwrap(),
        second.text("SessionToken").unwrap(),
    );
    let me = [("Action", "GetCallerIdentity")];
    assert_eq!(
        world.query(&mixed, "sts", &me).await.code(),
        "InvalidClientTokenId"
    );
    let bare = Credentials::permanent(
        first.text("AccessKeyId").unwrap(),
        first.text("SecretAccessKey").unwrap(),
    );
    assert_eq!(
        world.query(&bare, "sts", &me).await.code(),
        "InvalidClientTokenId"
    );
}

#[tokio::test]
async fn source_identity_and_tags_need_their_own_permissions() {
    let world = world().await;
    let ana = world.user("ana").await;
    world.role("reader", &self::ana()).await;
    let tags = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")];
    assert_eq!(world.assume(&ana, "reader", &tags).await.status, 200);
    let refused = world
        .assume(&ana, "reader", &[("SourceIdentity", "ana")])
        .await;
    assert!(
        refused.body.contains("sts:SetSourceIdentity"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn a_chain_keeps_its_source_identity_and_is_an_hour_at_most() {
    let world = world().await;
    let ana = world.user("ana").await;
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:*"}]}"#;
    world.role("one", open).await;
    world.role("two", open).await;
    let may = r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#;
    world.allow_user("ana", may).await;
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{may}]}}"#);
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", "one"),
        ("PolicyName", "p"),
        ("PolicyDocument", &*document),
    ];
    world.query(&world.root, "iam", &put).await;

    let one = world
        .assume(&ana, "one", &[("SourceIdentity", "ana")])
        .await
        .credentials();
    let two = world.assume(&one, "two", &[]).await;
    assert_eq!(two.text("SourceIdentity"), Some("ana"));
    assert_eq!(
        world
            .assume(&one, "two", &[("SourceIdentity", "bo")])
            .await
            .code(),
        "AccessDenied"
    );
    assert_eq!(
        world
            .assume(&one, "two", &[("DurationSeconds", "3601")])
            .await
            .code(),
        "ValidationError"
    );
}

#[tokio::test]
async fn malformed_trust_is_refused_with_awss_text() {
    let world = world().await;
    let reply = world
        .role(
            "broken",
            r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}"#,
        )
        .await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (400, "MalformedPolicyDocument")
    );
    assert!(
        reply.body.contains("This policy contains invalid Json"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn unknown_operations_and_services_are_named() {
    let world = world().await;
    let reply = world
        .query(&world.root, "iam", &[("Action", "CreateGroup")])
        .await;
    assert_eq!(reply.code(), "InvalidAction");
    assert!(reply.body.contains("CreateGroup"));
    let reply = world
        .query(&world.root, "ec2", &[("Action", "RunInstances")])
        .await;
    assert!(
        reply.body.contains("UnknownService") && reply.body.contains("ec2"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn a_handler_that_never_asks_is_not_answered() {
    let world = world().await;
    let identity_dir = tempfile::tempdir().unwrap();
    let store = Store::open(&identity_dir.path().join("s.db"), schema(Schema::new()))
        .await
        .unwrap();
    let identity = Identity::open(
        store,
        AuditTrail::open(identity_dir.path()).unwrap(),
        "us-east-1",
    )
    .await
    .unwrap();
    let key = identity.ensure_account(ACCOUNT).await.unwrap();
    let forgetful = lakeward_identity::Service::new(
        "iam",
        lakeward_wire::Protocol::Query {
            version: "1",
            namespace: "n",
        },
    )
    .operation(
        "Leak",
        &Arc::new(()),
        |_: Arc<()>, _call, _: serde_json::Value| async { Ok("secret") },
    );
    let world = World {
        front: Front::new(&identity, [forgetful]),
        root: Credentials::permanent(&key.id, key.secret.expose()),
        ..world
    };
    let reply = world.query(&world.root, "iam", &[("Action", "Leak")]).await;
    assert_eq!(reply.status, 500);
    assert!(!reply.body.contains("secret"));
}

#[tokio::test]
async fn a_transitive_tag_is_not_overridden_in_another_case() {
    let world = world().await;
    let ana = world.user("ana").await;
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:*"}]}"#;
    world.role("one", open).await;
    // Only the department's own people may be here.
    let hr = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:*","Condition":{"StringEquals":{"aws:RequestTag/department":"hr"}}}]}"#;
    world.role("two", hr).await;
    let may = r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#;
    world.allow_user("ana", may).await;
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{may}]}}"#);
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", "one"),
        ("PolicyName", "p"),
        ("PolicyDocument", &*document),
    ];
    world.query(&world.root, "iam", &put).await;
    let tagged = [
        ("Tags.member.1.Key", "Department"),
        ("Tags.member.1.Value", "sales"),
        ("TransitiveTagKeys.member.1", "Department"),
    ];
    let one = world.assume(&ana, "one", &tagged).await.credentials();
    for key in ["Department", "department"] {
        let other = [("Tags.member.1.Key", key), ("Tags.member.1.Value", "hr")];
        let answer = world.assume(&one, "two", &other).await;
        assert_ne!(answer.status, 200, "{key}");
    }
}

#[tokio::test]
async fn a_denial_by_the_tags_of_a_role_holds() {
    let world = world().await;
    let ana = world.user("ana").await;
    let make = [
        ("Action", "CreateRole"),
        ("RoleName", "prod"),
        (
            "AssumeRolePolicyDocument",
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}"#,
        ),
        ("Tags.member.1.Key", "env"),
        ("Tags.member.1.Value", "prod"),
    ];
    assert_eq!(world.query(&world.root, "iam", &make).await.status, 200);
    let statements = r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"},{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}"#;
    world.allow_user("ana", statements).await;
    assert_eq!(world.assume(&ana, "prod", &[]).await.code(), "AccessDenied");
}

#[tokio::test]
async fn tags_have_no_case() {
    let world = world().await;
    let trusts = ana();
    let ana = world.user("ana").await;
    world
        .allow_user(
            "ana",
            r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#,
        )
        .await;
    world.role("one", &trusts).await;
    let twice = [
        ("Tags.member.1.Key", "Team"),
        ("Tags.member.1.Value", "a"),
        ("Tags.member.2.Key", "team"),
        ("Tags.member.2.Value", "b"),
    ];
    let answer = world.assume(&ana, "one", &twice).await;
    assert_eq!(answer.code(), "InvalidParameterValue");
    let make = [("Action", "CreateUser"), ("UserName", "twice")];
    let make: Vec<_> = make.into_iter().chain(twice).collect();
    let answer = world.query(&world.root, "iam", &make).await;
    assert_eq!(answer.code(), "InvalidInput");
    let unknown = [("TransitiveTagKeys.member.1", "Team")];
    let answer = world.assume(&ana, "one", &unknown).await;
    assert_eq!(answer.code(), "InvalidParameterValue");
}

#[tokio::test]
async fn a_session_tag_wins_over_the_roles_own_in_any_case() {
    let world = world().await;
    let trusts = ana();
    let ana = world.user("ana").await;

    let make = [
        ("Action", "CreateRole"),
        ("RoleName", "one"),
        ("AssumeRolePolicyDocument", &*trusts),
        ("Tags.member.1.Key", "department"),
        ("Tags.member.1.Value", "hr"),
    ];
    assert_eq!(world.query(&world.root, "iam", &make).await.status, 200);
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/department":"sales"}}}]}"#;
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", "one"),
        ("PolicyName", "p"),
        ("PolicyDocument", document),
    ];
    assert_eq!(world.query(&world.root, "iam", &put).await.status, 200);
    let tagged = [
        ("Tags.member.1.Key", "Department"),
        ("Tags.member.1.Value", "sales"),
    ];
    let list = [("Action", "ListUsers")];
    let one = world.assume(&ana, "one", &tagged).await.credentials();
    assert_eq!(world.query(&one, "iam", &list).await.status, 200);
    let plain = world.assume(&ana, "one", &[]).await.credentials();
    assert_eq!(
        world.query(&plain, "iam", &list).await.code(),
        "AccessDenied"
    );
}

#[tokio::test]
async fn iam_asks_about_the_tags_of_what_it_changes_and_makes() {
    let world = world().await;
    let trusts = ana();
    let ana = world.user("ana").await;
    let make = [
        ("Action", "CreateRole"),
        ("RoleName", "prod"),
        ("AssumeRolePolicyDocument", &*trusts),
        ("Tags.member.1.Key", "env"),
        ("Tags.member.1.Value", "prod"),
    ];
    assert_eq!(world.query(&world.root, "iam", &make).await.status, 200);
    world.role("test", &trusts).await;
    let statements = r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"},
        {"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/Env":"prod"}}},
        {"Effect":"Deny","Action":"iam:Create*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/env":"prod"}}},
        {"Effect":"Deny","Action":"iam:Create*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"secret"}}}"#;
    world.allow_user("ana", statements).await;
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    for (role, status) in [("prod", 403), ("test", 200)] {
        let put = [
            ("Action", "PutRolePolicy"),
            ("RoleName", role),
            ("PolicyName", "p"),
            ("PolicyDocument", document),
        ];
        assert_eq!(
            world.query(&ana, "iam", &put).await.status,
            status,
            "{role}"
        );
        let get = [("Action", "GetRole"), ("RoleName", role)];
        assert_eq!(
            world.query(&ana, "iam", &get).await.status,
            status,
            "{role}"
        );
    }
    let profile = [
        ("Action", "CreateInstanceProfile"),
        ("InstanceProfileName", "machines"),
    ];
    assert_eq!(world.query(&ana, "iam", &profile).await.status, 200);
    for (role, status) in [("prod", 403), ("test", 200)] {
        let add = [
            ("Action", "AddRoleToInstanceProfile"),
            ("InstanceProfileName", "machines"),
            ("RoleName", role),
        ];
        assert_eq!(
            world.query(&ana, "iam", &add).await.status,
            status,
            "{role}"
        );
    }
    for (key, value, status) in [
        ("env", "prod", 403),
        ("secret", "x", 403),
        ("env", "test", 200),
    ] {
        let make = [
            ("Action", "CreateUser"),
            ("UserName", "new"),
            ("Tags.member.1.Key", key),
            ("Tags.member.1.Value", value),
        ];
        assert_eq!(
            world.query(&ana, "iam", &make).await.status,
            status,
            "{key}"
        );
    }
}

#[tokio::test]
async fn what_a_stranger_sends_is_not_kept() {
    let world = world().await;
    let long = "x".repeat(300_000);
    let stranger = Credentials::permanent("AKIANOBODY", "x");
    let make = [("Action", "CreateUser"), ("UserName", &*long)];
    world.query(&stranger, "iam", &make).await;
    let record = world.audit().pop().unwrap();
    assert_eq!(record["eventName"], "CreateUser");
    assert!(record["requestParameters"].is_null());
    assert!(record.to_string().len() < 2000);
    world.query(&world.root, "iam", &make).await;
    let record = world.audit().pop().unwrap();
    assert_eq!(record["eventName"], "CreateUser");
    assert_eq!(record["requestParameters"]["omitted"], true);
    assert!(record.to_string().len() < 4000);
}

#[tokio::test]
async fn a_malformed_body_is_recorded_under_its_operation() {
    let world = world().await;
    let body = "UserName=%ff&Action=CreateUser&Version=2010-05-08";
    let request = Request::post("https://iam.us-east-1.amazonaws.com/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .unwrap();
    let signed = Signer::new(&world.root, "us-east-1", "iam")
        .sign(request)
        .unwrap();
    assert_eq!(world.send(signed).await.code(), "MalformedQueryString");
    assert_eq!(world.audit().pop().unwrap()["eventName"], "CreateUser");
}
