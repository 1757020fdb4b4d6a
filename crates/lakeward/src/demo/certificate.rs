//! The zip with the cluster's certificate, as the stack of the example is given one.
//!
//! The instance's own authority signs it, so that clients which trust that need nothing more.

use std::io::{Cursor, Write as _};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Method;
use ipnet::Ipv4Net;
use lakeward_client::Client;
use lakeward_wire::authority::CertificateAuthority;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    lake::tolerate,
    stack::{CERTIFICATE, Stack},
};
use crate::daemon::StateFolder;

/// Clusters get the lowest addresses that are free; a certificate has no room for all of them.
const ADDRESSES: usize = 64;

/// Makes the bucket for clusters and puts the zip into it.
pub(super) async fn upload(
    admin: &Client,
    stack: &Stack,
    folder: &StateFolder,
    network: Ipv4Net,
) -> Result<()> {
    let bucket = format!("/{}", stack.cluster_bucket());
    tolerate(
        admin.s3(Method::PUT, &bucket, Bytes::new()).await,
        &["BucketAlreadyOwnedByYou"],
    )?;
    let zip = archive(folder, &names(&stack.region, network))?;
    let path = format!("{bucket}/{CERTIFICATE}");
    let written = admin.s3(Method::PUT, &path, zip.into()).await;
    written
        .map(drop)
        .context("the cluster's certificate can't be uploaded")
}

/// EMR asks for the first; clients that check the name meet the others.
fn names(region: &str, network: Ipv4Net) -> Vec<String> {
    let instances = match region {
        "us-east-1" => "*.ec2.internal".to_owned(),
        other => format!("*.{other}.compute.internal"),
    };
    let addresses = network.hosts().take(ADDRESSES);
    [instances]
        .into_iter()
        .chain(addresses.map(|address| address.to_string()))
        .collect()
}

fn archive(folder: &StateFolder, names: &[String]) -> Result<Vec<u8>> {
    let authority = CertificateAuthority::open(&folder.tls())?;
    let issued = authority.issue(names)?;
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let certificate = issued.certificate_pem();
    let key = issued.private_key_pem();
    for (name, content) in [
        ("certificateChain.pem", certificate.as_str()),
        ("privateKey.pem", key.expose()),
        ("trustedCertificates.pem", authority.certificate_pem()),
    ] {
        writer.start_file(name, SimpleFileOptions::default())?;
        writer.write_all(content.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}
