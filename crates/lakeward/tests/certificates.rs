//! The certificate of a cluster, from the zip in S3 to the client of its Livy.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::io::{Cursor, Read as _};

use http::Method;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use support::World;

/// The chain of the zip that the example uploaded.
async fn uploaded(world: &World, bucket: &str) -> CertificateDer<'static> {
    let path = format!("/{bucket}/certificates/emr.zip");
    let bytes = world.root.s3(Method::GET, &path, Default::default()).await;
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes.unwrap())).unwrap();
    let mut pem = Vec::new();
    let mut chain = archive.by_name("certificateChain.pem").unwrap();
    chain.read_to_end(&mut pem).unwrap();
    CertificateDer::from_pem_slice(&pem).unwrap()
}

#[tokio::test]
async fn livy_speaks_tls_with_the_certificate_of_the_zip_and_a_client_that_verifies_is_content() {
    let (world, demo, _) = World::demo().await;
    let ca = reqwest::Certificate::from_pem(world.daemon.ca_pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .add_root_certificate(ca)
        .no_proxy()
        .tls_info(true)
        .build()
        .unwrap();
    let livy = format!("https://{}:8998/sessions", demo.cluster_address);
    let answer = client.get(livy).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let shown: &reqwest::tls::TlsInfo = answer.extensions().get().unwrap();
    let expected = uploaded(&world, &demo.stack.cluster_bucket()).await;
    assert_eq!(shown.peer_certificate().unwrap(), expected.as_ref());
}
