//! Signatures through the dispatcher: presigned URLs, scopes, rotated and expired keys.
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
    time::{Duration, SystemTime},
};

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use http::{Method, Request};
use lakeward_client::Credentials;
use lakeward_identity::{AuditTrail, Front, Identity, iam, schema, sts_service};
use lakeward_store::{Schema, Store};

const ACCOUNT: &str = "111122223333";
const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

struct World {
    front: Front,
    root: Credentials,
    _dir: tempfile::TempDir,
}

struct Reply {
    status: u16,
    body: String,
}

impl Reply {
    fn text(&self, element: &str) -> &str {
        let rest = self.body.split_once(&format!("<{element}>"));
        let rest = rest.and_then(|(_, rest)| rest.split_once(&format!("</{element}>")));
        rest.map_or("", |(text, _)| text)
    }

    /// Status and code of an error.
    fn error(&self) -> (u16, &str) {
        (self.status, self.text("Code"))
    }

    fn keys(&self) -> Credentials {
        let (id, secret) = (self.text("AccessKeyId"), self.text("SecretAccessKey"));
        match self.text("SessionToken") {
            "" => Credentials::permanent(id, secret),
            token => Credentials::temporary(id, secret, token),
        }
    }
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = Store::open(&path, schema(Schema::new())).await.unwrap();
    let audit = AuditTrail::open(dir.path()).unwrap();
    let identity = Identity::open(store, audit, "us-east-1").await.unwrap();
    let key = identity.ensure_account(ACCOUNT).await.unwrap();
    let services = [iam::service(&identity), sts_service(&identity)];
    World {
        front: Front::new(&Arc::clone(&identity), services),
        root: Credentials::permanent(&key.id, key.secret.expose()),
        _dir: dir,
    }
}

/// A request, and how it is signed.
struct Draft<'a> {
    method: Method,
    host: &'a str,
    service: &'a str,
    region: &'a str,
    query: &'a str,
    body: &'a str,
    at: SystemTime,
    presigned: bool,
}

impl<'a> Draft<'a> {
    fn get(service: &'a str, query: &'a str) -> Self {
        Self {
            method: Method::GET,
            host: "",
            service,
            region: "us-east-1",
            query,
            body: "",
            at: SystemTime::now(),
            presigned: true,
        }
    }

    fn post(service: &'a str, body: &'a str) -> Self {
        Self {
            method: Method::POST,
            body,
            presigned: false,
            ..Self::get(service, "")
        }
    }

    fn sign(&self, who: &Credentials) -> Request<Bytes> {
        let host = match self.host {
            "" => format!("{}.us-east-1.amazonaws.com", self.service),
            host => host.to_owned(),
        };
        let uri = format!("https://{host}/?{}", self.query);
        let mut settings = SigningSettings::default();
        if self.presigned {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(60));
        }
        let token = who.session_token().map(str::to_owned);
        let (id, secret) = (who.access_key_id(), who.secret_access_key());
        let identity =
            aws_credential_types::Credentials::new(id, secret, token, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.at)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&uri)
            .header("host", &host);
        if self.method == Method::POST {
            request = request.header("content-type", FORM);
        }
        let body = Bytes::copy_from_slice(self.body.as_bytes());
        let mut request = request.body(body).unwrap();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let body = SignableBody::Bytes(self.body.as_bytes());
        let signable = SignableRequest::new(self.method.as_str(), &uri, headers, body).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request
    }
}

impl World {
    async fn send(&self, request: Request<Bytes>) -> Reply {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (parts, body) = self.front.serve(request, here).await.into_parts();
        Reply {
            status: parts.status.as_u16(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn ask(&self, who: &Credentials, draft: Draft<'_>) -> Reply {
        self.send(draft.sign(who)).await
    }

    async fn iam(&self, parameters: &str) -> Reply {
        let body = format!("{parameters}&Version=2010-05-08");
        let reply = self.ask(&self.root, Draft::post("iam", &body)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply
    }

    async fn user(&self, name: &str) -> Credentials {
        self.iam(&format!("Action=CreateUser&UserName={name}"))
            .await;
        self.iam(&format!("Action=CreateAccessKey&UserName={name}"))
            .await
            .keys()
    }

    async fn session(&self) -> Credentials {
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"sts:AssumeRole"}}}}"#
        );
        let trust = lakeward_client::form([("AssumeRolePolicyDocument", &*trust)]);
        self.iam(&format!("Action=CreateRole&RoleName=r&{trust}"))
            .await;
        let maker = self.user("maker").await;
        let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}"#;
        let policy = lakeward_client::form([("PolicyDocument", policy)]);
        self.iam(&format!(
            "Action=PutUserPolicy&UserName=maker&PolicyName=p&{policy}"
        ))
        .await;
        let assume = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleSessionName=here&RoleArn=arn%3Aaws%3Aiam%3A%3A{ACCOUNT}%3Arole%2Fr"
        );
        let reply = self.ask(&maker, Draft::post("sts", &assume)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.keys()
    }
}

/// As Kubernetes' authenticators send it.
#[tokio::test]
async fn a_presigned_get_caller_identity_says_who_made_it() {
    let world = world().await;
    let ana = world.user("ana").await;
    let reply = world.ask(&ana, Draft::get("sts", WHO)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/ana");
    assert_eq!(reply.text("Arn"), arn);
    let session = world.session().await;
    let reply = world.ask(&session, Draft::get("sts", WHO)).await;
    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/r/here");
    assert_eq!(reply.text("Arn"), arn, "{}", reply.body);

    // STS takes it for a quarter of an hour though it says a minute.
    let ago = |minutes: u64| SystemTime::now() - Duration::from_secs(60 * minutes);
    let mut draft = Draft::get("sts", WHO);
    draft.at = ago(14);
    assert_eq!(world.ask(&ana, draft).await.status, 200);
    let mut draft = Draft::get("sts", WHO);
    draft.at = ago(16);
    let old = world.ask(&ana, draft).await;
    assert_eq!(old.error(), (403, "SignatureDoesNotMatch"));
    assert!(old.text("Message").starts_with("Signature expired: "));
}

#[tokio::test]
async fn a_presigned_url_is_good_for_nothing_else() {
    let world = world().await;
    let ana = world.user("ana").await;
    let url = || Draft::get("sts", WHO).sign(&ana);
    let mut posted = url();
    *posted.method_mut() = Method::POST;
    let mut with_body = url();
    *with_body.body_mut() = Bytes::from_static(b"RoleArn=x");
    let mut other_action = url();
    let uri = other_action.uri().to_string();
    *other_action.uri_mut() = uri
        .replace("GetCallerIdentity", "GetSessionToken")
        .parse()
        .unwrap();
    let mut added = url();
    *added.uri_mut() = format!("{uri}&DurationSeconds=900").parse().unwrap();
    for request in [posted, with_body, other_action, added] {
        let what = format!("{} {}", request.method(), request.uri());
        let reply = world.send(request).await;
        assert_eq!(reply.error(), (403, "SignatureDoesNotMatch"), "{what}");
    }
}

#[tokio::test]
async fn parameters_may_stand_in_query_and_body_but_once() {
    let world = world().await;
    let mut split = Draft::post("iam", "UserName=eva");
    split.query = "Action=CreateUser&Version=2010-05-08";
    let reply = world.ask(&world.root, split).await;
    assert_eq!(reply.text("UserName"), "eva", "{}", reply.body);
    let mut twice = Draft::post("iam", "Action=ListUsers&UserName=eva");
    twice.query = "Action=DeleteUser&Version=2010-05-08";
    let reply = world.ask(&world.root, twice).await;
    assert_eq!(reply.error(), (400, "MalformedQueryString"));
    let found = world.ask(
        &world.root,
        Draft::get("iam", "Action=GetUser&UserName=eva"),
    );
    assert_eq!(found.await.status, 200);
}

#[tokio::test]
async fn a_signature_for_one_service_or_region_is_none_for_another() {
    let world = world().await;
    let create = "Action=CreateUser&UserName=x&Version=2010-05-08";
    let lost = world.ask(&world.root, Draft::post("sts", create)).await;
    assert_eq!(
        lost.error(),
        (400, "InvalidAction"),
        "STS answers what is signed for STS"
    );
    let mut elsewhere = Draft::post("sts", create);
    elsewhere.host = "iam.amazonaws.com";
    let reply = world.ask(&world.root, elsewhere).await;
    assert_eq!(reply.error(), (403, "SignatureDoesNotMatch"));
    assert_eq!(
        reply.text("Message"),
        "Credential should be scoped to correct service: &apos;iam&apos;."
    );
    let mut abroad = Draft::post("sts", WHO);
    abroad.region = "eu-west-1";
    let reply = world.ask(&world.root, abroad).await;
    assert_eq!(reply.error(), (403, "SignatureDoesNotMatch"));
    assert!(reply.text("Message").contains("valid region"));
    let found = world
        .ask(&world.root, Draft::get("iam", "Action=GetUser&UserName=x"))
        .await;
    assert_eq!(found.error(), (404, "NoSuchEntity"));
}

#[tokio::test]
async fn keys_end_at_once() {
    let world = world().await;
    let ana = world.user("ana").await;
    let ask = |who: Credentials| {
        let request = Draft::post("sts", WHO).sign(&who);
        world.send(request)
    };
    assert_eq!(ask(ana.clone()).await.status, 200);
    let key = |status: &str| {
        let id = ana.access_key_id();
        format!("Action=UpdateAccessKey&UserName=ana&AccessKeyId={id}&Status={status}")
    };
    world.iam(&key("Inactive")).await;
    assert_eq!(
        ask(ana.clone()).await.error(),
        (403, "InvalidClientTokenId")
    );
    world.iam(&key("Active")).await;
    assert_eq!(ask(ana.clone()).await.status, 200);
    let second = world
        .iam("Action=CreateAccessKey&UserName=ana")
        .await
        .keys();
    let id = ana.access_key_id();
    world
        .iam(&format!(
            "Action=DeleteAccessKey&UserName=ana&AccessKeyId={id}"
        ))
        .await;
    assert_eq!(
        ask(ana.clone()).await.error(),
        (403, "InvalidClientTokenId")
    );
    assert_eq!(ask(second.clone()).await.status, 200);
    let mixed = Credentials::permanent(second.access_key_id(), ana.secret_access_key());
    assert_eq!(ask(mixed).await.error(), (403, "SignatureDoesNotMatch"));
}

#[tokio::test]
async fn a_token_is_its_keys_only() {
    let world = world().await;
    let ana = world.user("ana").await;
    let session = world.session().await;
    let (id, secret) = (session.access_key_id(), session.secret_access_key());
    let token = session.session_token().unwrap();
    let none = Credentials::permanent(id, secret);
    let altered = Credentials::temporary(id, secret, &format!("{token}x"));
    let foreign = Credentials::temporary(ana.access_key_id(), ana.secret_access_key(), token);
    for who in [none, altered, foreign] {
        let header = world.ask(&who, Draft::post("sts", WHO)).await;
        assert_eq!(header.error(), (403, "InvalidClientTokenId"));
        let url = world.ask(&who, Draft::get("sts", WHO)).await;
        assert_eq!(url.error(), (403, "InvalidClientTokenId"));
    }
}
