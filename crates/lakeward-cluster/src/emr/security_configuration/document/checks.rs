//! What a document may ask for: what isn't built is refused by name, and values keep to their rules.

use serde_json::Value;

use super::{
    Authorization, Certificate, CertificateProvider, IdentityCenter, InstanceMetadata,
    SecurityDocument, refused,
};
use crate::emr::{error::EmrError, object::ObjectAddress};

const LONGEST_SESSION_TAG_VALUE: usize = 256;
const HOP_LIMITS: std::ops::RangeInclusive<u32> = 1..=64;

impl SecurityDocument {
    pub(super) fn refuse_unbuilt(&self) -> Result<(), EmrError> {
        let encryption = &self.encryption_configuration;
        let authentication = &self.authentication_configuration;
        let authorization = &self.authorization_configuration;
        let asked = [
            (
                encryption.enable_at_rest_encryption
                    || encryption.at_rest_encryption_configuration.is_some(),
                "EncryptionConfiguration.AtRestEncryptionConfiguration",
            ),
            (
                encryption.wal.is_some(),
                "EncryptionConfiguration.EMRWALEncryptionConfiguration",
            ),
            (
                authentication.kerberos_configuration.is_some(),
                "AuthenticationConfiguration.KerberosConfiguration",
            ),
            (
                authentication
                    .identity_center_configuration
                    .as_ref()
                    .is_some_and(IdentityCenter::asks),
                "AuthenticationConfiguration.IdentityCenterConfiguration",
            ),
            (
                authorization.emr_fs_configuration.is_some(),
                "AuthorizationConfiguration.EmrFsConfiguration",
            ),
            (
                authorization.ranger_configuration.is_some(),
                "AuthorizationConfiguration.RangerConfiguration",
            ),
        ];
        refuse_first(asked)?;
        match &encryption.in_transit_encryption_configuration {
            Some(in_transit) => in_transit.certificate.refuse_unbuilt(),
            None => Ok(()),
        }
    }

    pub(super) fn check_values(&self) -> Result<(), EmrError> {
        let encryption = &self.encryption_configuration;
        if encryption.in_transit_encryption_configuration.is_some()
            && !encryption.enable_in_transit_encryption
        {
            return Err(EmrError::invalid_request(
                "EncryptionConfiguration.InTransitEncryptionConfiguration is given, but \
                 EncryptionConfiguration.EnableInTransitEncryption is not true.",
            ));
        }
        self.authorization_configuration.check_values()?;
        match &self.instance_metadata_service_configuration {
            Some(metadata) => metadata.check_values(),
            None => Ok(()),
        }
    }
}

impl IdentityCenter {
    /// Whether it asks for anything: with `EnableIdentityCenter` false and nothing else it doesn't.
    fn asks(&self) -> bool {
        self.enabled != Some(false) || !self.others.is_empty()
    }
}

impl Certificate {
    fn refuse_unbuilt(&self) -> Result<(), EmrError> {
        match self.certificate_provider_type {
            CertificateProvider::Emr => {}
            CertificateProvider::Pem => return self.check_pem(),
            CertificateProvider::Custom => {
                return Err(EmrError::Unsupported(
                    "TLSCertificateConfiguration with CertificateProviderType 'Custom' (use 'PEM' with \
                     a zip of certificates in S3, or 'EMR' for a certificate of Lakeward's own authority)"
                        .to_owned(),
                ));
            }
        }
        refuse_first([
            (
                self.s3_object.is_some(),
                "TLSCertificateConfiguration.S3Object",
            ),
            (
                self.certificate_provider_class.is_some(),
                "TLSCertificateConfiguration.CertificateProviderClass",
            ),
            (
                self.aws_kms_key.is_some(),
                "TLSCertificateConfiguration.AwsKmsKey",
            ),
            (
                self.secret_tags.is_some(),
                "TLSCertificateConfiguration.SecretTags",
            ),
            (
                self.validity_in_days.is_some(),
                "TLSCertificateConfiguration.ValidityInDays",
            ),
            (
                self.wildcard_dns_suffix.is_some(),
                "TLSCertificateConfiguration.WildcardDnsSuffix",
            ),
        ])
    }

    /// `PEM` needs a place in S3 and takes nothing else.
    fn check_pem(&self) -> Result<(), EmrError> {
        if self.object().is_none() {
            return Err(EmrError::invalid_request(
                "TLSCertificateConfiguration with CertificateProviderType 'PEM' needs an S3Object: \
                 s3://BUCKET/KEY.zip or arn:aws:s3:::BUCKET/KEY.zip.",
            ));
        }
        let others = [
            &self.certificate_provider_class,
            &self.aws_kms_key,
            &self.secret_tags,
            &self.validity_in_days,
            &self.wildcard_dns_suffix,
        ];
        if others.iter().any(|field| field.is_some()) {
            return Err(EmrError::invalid_request(
                "TLSCertificateConfiguration with CertificateProviderType 'PEM' takes an S3Object \
                 and nothing else.",
            ));
        }
        Ok(())
    }

    pub(super) fn object(&self) -> Option<ObjectAddress> {
        let text = self.s3_object.as_ref()?.as_str()?;
        ObjectAddress::parse(text).filter(|object| !object.key.is_empty())
    }
}

impl Authorization {
    fn check_values(&self) -> Result<(), EmrError> {
        if self.iam.role.external_id.is_some() {
            return Err(EmrError::invalid_request(
                "AuthorizationConfiguration.IAMConfiguration.ApplicationScopedIAMRoleConfiguration.\
                 ExternalId is generated and can't be chosen: leave it out.",
            ));
        }
        if self.iam.role.propagate_source_identity && !self.iam.enabled {
            return Err(EmrError::invalid_request(
                "AuthorizationConfiguration.IAMConfiguration.ApplicationScopedIAMRoleConfiguration.\
                 PropagateSourceIdentity needs EnableApplicationScopedIAMRole to be true.",
            ));
        }
        let Some(lake_formation) = &self.lake_formation_configuration else {
            return Ok(());
        };
        match lake_formation.authorized_session_tag_value.as_deref() {
            Some(value) if is_session_tag_value(value) => Ok(()),
            _ => Err(EmrError::invalid_request(
                "AuthorizationConfiguration.LakeFormationConfiguration needs an \
                 AuthorizedSessionTagValue of 1 to 256 letters, digits, spaces and _ . : / = + - @: \
                 sessions carry it as a tag.",
            )),
        }
    }
}

impl InstanceMetadata {
    /// Sessions have no metadata service at all, so any minimum that AWS takes is met.
    fn check_values(&self) -> Result<(), EmrError> {
        if !matches!(
            self.minimum_instance_metadata_service_version,
            None | Some(1 | 2)
        ) {
            return Err(EmrError::invalid_request(
                "InstanceMetadataServiceConfiguration.MinimumInstanceMetadataServiceVersion must \
                 be 1 or 2.",
            ));
        }
        match self.http_put_response_hop_limit {
            Some(limit) if !HOP_LIMITS.contains(&limit) => Err(EmrError::invalid_request(
                "InstanceMetadataServiceConfiguration.HttpPutResponseHopLimit must be between 1 \
                 and 64.",
            )),
            _ => Ok(()),
        }
    }
}

/// Nothing that is built is a list, but a list of members in their order would be read as if it
/// were the object.
pub(super) fn refuse_lists(text: &str) -> Result<(), EmrError> {
    let document = serde_json::from_str(text).map_err(|error| refused("", &error))?;
    match list_in(&document) {
        None => Ok(()),
        Some(path) => Err(EmrError::invalid_request(format!(
            "The security configuration is not valid: {} must be a JSON object.",
            if path.is_empty() { "it" } else { &path }
        ))),
    }
}

/// The path of the first list.
fn list_in(value: &Value) -> Option<String> {
    match value {
        Value::Array(_) => Some(String::new()),
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            let below = list_in(member)?;
            Some(match below.is_empty() {
                true => name.clone(),
                false => format!("{name}.{below}"),
            })
        }),
        _ => None,
    }
}

fn refuse_first<const N: usize>(asked: [(bool, &str); N]) -> Result<(), EmrError> {
    match asked.into_iter().find(|(asked, _)| *asked) {
        Some((_, field)) => Err(EmrError::Unsupported(field.to_owned())),
        None => Ok(()),
    }
}

/// What STS takes as the value of a session tag.
fn is_session_tag_value(value: &str) -> bool {
    (1..=LONGEST_SESSION_TAG_VALUE).contains(&value.chars().count())
        && value
            .chars()
            .all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c))
}
