//! The certificate that a security configuration brings along: a zip of PEM files in S3, with
//! which the cluster's endpoints speak TLS (EMR Management Guide, "Providing certificates for
//! encrypting data in transit").

mod archive;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod identity;

pub use error::CertificateError;
pub use identity::ClusterCertificate;

use crate::emr::{Emr, cluster::Cluster, object::ObjectAddress};

/// Three PEM files need a hundredth of it.
const LARGEST_ARCHIVE: usize = 1 << 20;

impl Emr {
    /// The certificate that the cluster's security configuration names, read with the keys of the
    /// instance profile's role; none when it names none.
    ///
    /// # Errors
    /// The object can't be read, or holds no certificate for this cluster.
    pub(crate) async fn certificate(
        &self,
        cluster: &Cluster,
    ) -> Result<Option<ClusterCertificate>, CertificateError> {
        let rules = cluster.security_rules()?;
        let Some(object) = rules.certificate_object() else {
            return Ok(None);
        };
        let archive = self.certificate_archive(cluster, &object).await?;
        let files = archive::read(&archive);
        let read =
            files.and_then(|files| ClusterCertificate::read(&files, &cluster.region, self.now()));
        read.map(Some).map_err(|fault| CertificateError::Unfit {
            object: object.to_string(),
            fault,
        })
    }

    async fn certificate_archive(
        &self,
        cluster: &Cluster,
        object: &ObjectAddress,
    ) -> Result<Vec<u8>, CertificateError> {
        let keys = self.instance_keys(cluster)?;
        let objects = self.runtime.objects();
        let read = objects.get(&keys, object, LARGEST_ARCHIVE).await;
        read.map_err(|source| CertificateError::Unreadable {
            object: object.to_string(),
            bucket: object.bucket.clone(),
            region: cluster.region.clone(),
            role: keys.role_arn,
            source,
        })
    }
}
