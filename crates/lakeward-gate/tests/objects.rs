//! Buckets and objects as their owner uses them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

use bytes::Bytes;
use http::Method;
use world::{blobs, world};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn an_object_is_written_read_and_deleted() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    let path = "/lake/a/b%20c%2Bd.txt";
    let put = world
        .s3(
            root,
            Method::PUT,
            path,
            &[
                ("content-type", "text/plain"),
                ("x-amz-meta-colour", "blue"),
            ],
            "hello",
        )
        .await
        .expect(200);
    assert_eq!(put.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    let got = world.get(root, path, &[]).await.expect(200);
    assert_eq!(got.body, "hello");
    assert_eq!(got.header("content-type"), "text/plain");
    assert_eq!(got.header("x-amz-meta-colour"), "blue");
    assert_eq!(got.header("content-length"), "5");
    let head = world.head(root, path).await.expect(200);
    for name in ["etag", "last-modified", "content-length", "content-type"] {
        assert_eq!(head.header(name), got.header(name));
    }
    let listed = world
        .get(root, "/lake?list-type=2&prefix=a/", &[])
        .await
        .expect(200);
    assert_eq!(listed.one("Key"), "a/b c+d.txt");
    assert_eq!(listed.one("Size"), "5");
    world.delete(root, "/lake").await.expect(409);
    world.delete(root, path).await.expect(204);
    world.delete(root, path).await.expect(204);
    assert_eq!(
        world.get(root, path, &[]).await.expect(404).code(),
        "NoSuchKey"
    );
    assert_eq!(blobs(world.folder.path()), 0);
    world.delete(root, "/lake").await.expect(204);
    assert_eq!(
        world.get(root, "/lake", &[]).await.expect(404).code(),
        "NoSuchBucket"
    );
}

#[tokio::test]
async fn ranges_and_conditions() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    world.put(root, "/lake/k", "0123456789").await.expect(200);
    for (range, body, content_range) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=3-", "3456789", "bytes 3-9/10"),
        ("bytes=-4", "6789", "bytes 6-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
    ] {
        let got = world
            .get(root, "/lake/k", &[("range", range)])
            .await
            .expect(206);
        assert_eq!(
            (got.body.as_ref(), got.header("content-range")),
            (body.as_bytes(), content_range)
        );
    }
    let beyond = world
        .get(root, "/lake/k", &[("range", "bytes=10-")])
        .await
        .expect(416);
    assert_eq!(beyond.code(), "InvalidRange");
    let etag = world.head(root, "/lake/k").await.header("etag").to_owned();
    let with = |name: &'static str, value: String| {
        let world = &world;
        async move { world.get(&world.root, "/lake/k", &[(name, &value)]).await }
    };
    with("if-match", etag.clone()).await.expect(200);
    with("if-match", "\"other\"".into()).await.expect(412);
    let unchanged = with("if-none-match", etag.clone()).await.expect(304);
    assert!(unchanged.body.is_empty());
    assert_eq!(unchanged.header("etag"), etag);
    let none = [("if-none-match", "*")];
    let put = world.s3(root, Method::PUT, "/lake/k", &none, "again").await;
    assert_eq!(put.expect(412).code(), "PreconditionFailed");
    world
        .s3(root, Method::PUT, "/lake/new", &none, "once")
        .await
        .expect(200);
    assert_eq!(world.get(root, "/lake/k", &[]).await.body, "0123456789");
}

#[tokio::test]
async fn a_replaced_object_leaves_no_bytes_behind() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    for version in ["one", "two", "three"] {
        world.put(root, "/lake/k", version).await.expect(200);
    }
    assert_eq!(world.get(root, "/lake/k", &[]).await.body, "three");
    assert_eq!(blobs(world.folder.path()), 1);
}

#[tokio::test]
async fn listings_page_and_group() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    for key in ["a", "b/1", "b/2", "c", "d%20e"] {
        world
            .put(root, &format!("/lake/{key}"), "x")
            .await
            .expect(200);
    }
    let all = world
        .get(root, "/lake?list-type=2&delimiter=%2F", &[])
        .await
        .expect(200);
    assert_eq!(all.all("Key"), ["a", "c", "d e"]);
    assert!(
        all.all("Prefix").contains(&"b/".to_owned()),
        "{}",
        all.text()
    );
    let first = world
        .get(root, "/lake?list-type=2&max-keys=2", &[])
        .await
        .expect(200);
    assert_eq!(first.all("Key"), ["a", "b/1"]);
    assert_eq!(first.one("IsTruncated"), "true");
    let token = first.one("NextContinuationToken");
    let second = world
        .get(
            root,
            &format!("/lake?continuation-token={token}&encoding-type=url&list-type=2"),
            &[],
        )
        .await
        .expect(200);
    assert_eq!(second.all("Key"), ["b/2", "c", "d%20e"]);
    assert_eq!(second.one("IsTruncated"), "false");
    let old = world
        .get(root, "/lake?marker=b%2F2&max-keys=1", &[])
        .await
        .expect(200);
    assert_eq!(
        (old.all("Key"), old.one("NextMarker")),
        (vec!["c".to_owned()], "c".to_owned())
    );
    let wrong = world
        .get(root, "/lake?continuation-token=%2A&list-type=2", &[])
        .await;
    assert_eq!(wrong.expect(400).code(), "InvalidArgument");
}

#[tokio::test]
async fn many_keys_are_deleted_at_once() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    for key in ["a", "b", "c"] {
        world
            .put(root, &format!("/lake/{key}"), "x")
            .await
            .expect(200);
    }
    let body = "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object><Object><Key>gone</Key></Object></Delete>";
    let md5 = [("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")];
    let deleted = world
        .s3(root, Method::POST, "/lake?delete", &md5, body)
        .await
        .expect(200);
    assert_eq!(deleted.all("Key"), ["a", "b", "gone"]);
    let left = world.get(root, "/lake?list-type=2", &[]).await;
    assert_eq!(left.all("Key"), ["c"]);
    assert_eq!(blobs(world.folder.path()), 1);
}

async fn begin(world: &world::World, path: &str) -> String {
    let created = world
        .s3(
            &world.root,
            Method::POST,
            &format!("{path}?uploads"),
            &[("content-type", "text/x")],
            "",
        )
        .await;
    created.expect(200).one("UploadId")
}

#[tokio::test]
async fn a_multipart_upload_becomes_one_object() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    let id = begin(&world, "/lake/big").await;
    let first = Bytes::from(vec![b'x'; 5 * MIB]);
    let mut etags = Vec::new();
    for (number, body) in [(1, first.clone()), (2, Bytes::from_static(b"the end"))] {
        let path = format!("/lake/big?partNumber={number}&uploadId={id}");
        let part = world.put(root, &path, body).await.expect(200);
        etags.push(part.header("etag").trim_matches('"').to_owned());
    }
    let parts = world
        .get(root, &format!("/lake/big?uploadId={id}"), &[])
        .await
        .expect(200);
    assert_eq!(parts.all("PartNumber"), ["1", "2"]);
    let uploads = world.get(root, "/lake?uploads", &[]).await.expect(200);
    assert_eq!(uploads.one("UploadId"), id);
    world.get(root, "/lake/big", &[]).await.expect(404);
    let complete = |numbers: [usize; 2]| {
        let parts = numbers.map(|n| {
            format!(
                "<Part><PartNumber>{n}</PartNumber><ETag>\"{}\"</ETag></Part>",
                etags[n - 1]
            )
        });
        format!(
            "<CompleteMultipartUpload>{}</CompleteMultipartUpload>",
            parts.concat()
        )
    };
    let path = format!("/lake/big?uploadId={id}");
    let wrong = world
        .s3(root, Method::POST, &path, &[], complete([2, 1]))
        .await;
    assert_eq!(wrong.expect(400).code(), "InvalidPartOrder");
    let done = world
        .s3(root, Method::POST, &path, &[], complete([1, 2]))
        .await
        .expect(200);
    // MD5 over both MD5s, which a client checks in its own way.
    assert!(done.one("ETag").contains("-2"), "{}", done.text());
    let got = world.get(root, "/lake/big", &[]).await.expect(200);
    assert_eq!(got.body.len(), 5 * MIB + 7);
    assert!(got.body.starts_with(&first) && got.body.ends_with(b"the end"));
    assert_eq!(got.header("content-type"), "text/x");
    assert_eq!(blobs(world.folder.path()), 1);
    let again = world
        .s3(root, Method::POST, &path, &[], complete([1, 2]))
        .await;
    assert_eq!(again.expect(404).code(), "NoSuchUpload");
}

#[tokio::test]
async fn an_aborted_or_wrong_upload_leaves_nothing() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    let id = begin(&world, "/lake/big").await;
    let part = format!("/lake/big?partNumber=1&uploadId={id}");
    world.put(root, &part, "small").await.expect(200);
    world.put(root, &part, "replaced").await.expect(200);
    assert_eq!(blobs(world.folder.path()), 1);
    let other = world
        .put(
            root,
            &format!("/lake/other?partNumber=1&uploadId={id}"),
            "x",
        )
        .await;
    assert_eq!(other.expect(404).code(), "NoSuchUpload");
    let far = world
        .put(
            root,
            &format!("/lake/big?partNumber=10001&uploadId={id}"),
            "x",
        )
        .await;
    assert_eq!(far.expect(400).code(), "InvalidArgument");
    let body = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"00\"</ETag></Part></CompleteMultipartUpload>";
    let wrong = world
        .s3(
            root,
            Method::POST,
            &format!("/lake/big?uploadId={id}"),
            &[],
            body,
        )
        .await;
    assert_eq!(wrong.expect(400).code(), "InvalidPart");
    assert_eq!(world.delete(root, "/lake").await.code(), "BucketNotEmpty");
    world
        .delete(root, &format!("/lake/big?uploadId={id}"))
        .await
        .expect(204);
    assert_eq!(blobs(world.folder.path()), 0);
    world.delete(root, "/lake").await.expect(204);
}

#[tokio::test]
async fn copies_carry_bytes_and_headers() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    world
        .s3(
            root,
            Method::PUT,
            "/lake/a",
            &[("content-type", "text/plain")],
            "bytes",
        )
        .await
        .expect(200);
    let source = [("x-amz-copy-source", "/lake/a")];
    let copy = world
        .s3(root, Method::PUT, "/lake/b", &source, "")
        .await
        .expect(200);
    assert!(
        copy.one("ETag")
            .contains("4b3a6218bb3e3a7303e8a171a60fcf92"),
        "{}",
        copy.text()
    );
    let got = world.get(root, "/lake/b", &[]).await.expect(200);
    assert_eq!(
        (got.body.as_ref(), got.header("content-type")),
        (&b"bytes"[..], "text/plain")
    );
    let itself = world.s3(root, Method::PUT, "/lake/a", &source, "").await;
    assert_eq!(itself.expect(400).code(), "InvalidRequest");
    let id = begin(&world, "/lake/c").await;
    let part = format!("/lake/c?partNumber=1&uploadId={id}");
    let range = [source[0], ("x-amz-copy-source-range", "bytes=1-2")];
    world
        .s3(root, Method::PUT, &part, &range, "")
        .await
        .expect(200);
    let past = [source[0], ("x-amz-copy-source-range", "bytes=1-5")];
    world
        .s3(root, Method::PUT, &part, &past, "")
        .await
        .expect(400);
    let missing = [("x-amz-copy-source", "/lake/none")];
    world
        .s3(root, Method::PUT, "/lake/b", &missing, "")
        .await
        .expect(404);
}

#[tokio::test]
async fn hosts_name_buckets_too() {
    let world = world().await;
    world.put(&world.root, "/lake", "").await.expect(200);
    world.put(&world.root, "/lake/k", "x").await.expect(200);
    let request = http::Request::get("https://lake.s3.us-east-1.amazonaws.com/k")
        .body(Bytes::new())
        .unwrap();
    let request = lakeward_client::Signer::new(&world.root, world::REGION, "s3")
        .sign(request)
        .unwrap();
    assert_eq!(world.send(request).await.expect(200).body, "x");
}

#[tokio::test]
async fn what_was_acknowledged_survives_and_nothing_else() {
    let world = world().await;
    world.put(&world.root, "/lake", "").await.expect(200);
    world.put(&world.root, "/lake/k", "kept").await.expect(200);
    let id = begin(&world, "/lake/big").await;
    world
        .put(
            &world.root,
            &format!("/lake/big?partNumber=1&uploadId={id}"),
            "part",
        )
        .await
        .expect(200);
    let folder = world::content_folder(world.folder.path());
    // A crash between the bytes and the record, and one in the middle of the bytes.
    std::fs::write(
        folder.join("0123456789abcdef0123456789abcdef"),
        "never acknowledged",
    )
    .unwrap();
    std::fs::write(folder.join("fedcba9876543210fedcba9876543210#1"), "half").unwrap();
    let world = world.reopened().await;
    assert_eq!(blobs(world.folder.path()), 2);
    let got = world.get(&world.root, "/lake/k", &[]).await.expect(200);
    assert_eq!(got.body, "kept");
    let parts = world
        .get(&world.root, &format!("/lake/big?uploadId={id}"), &[])
        .await
        .expect(200);
    assert_eq!(parts.all("Size"), ["4"]);
}

#[tokio::test]
async fn a_reader_keeps_the_version_it_opened() {
    let world = world().await;
    let root = &world.root;
    world.put(root, "/lake", "").await.expect(200);
    let old = Bytes::from(vec![1_u8; 8 * MIB]);
    world.put(root, "/lake/k", old.clone()).await.expect(200);
    let request = world::signed(root, Method::GET, "/lake/k", &[], Bytes::new());
    let response = world
        .gate
        .serve(request, std::net::Ipv4Addr::LOCALHOST.into())
        .await;
    world.put(root, "/lake/k", "new").await.expect(200);
    assert!(world::read(response).await.body == old);
    assert_eq!(world.get(root, "/lake/k", &[]).await.body, "new");
}
