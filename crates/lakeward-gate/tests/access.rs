//! Who gets in, and what is refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use lakeward_client::{Credentials, Signer};
use serde_json::json;
use world::{ACCOUNT, signed, world};

#[tokio::test]
async fn signatures_are_verified() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    let plain = Request::get("https://s3.us-east-1.amazonaws.com/lake/k")
        .body(Bytes::new())
        .unwrap();
    assert_eq!(world.send(plain).await.expect(403).code(), "AccessDenied");
    let wrong = Credentials::permanent(root.access_key_id(), "wrong");
    let answer = world.get(&wrong, "/lake", &[]).await.expect(403);
    assert_eq!(answer.code(), "SignatureDoesNotMatch");
    assert!(
        answer
            .one("Message")
            .starts_with("The request signature we calculated")
    );
    assert!(!answer.one("RequestId").is_empty());
    let unknown = Credentials::permanent("AKIANOBODYNOBODYNOBO", "x");
    assert_eq!(
        world.get(&unknown, "/lake", &[]).await.expect(403).code(),
        "InvalidAccessKeyId"
    );
    let token = Credentials::temporary(root.access_key_id(), root.secret_access_key(), "nonsense");
    assert_eq!(
        world.get(&token, "/lake", &[]).await.expect(400).code(),
        "InvalidToken"
    );
    let mut altered = signed(
        root,
        Method::PUT,
        "/lake/k",
        &[],
        Bytes::from_static(b"good"),
    );
    *altered.body_mut() = Bytes::from_static(b"evil");
    assert_eq!(
        world.send(altered).await.expect(400).code(),
        "XAmzContentSHA256Mismatch"
    );
    let mut altered = signed(
        root,
        Method::POST,
        "/lake?delete",
        &[],
        Bytes::from_static(b"<Delete></Delete>"),
    );
    *altered.body_mut() = Bytes::from_static(b"<Delete></delete>");
    assert_eq!(
        world.send(altered).await.expect(400).code(),
        "XAmzContentSHA256Mismatch"
    );
    let mut old = signed(root, Method::GET, "/lake", &[], Bytes::new());
    let long_ago = HeaderValue::from_static("20200101T000000Z");
    old.headers_mut().insert("x-amz-date", long_ago);
    assert_eq!(world.send(old).await.status, 403);
    let mut added = signed(root, Method::PUT, "/lake/k", &[], Bytes::new());
    added.headers_mut().insert(
        "x-amz-copy-source",
        HeaderValue::from_static("/lake/secret"),
    );
    assert_eq!(world.send(added).await.expect(403).code(), "AccessDenied");
    world.get(root, "/lake/k", &[]).await.expect(404);
    assert_eq!(world::blobs(world.folder.path()), 0);
}

/// A URL that anyone may use for a minute.
fn presigned(who: &Credentials, path: &str) -> String {
    use aws_sigv4::{
        http_request::{
            PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
            UriPathNormalizationMode, sign,
        },
        sign::v4,
    };
    let identity = aws_credential_types::Credentials::new(
        who.access_key_id(),
        who.secret_access_key(),
        who.session_token().map(str::to_owned),
        None,
        "test",
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.expires_in = Some(std::time::Duration::from_secs(60));
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(world::REGION)
        .name("s3")
        .time(std::time::SystemTime::now())
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = format!("https://s3.us-east-1.amazonaws.com{path}");
    let host = [("host", "s3.us-east-1.amazonaws.com")];
    let body = SignableBody::UnsignedPayload;
    let signable = SignableRequest::new("GET", &uri, host.into_iter(), body).unwrap();
    let mut request = Request::get(&uri).body(()).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request.uri().to_string()
}

#[tokio::test]
async fn presigned_urls_read_what_their_maker_may() {
    let world = world().await;
    world.put(&world.root, "/lake", "").await.expect(200);
    world.put(&world.root, "/lake/k", "x").await.expect(200);
    let allow = json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]);
    let role = world.role("maker", allow).await;
    let ask = |url: String, headers: &[(&'static str, &'static str)]| {
        let mut request = Request::get(url).header("host", "s3.us-east-1.amazonaws.com");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        world.send(request.body(Bytes::new()).unwrap())
    };
    let url = presigned(&role, "/lake/k");
    assert_eq!(ask(url.clone(), &[]).await.expect(200).body, "x");
    assert_eq!(
        ask(url.clone(), &[("range", "bytes=0-0")])
            .await
            .expect(206)
            .body,
        "x"
    );
    assert_eq!(
        ask(url.replace("/lake/k", "/lake/j"), &[]).await.code(),
        "SignatureDoesNotMatch"
    );
    assert_eq!(
        ask(url.replace("Expires=60", "Expires=61"), &[])
            .await
            .code(),
        "SignatureDoesNotMatch"
    );
    let added = ask(url, &[("x-amz-expected-bucket-owner", ACCOUNT)]).await;
    assert_eq!(added.code(), "AccessDenied");
}

#[tokio::test]
async fn what_is_not_built_says_so_by_name() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    let acl = world.get(root, "/lake?acl", &[]).await.expect(501);
    assert_eq!(acl.code(), "NotImplemented");
    assert!(
        acl.one("Message").contains("GetBucketAcl"),
        "{}",
        acl.text()
    );
    let put = [("x-amz-tagging", "a=b")];
    let tagged = world
        .s3(root, Method::PUT, "/lake/k", &put, "x")
        .await
        .expect(501);
    assert!(tagged.one("Message").contains("tagging"));
    let public = [("x-amz-acl", "public-read")];
    let acl = world
        .s3(root, Method::PUT, "/lake/k", &public, "x")
        .await
        .expect(400);
    assert_eq!(acl.code(), "AccessControlListNotSupported");
    let form = [("content-type", "multipart/form-data; boundary=x")];
    world
        .s3(root, Method::POST, "/lake", &form, "--x--")
        .await
        .expect(501);
}

#[tokio::test]
async fn policies_decide_per_action_and_key() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    world.put(root, "/lake/open/k", "x").await.expect(200);
    world.put(root, "/lake/shut/k", "x").await.expect(200);
    let reader = world
        .role("reader", json!([
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::lake/open/*"},
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lake",
             "Condition": {"StringLike": {"s3:prefix": "open/*"}}}]))
        .await;
    world.get(&reader, "/lake/open/k", &[]).await.expect(200);
    world.put(&reader, "/lake/open/new", "y").await.expect(200);
    world
        .get(&reader, "/lake?list-type=2&prefix=open/", &[])
        .await
        .expect(200);
    world.get(&reader, "/lake/open/none", &[]).await.expect(404);
    let denied = world.get(&reader, "/lake/shut/k", &[]).await.expect(403);
    let missing = world.get(&reader, "/lake/shut/j", &[]).await.expect(403);
    assert_eq!(denied.code(), "AccessDenied");
    assert_eq!(
        denied.one("Message").replace("shut/k", ""),
        missing.one("Message").replace("shut/j", "")
    );
    for path in [
        "/lake?list-type=2",
        "/lake?list-type=2&prefix=shut/",
        "/other/k",
        "/lake?policy",
        "/",
        "/lake?uploads",
    ] {
        assert_eq!(
            world.get(&reader, path, &[]).await.expect(403).code(),
            "AccessDenied",
            "{path}"
        );
    }
    world.put(&reader, "/lake/shut/k", "z").await.expect(403);
    world.delete(&reader, "/lake/open/k").await.expect(403);
    world.put(&reader, "/mine", "").await.expect(403);
    let body = "<Delete><Object><Key>open/k</Key></Object></Delete>";
    let some = world
        .s3(&reader, Method::POST, "/lake?delete", &[], body)
        .await
        .expect(200);
    assert_eq!(some.code(), "AccessDenied");
    let copy = [("x-amz-copy-source", "/lake/shut/k")];
    world
        .s3(&reader, Method::PUT, "/lake/open/copy", &copy, "")
        .await
        .expect(403);
    let owner = [("x-amz-expected-bucket-owner", "999999999999")];
    world.get(&reader, "/lake/open/k", &owner).await.expect(403);
    let head = world.head(&reader, "/lake").await.expect(403);
    assert_eq!(head.header("x-amz-bucket-region"), "us-east-1");
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn bucket_policies_allow_and_deny() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    world.put(root, "/lake/a/k", "x").await.expect(200);
    world.put(root, "/lake/b/k", "x").await.expect(200);
    let role = world
        .role("guest", json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/b/*"}]))
        .await;
    world.get(&role, "/lake/a/k", &[]).await.expect(403);
    world.get(&role, "/lake/b/k", &[]).await.expect(200);
    assert_eq!(
        world
            .get(root, "/lake?policy", &[])
            .await
            .expect(404)
            .code(),
        "NoSuchBucketPolicy"
    );
    let principal = json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:role/guest")});
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/a/*"},
        {"Effect": "Deny", "Principal": principal, "Action": "s3:*", "Resource": "arn:aws:s3:::lake/b/*"}]})
    .to_string();
    world
        .put(root, "/lake?policy", policy.clone())
        .await
        .expect(204);
    assert_eq!(
        world
            .get(root, "/lake?policy", &[])
            .await
            .expect(200)
            .text(),
        policy
    );
    world.get(&role, "/lake/a/k", &[]).await.expect(200);
    world.get(&role, "/lake/b/k", &[]).await.expect(403);
    let bad = world.put(root, "/lake?policy", "{}").await.expect(400);
    assert_eq!(bad.code(), "MalformedPolicy");
    world.delete(root, "/lake?policy").await.expect(204);
    world.get(&role, "/lake/a/k", &[]).await.expect(403);
}

#[tokio::test]
async fn a_bucket_policy_is_for_whom_it_named_and_no_successor() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    world.put(root, "/lake/k", "x").await.expect(200);
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/guest");
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": arn}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"}})
    .to_string();
    let nobody = world.put(root, "/lake?policy", policy.clone()).await;
    assert_eq!(nobody.expect(400).code(), "MalformedPolicy");
    let nothing = json!([{"Effect": "Allow", "Action": "glue:GetTable", "Resource": "*"}]);
    let first = world.role("guest", nothing).await;
    world
        .put(root, "/lake?policy", policy.clone())
        .await
        .expect(204);
    world.get(&first, "/lake/k", &[]).await.expect(200);

    let role = ("RoleName", "guest");
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}})
    .to_string();
    let remove = [("Action", "DeleteRolePolicy"), role, ("PolicyName", "p")];
    world.query(root, "iam", &remove).await;
    world
        .query(root, "iam", &[("Action", "DeleteRole"), role])
        .await;
    let again = [
        ("Action", "CreateRole"),
        role,
        ("AssumeRolePolicyDocument", &*trust),
    ];
    world.query(root, "iam", &again).await;
    let key = [("Action", "CreateAccessKey"), ("UserName", "guest-user")];
    let key = world.query(root, "iam", &key).await;
    let key = Credentials::permanent(&key.one("AccessKeyId"), &key.one("SecretAccessKey"));
    let assume = [
        ("Action", "AssumeRole"),
        ("RoleArn", &*arn),
        ("RoleSessionName", "here"),
    ];
    let session = world.query(&key, "sts", &assume).await;
    let second = Credentials::temporary(
        &session.one("AccessKeyId"),
        &session.one("SecretAccessKey"),
        &session.one("SessionToken"),
    );
    world.get(&second, "/lake/k", &[]).await.expect(403);
    let shown = world
        .get(root, "/lake?policy", &[])
        .await
        .expect(200)
        .text();
    assert!(shown.contains("\"AROA") && !shown.contains(&arn), "{shown}");
    world.put(root, "/lake?policy", policy).await.expect(204);
    world.get(&second, "/lake/k", &[]).await.expect(200);
}

#[tokio::test]
async fn every_request_leaves_a_record() {
    let world = world().await;
    world.put(&world.root, "/lake", "").await.expect(200);
    world.put(&world.root, "/lake/k", "x").await.expect(200);
    let role = world.role("nobody", json!([world::data_access()])).await;
    world.get(&role, "/lake/k", &[]).await.expect(403);
    let text = std::fs::read_to_string(world.folder.path().join("audit.jsonl")).unwrap();
    let records: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_s3: Vec<_> = records
        .iter()
        .filter(|record| record["eventSource"] == "s3.amazonaws.com")
        .collect();
    let names: Vec<_> = of_s3
        .iter()
        .map(|record| record["eventName"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["CreateBucket", "PutObject", "GetObject"]);
    assert_eq!(of_s3[2]["errorCode"], "AccessDenied");
    assert_eq!(of_s3[2]["requestParameters"]["key"], "k");
}

#[tokio::test]
async fn a_signature_for_another_region_is_refused() {
    let world = world().await;
    world.put(&world.root, "/lake", "").await.expect(200);
    let request = Request::get("https://s3.us-east-1.amazonaws.com/lake")
        .body(Bytes::new())
        .unwrap();
    let elsewhere = Signer::new(&world.root, "eu-west-1", "s3");
    let answer = world.send(elsewhere.sign(request).unwrap()).await;
    let answer = answer.expect(400);
    assert_eq!(answer.code(), "AuthorizationHeaderMalformed");
    let message = answer.one("Message");
    assert!(message.contains("the region"), "{message}");
    assert!(
        message.ends_with("is wrong; expecting &apos;us-east-1&apos;"),
        "{message}"
    );
    assert_eq!(answer.header("x-amz-bucket-region"), "us-east-1");
}

#[tokio::test]
async fn nobody_finds_out_whose_a_bucket_is() {
    let world = world().await;
    world.put(&world.root, "/lake", "").await.expect(200);
    world.put(&world.root, "/lake/k", "x").await.expect(200);
    let neighbour = world.neighbour().await;
    let owners = [ACCOUNT, "999999999999"];
    for (method, path) in [
        (Method::GET, "/lake/k"),
        (Method::GET, "/lake?list-type=2"),
        (Method::PUT, "/lake/k"),
        (Method::DELETE, "/lake/k"),
        (Method::GET, "/lake?location"),
    ] {
        let ask = |who, owner| {
            let headers = [("x-amz-expected-bucket-owner", owner)];
            let request = signed(who, method.clone(), path, &headers, Bytes::new());
            world.send(request)
        };
        let told = [
            ask(&neighbour.root, owners[0]).await.expect(403),
            ask(&neighbour.root, owners[1]).await.expect(403),
        ];
        assert_eq!(told[0].one("Message"), told[1].one("Message"), "{path}");
        ask(&world.root, owners[1]).await.expect(403);
    }
    let right = [("x-amz-expected-bucket-owner", ACCOUNT)];
    let kept = world.get(&world.root, "/lake/k", &right).await.expect(200);
    assert_eq!(kept.body, "x");
}

#[tokio::test]
async fn policies_see_how_a_request_was_signed() {
    let world = world().await;
    world.put(&world.root, "/lake", "").await.expect(200);
    world.put(&world.root, "/lake/k", "x").await.expect(200);
    let allow = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"});
    for (name, condition, header, query) in [
        (
            "kind",
            json!({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}),
            200,
            403,
        ),
        (
            "age",
            json!({"NumericGreaterThanEquals": {"s3:signatureAge": "0"}}),
            403,
            403,
        ),
        (
            "young",
            json!({"NumericGreaterThan": {"s3:signatureAge": "600000"}}),
            200,
            200,
        ),
        (
            "unsigned",
            json!({"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}),
            200,
            403,
        ),
    ] {
        let deny =
            json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": condition});
        let role = world.role(name, json!([allow, deny])).await;
        world.get(&role, "/lake/k", &[]).await.expect(header);
        let url = Request::get(presigned(&role, "/lake/k"))
            .header("host", "s3.us-east-1.amazonaws.com")
            .body(Bytes::new())
            .unwrap();
        world.send(url).await.expect(query);
    }
}

#[tokio::test]
async fn policies_see_where_a_copy_comes_from() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    for key in ["/lake/open/a", "/lake/shut/a b"] {
        let path = key.replace(' ', "%20");
        world.put(root, &path, "x").await.expect(200);
    }
    let role = world
        .role(
            "copier",
            json!([
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*",
             "Condition": {"StringLike": {"s3:x-amz-copy-source": "lake/shut/a *"}}}]),
        )
        .await;
    for (source, status) in [
        ("/lake/open/a", 200),
        ("lake/shut/a%20b", 403),
        ("/lake/shut/a%20b", 403),
    ] {
        let copy = [("x-amz-copy-source", source)];
        world
            .s3(&role, Method::PUT, "/lake/copy", &copy, "")
            .await
            .expect(status);
    }
    let started = world
        .s3(&role, Method::POST, "/lake/big?uploads", &[], "")
        .await;
    let upload = started.expect(200).one("UploadId");
    let part = format!("/lake/big?partNumber=1&uploadId={upload}");
    for (source, status) in [("/lake/open/a", 200), ("/lake/shut/a%20b", 403)] {
        let copy = [("x-amz-copy-source", source)];
        world
            .s3(&role, Method::PUT, &part, &copy, "")
            .await
            .expect(status);
    }
}
