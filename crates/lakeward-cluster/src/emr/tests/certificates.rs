use std::sync::{Arc, atomic::Ordering};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::{Value, json};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{
    bucket::NAME,
    steps::{program, state, step, submit, until},
    world::{World, request, settled},
};
use crate::emr::{
    ClusterCertificate, Step,
    certificate::fixture::{Pair, zip},
};

fn rules(object: &str) -> String {
    json!({"EncryptionConfiguration": {
        "EnableInTransitEncryption": true,
        "EnableAtRestEncryption": false,
        "InTransitEncryptionConfiguration": {"TLSCertificateConfiguration": {
            "CertificateProviderType": "PEM", "S3Object": object}}}})
    .to_string()
}

/// A cluster whose certificates are at `object`; its id.
async fn launched(world: &World, object: &str) -> String {
    let name = format!("rules-{}", crate::emr::identifier::cluster());
    world.create_rules(&name, &rules(object)).await.unwrap();
    let mut request = request();
    request["SecurityConfiguration"] = json!(name);
    world.launch(request).await
}

/// What a server with this certificate shows to a client that trusts `root`.
async fn shown(certificate: &ClusterCertificate, root: &CertificateDer<'static>) -> Vec<u8> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (near, far) = tokio::io::duplex(1 << 16);
    let acceptor = TlsAcceptor::from(certificate.server_config());
    let server = tokio::spawn(async move { acceptor.accept(far).await.map(drop) });
    let name = ServerName::try_from("ip-10-0-0-1.ec2.internal").unwrap();
    let client = TlsConnector::from(Arc::new(config))
        .connect(name, near)
        .await
        .unwrap();
    server.await.unwrap().unwrap();
    let (_, session) = client.get_ref();
    session.peer_certificates().unwrap()[0].to_vec()
}

/// A certificate and the authority that signed it: a client takes no authority for a server.
fn signed() -> (Pair, CertificateDer<'static>) {
    let folder = tempfile::tempdir().unwrap();
    let authority = lakeward_wire::authority::CertificateAuthority::open(folder.path()).unwrap();
    let issued = authority.issue(&["*.ec2.internal".to_owned()]).unwrap();
    let root = CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes()).unwrap();
    let pair = Pair {
        key: issued.private_key_pem().expose().to_owned(),
        certificate: issued.certificate_pem(),
    };
    (pair, root)
}

#[tokio::test]
async fn a_cluster_speaks_tls_with_the_certificate_of_its_zip() {
    let world = World::new().await;
    let (pair, root) = signed();
    world.sockets.bucket.fill("certs/emr.zip", pair.zip());
    let id = launched(&world, &format!("s3://{NAME}/certs/emr.zip")).await;
    world.until(&id, "WAITING").await;
    let by_arn = launched(&world, &format!("arn:aws:s3:::{NAME}/certs/emr.zip")).await;
    world.until(&by_arn, "WAITING").await;

    let certified = world.sockets.certified.lock().unwrap().clone();
    assert_eq!(certified.len(), 2);
    assert_eq!(certified[0].0, id);
    let expected = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    assert_eq!(shown(&certified[0].1, &root).await, expected.to_vec());
    // The cluster's instance read it, as in AWS.
    let visitor = &world.sockets.bucket.visitors()[0];
    assert!(visitor.contains(":assumed-role/machine/i-"), "{visitor}");
}

#[tokio::test]
async fn a_cluster_without_a_zip_gets_no_certificate_of_its_own() {
    let world = World::new().await;
    world.ready_cluster().await;
    assert!(world.sockets.certified.lock().unwrap().is_empty());
    assert!(world.sockets.bucket.visitors().is_empty());
}

async fn reason(world: &World, object: &str) -> Value {
    let id = launched(world, object).await;
    world.until(&id, "TERMINATED_WITH_ERRORS").await;
    assert!(!world.sockets.running().contains_key(&id));
    let status = world.describe(&id).await["Status"].clone();
    let reason = status["StateChangeReason"].clone();
    let detail = &status["ErrorDetails"][0];
    assert_eq!(detail["ErrorCode"], reason["Code"], "{status}");
    assert_eq!(detail["ErrorMessage"], reason["Message"], "{status}");
    reason
}

#[tokio::test]
async fn a_zip_that_cannot_be_used_ends_the_cluster_and_says_what_to_change() {
    let world = World::new().await;
    let bucket = &world.sockets.bucket;
    let other_region = Pair::named("*.eu-west-1.compute.internal", &[]);
    bucket.fill("other-region.zip", other_region.zip());
    bucket.fill("empty.zip", zip(&[("privateKey.pem", b"x")]));
    bucket.fill("large.zip", vec![0; (1 << 20) + 1]);
    for (object, code, words) in [
        (
            format!("s3://{NAME}/other-region.zip"),
            "VALIDATION_ERROR",
            ["CN=*.ec2.internal", "'*.eu-west-1.compute.internal'"],
        ),
        (
            format!("s3://{NAME}/empty.zip"),
            "VALIDATION_ERROR",
            ["certificateChain.pem", "Add it"],
        ),
        (
            format!("s3://{NAME}/large.zip"),
            "BOOTSTRAP_FAILURE",
            ["TooLarge", "S3Object"],
        ),
        (
            format!("s3://{NAME}/none.zip"),
            "BOOTSTRAP_FAILURE",
            ["NoSuchKey", "Upload the zip"],
        ),
        (
            "s3://elsewhere/emr.zip".to_owned(),
            "BOOTSTRAP_FAILURE",
            ["no bucket elsewhere", "us-east-1"],
        ),
    ] {
        let reason = reason(&world, &object).await;
        assert_eq!(reason["Code"], code, "{object}: {reason}");
        let message = reason["Message"].as_str().unwrap();
        assert!(message.contains(&object), "{message}");
        for word in words {
            assert!(message.contains(word), "{object}: {message}");
        }
    }
    bucket.closed.store(true, Ordering::SeqCst);
    let reason = reason(&world, &format!("s3://{NAME}/other-region.zip")).await;
    let message = reason["Message"].as_str().unwrap();
    assert!(message.contains("Allow s3:GetObject"), "{message}");
    assert!(message.contains(":role/machine"), "{message}");
}

#[tokio::test]
async fn a_restart_reads_the_zip_again_and_a_lost_one_holds_up_only_its_cluster() {
    let world = World::new().await;
    world.sockets.bucket.fill("emr.zip", signed().0.zip());
    let id = launched(&world, &format!("s3://{NAME}/emr.zip")).await;
    world.until(&id, "WAITING").await;
    let other = world.ready_cluster().await;

    let next = world.alone();
    next.sockets.bucket.fill("emr.zip", signed().0.zip());
    next.emr.resume().await.unwrap();
    assert_eq!(next.state(&id), "WAITING");
    assert_eq!(next.sockets.certified.lock().unwrap().len(), 1);

    let steps = json!([step("1", "wait"), step("2", "succeed")]);
    let ids = submit(&next, &id, None, steps).await.unwrap();
    program(&next, 0).await;

    let later = world.alone();
    later.emr.resume().await.unwrap();
    assert_eq!(later.state(&other), "WAITING");
    assert_eq!(later.state(&id), "BOOTSTRAPPING");
    assert!(!later.sockets.running().contains_key(&id));
    let reason = later.describe(&id).await["Status"]["StateChangeReason"].clone();
    let message = reason["Message"].as_str().unwrap();
    assert!(message.contains("Upload the zip"), "{message}");
    assert_eq!(state(&later, &id, &ids[0]), "FAILED");
    assert_eq!(state(&later, &id, &ids[1]), "PENDING");

    later.sockets.bucket.fill("emr.zip", signed().0.zip());
    settled(&later, &id, "WAITING").await;
    assert_eq!(later.sockets.certified.lock().unwrap().len(), 1);
    until(&later, &id, &ids[1], "COMPLETED").await;
}

#[tokio::test]
async fn a_cluster_that_never_came_up_takes_its_steps_with_it() {
    let world = World::new().await;
    let rules = rules(&format!("s3://{NAME}/none.zip"));
    world.create_rules("rules", &rules).await.unwrap();
    let mut request = request();
    request["SecurityConfiguration"] = json!("rules");
    request["Steps"] = json!([step("1", "succeed")]);
    let id = world.launch(request).await;
    world.until(&id, "TERMINATED_WITH_ERRORS").await;
    let steps = Step::of_cluster(&world.store.snapshot(), &id);
    assert_eq!(state(&world, &id, &steps[0].id), "CANCELLED");
    assert!(world.sockets.programs.started().is_empty());
}
