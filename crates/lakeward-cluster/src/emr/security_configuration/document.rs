//! The JSON grammar of a security configuration (EMR Management Guide, "Create a security
//! configuration").
//!
//! A key that AWS doesn't know is refused, and so is one that AWS knows and Lakeward doesn't build
//! yet: a protection that was asked for and isn't there must not look as if it were.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::emr::{error::EmrError, object::ObjectAddress};

const LARGEST_DOCUMENT: usize = 64 * 1024;
const LONGEST_SESSION_TAG_VALUE: usize = 256;
const HOP_LIMITS: std::ops::RangeInclusive<u32> = 1..=64;

/// A security configuration that passed the grammar.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct SecurityDocument {
    encryption_configuration: Encryption,
    authentication_configuration: Authentication,
    authorization_configuration: Authorization,
    instance_metadata_service_configuration: Option<InstanceMetadata>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct Encryption {
    #[serde(deserialize_with = "boolean")]
    enable_in_transit_encryption: bool,
    #[serde(deserialize_with = "boolean")]
    enable_at_rest_encryption: bool,
    in_transit_encryption_configuration: Option<InTransit>,
    at_rest_encryption_configuration: Option<Value>,
    #[serde(rename = "EMRWALEncryptionConfiguration")]
    wal: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InTransit {
    #[serde(rename = "TLSCertificateConfiguration")]
    certificate: Certificate,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Certificate {
    certificate_provider_type: CertificateProvider,
    s3_object: Option<Value>,
    certificate_provider_class: Option<Value>,
    aws_kms_key: Option<Value>,
    secret_tags: Option<Value>,
    validity_in_days: Option<Value>,
    wildcard_dns_suffix: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
enum CertificateProvider {
    #[serde(rename = "EMR")]
    Emr,
    #[serde(rename = "PEM")]
    Pem,
    Custom,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct Authentication {
    kerberos_configuration: Option<Value>,
    identity_center_configuration: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct Authorization {
    #[serde(rename = "IAMConfiguration")]
    iam: Iam,
    lake_formation_configuration: Option<LakeFormation>,
    emr_fs_configuration: Option<Value>,
    ranger_configuration: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Iam {
    #[serde(
        rename = "EnableApplicationScopedIAMRole",
        deserialize_with = "boolean"
    )]
    enabled: bool,
    #[serde(rename = "ApplicationScopedIAMRoleConfiguration")]
    role: RuntimeRole,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct RuntimeRole {
    #[serde(deserialize_with = "boolean")]
    propagate_source_identity: bool,
    external_id: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct LakeFormation {
    authorized_session_tag_value: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct InstanceMetadata {
    minimum_instance_metadata_service_version: Option<u32>,
    http_put_response_hop_limit: Option<u32>,
}

impl SecurityDocument {
    /// Whether sessions run under a runtime role of the caller's choice.
    #[must_use]
    pub fn runtime_roles(&self) -> bool {
        self.authorization_configuration.iam.enabled
    }

    /// Whether the cluster's endpoints speak TLS. Lakeward's own authority issues the certificate,
    /// for `CertificateProviderType` `EMR` and when no certificate is configured.
    #[must_use]
    pub fn in_transit_encryption(&self) -> bool {
        self.encryption_configuration.enable_in_transit_encryption
    }

    /// The zip of PEM files with which the cluster's endpoints speak TLS, for
    /// `CertificateProviderType` `PEM`.
    #[must_use]
    pub fn certificate_object(&self) -> Option<ObjectAddress> {
        let encryption = &self.encryption_configuration;
        let certificate = &encryption
            .in_transit_encryption_configuration
            .as_ref()?
            .certificate;
        let is_pem = certificate.certificate_provider_type == CertificateProvider::Pem;
        certificate.object().filter(|_| is_pem)
    }

    /// Whether the caller's source identity is handed on to the runtime role's session.
    #[must_use]
    pub fn propagate_source_identity(&self) -> bool {
        self.authorization_configuration
            .iam
            .role
            .propagate_source_identity
    }

    /// What the instance profile passes as `sts:ExternalId`.
    #[must_use]
    pub fn external_id(&self) -> Option<&str> {
        self.authorization_configuration
            .iam
            .role
            .external_id
            .as_deref()
    }

    /// The value of the session tag `LakeFormationAuthorizedCaller`.
    #[must_use]
    pub fn lake_formation_caller(&self) -> Option<&str> {
        self.authorization_configuration
            .lake_formation_configuration
            .as_ref()?
            .authorized_session_tag_value
            .as_deref()
    }

    /// Reads a document as a client sent it.
    ///
    /// # Errors
    /// It isn't JSON, breaks the grammar, or asks for what isn't built.
    pub fn parse(text: &str) -> Result<Self, EmrError> {
        let document = Self::read(text)?;
        document.refuse_unbuilt()?;
        document.check_values()?;
        refuse_lists(text)?;
        Ok(document)
    }

    /// Reads a document that is stored already.
    ///
    /// # Errors
    /// It was written by a version with another grammar.
    pub fn read(text: &str) -> Result<Self, EmrError> {
        if text.len() > LARGEST_DOCUMENT {
            return Err(EmrError::invalid_request(format!(
                "The security configuration is longer than {LARGEST_DOCUMENT} bytes."
            )));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let document = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let place = match error.path().to_string() {
                path if path == "." => String::new(),
                path => format!(" at {path}"),
            };
            refused(&place, error.inner())
        })?;
        json.end().map_err(|error| refused("", &error))?;
        Ok(document)
    }

    fn refuse_unbuilt(&self) -> Result<(), EmrError> {
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
                authentication.identity_center_configuration.is_some(),
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

    fn check_values(&self) -> Result<(), EmrError> {
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
}

impl Certificate {
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

    fn object(&self) -> Option<ObjectAddress> {
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

fn refused(place: &str, error: &serde_json::Error) -> EmrError {
    EmrError::invalid_request(format!(
        "The security configuration is not valid{place}: {error}."
    ))
}

/// Nothing that is built is a list, but a list of members in their order would be read as if it
/// were the object.
fn refuse_lists(text: &str) -> Result<(), EmrError> {
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

/// AWS's own examples write some of these booleans as strings.
fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Plain(bool),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Plain(value) => Ok(value),
        Written::Text(text) if text == "true" => Ok(true),
        Written::Text(text) if text == "false" => Ok(false),
        Written::Text(text) => Err(serde::de::Error::custom(format!(
            "expected true or false, found \"{text}\""
        ))),
    }
}

/// `text` with `external_id` written into the runtime role's configuration.
pub(super) fn with_external_id(text: &str, external_id: String) -> Result<String, EmrError> {
    let mut document: Value = serde_json::from_str(text)
        .map_err(|error| EmrError::invalid_request(format!("not valid JSON: {error}")))?;
    let path = [
        "AuthorizationConfiguration",
        "IAMConfiguration",
        "ApplicationScopedIAMRoleConfiguration",
    ];
    let mut place = &mut document;
    for step in path {
        place = object(place, step)?
            .entry(step)
            .or_insert_with(|| Value::Object(Map::new()));
    }
    object(place, "ApplicationScopedIAMRoleConfiguration")?
        .insert("ExternalId".to_owned(), Value::String(external_id));
    Ok(document.to_string())
}

fn object<'a>(value: &'a mut Value, key: &str) -> Result<&'a mut Map<String, Value>, EmrError> {
    value
        .as_object_mut()
        .ok_or_else(|| EmrError::invalid_request(format!("{key} must be inside a JSON object.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOG: &str = r#"{
        "EncryptionConfiguration": {"EnableInTransitEncryption": true, "EnableAtRestEncryption": false},
        "AuthorizationConfiguration": {
            "IAMConfiguration": {
                "EnableApplicationScopedIAMRole": true,
                "ApplicationScopedIAMRoleConfiguration": {"PropagateSourceIdentity": true}
            },
            "LakeFormationConfiguration": {"AuthorizedSessionTagValue": "Amazon EMR"}
        }
    }"#;

    #[test]
    fn the_documented_runtime_role_configuration_is_read() {
        let document = SecurityDocument::parse(BLOG).unwrap();
        assert!(document.runtime_roles());
        assert!(document.in_transit_encryption());
        assert!(document.propagate_source_identity());
        assert_eq!(document.lake_formation_caller(), Some("Amazon EMR"));
        assert_eq!(document.external_id(), None);
    }

    #[test]
    fn an_external_id_is_written_where_clients_look_for_it() {
        let text = with_external_id(BLOG, "X".repeat(52)).unwrap();
        let document = SecurityDocument::read(&text).unwrap();
        assert_eq!(document.external_id(), Some("X".repeat(52).as_str()));
        assert!(document.propagate_source_identity());

        let bare = r#"{"AuthorizationConfiguration":{"IAMConfiguration":{"EnableApplicationScopedIAMRole":true}}}"#;
        let text = with_external_id(bare, "Y".to_owned()).unwrap();
        assert_eq!(
            SecurityDocument::read(&text).unwrap().external_id(),
            Some("Y")
        );
    }

    #[test]
    fn certificates_issued_by_the_service_are_accepted_in_both_spellings() {
        for text in [
            r#"{"EncryptionConfiguration":{"EnableInTransitEncryption":true}}"#,
            r#"{"EncryptionConfiguration":{"EnableInTransitEncryption":"true","InTransitEncryptionConfiguration":{"TLSCertificateConfiguration":{"CertificateProviderType":"EMR"}}}}"#,
        ] {
            assert!(
                SecurityDocument::parse(text)
                    .unwrap()
                    .in_transit_encryption(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_zip_of_certificates_is_named_in_both_spellings() {
        let document = |certificate: &str| {
            SecurityDocument::parse(&format!(
                r#"{{"EncryptionConfiguration":{{"EnableInTransitEncryption":true,"InTransitEncryptionConfiguration":{{"TLSCertificateConfiguration":{certificate}}}}}}}"#
            ))
        };
        for object in ["s3://certs/a.zip", "arn:aws:s3:::certs/a.zip"] {
            let text = format!(r#"{{"CertificateProviderType":"PEM","S3Object":"{object}"}}"#);
            let found = document(&text).unwrap().certificate_object().unwrap();
            assert_eq!(found.to_string(), "s3://certs/a.zip");
        }
        for text in [
            r#"{"CertificateProviderType":"PEM"}"#,
            r#"{"CertificateProviderType":"PEM","S3Object":7}"#,
            r#"{"CertificateProviderType":"PEM","S3Object":"s3://certs"}"#,
            r#"{"CertificateProviderType":"PEM","S3Object":"https://certs/a.zip"}"#,
            r#"{"CertificateProviderType":"PEM","S3Object":"s3://certs/a.zip","CertificateProviderClass":"C"}"#,
        ] {
            assert!(
                matches!(document(text), Err(EmrError::InvalidRequest(_))),
                "{text}"
            );
        }
        let issued = document(r#"{"CertificateProviderType":"EMR"}"#).unwrap();
        assert_eq!(issued.certificate_object(), None);
    }

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        for (text, name) in [
            (
                r#"{"EncryptionConfiguration":{"EnableAtRestEncryption":true}}"#,
                "AtRestEncryption",
            ),
            (
                r#"{"EncryptionConfiguration":{"EnableInTransitEncryption":true,"InTransitEncryptionConfiguration":{"TLSCertificateConfiguration":{"CertificateProviderType":"Custom","S3Object":"s3://bkt/c.jar","CertificateProviderClass":"C"}}}}"#,
                "'Custom'",
            ),
            (
                r#"{"AuthenticationConfiguration":{"KerberosConfiguration":{}}}"#,
                "KerberosConfiguration",
            ),
            (
                r#"{"AuthenticationConfiguration":{"IdentityCenterConfiguration":{}}}"#,
                "IdentityCenter",
            ),
            (
                r#"{"AuthorizationConfiguration":{"EmrFsConfiguration":{}}}"#,
                "EmrFsConfiguration",
            ),
        ] {
            let error = SecurityDocument::parse(text).unwrap_err();
            assert!(matches!(error, EmrError::Unsupported(_)), "{text}: {error}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn a_refusal_names_the_place() {
        for (text, place) in [
            (
                r#"{"EncryptionConfiguration":{"EnableInTransitEncryption":"yes"}}"#,
                "at EncryptionConfiguration.EnableInTransitEncryption: ",
            ),
            (
                r#"{"AuthorizationConfiguration":{"IAMConfiguration":{"EnableApplicationScopedIamRole":true}}}"#,
                "at AuthorizationConfiguration.IAMConfiguration.EnableApplicationScopedIamRole: unknown field",
            ),
            (
                r#"{"AuthorizationConfiguration":{"LakeFormationConfiguration":{"AuthorizedSessionTagValue":5}}}"#,
                "at AuthorizationConfiguration.LakeFormationConfiguration.AuthorizedSessionTagValue: invalid type",
            ),
            (
                r#"{"InstanceMetadataServiceConfiguration":{"HttpPutResponseHopLimit":-1}}"#,
                "at InstanceMetadataServiceConfiguration.HttpPutResponseHopLimit: ",
            ),
            (
                r#"{"InstanceMetadataServiceConfiguration":{"HttpPutResponseHopLimit":65}}"#,
                "InstanceMetadataServiceConfiguration.HttpPutResponseHopLimit must",
            ),
            (
                r#"{"AuthorizationConfiguration":{},"AuthorizationConfiguration":{}}"#,
                "duplicate field `AuthorizationConfiguration`",
            ),
            (r#"{} x"#, "trailing characters at line 1 column 4"),
            (r#"{"EncryptionConfiguration""#, "line 1 column"),
        ] {
            let error = SecurityDocument::parse(text).unwrap_err().to_string();
            assert!(error.contains(place), "{text}: {error}");
        }
    }

    #[test]
    fn a_broken_document_is_refused() {
        for text in [
            "",
            "[]x",
            "[]",
            r#"{"AuthorizationConfiguration":{"IAMConfiguration":[true,{}]}}"#,
            r#"{"Encryption":{}}"#,
            r#"{"EncryptionConfiguration":{"EnableInTransitEncryption":"yes"}}"#,
            r#"{"EncryptionConfiguration":{"InTransitEncryptionConfiguration":{"TLSCertificateConfiguration":{"CertificateProviderType":"EMR"}}}}"#,
            r#"{"AuthorizationConfiguration":{"IAMConfiguration":{"EnableApplicationScopedIamRole":true}}}"#,
            r#"{"AuthorizationConfiguration":{"IAMConfiguration":{"ApplicationScopedIAMRoleConfiguration":{"ExternalId":"MINE"}}}}"#,
            r#"{"AuthorizationConfiguration":{"LakeFormationConfiguration":{"AuthorizedSessionTagValue":""}}}"#,
            r#"{"AuthorizationConfiguration":{"LakeFormationConfiguration":{"AuthorizedSessionTagValue":"a,b"}}}"#,
            r#"{"AuthorizationConfiguration":{"LakeFormationConfiguration":{}}}"#,
            r#"{"AuthorizationConfiguration":{},"AuthorizationConfiguration":{}}"#,
            r#"{"InstanceMetadataServiceConfiguration":{"MinimumInstanceMetadataServiceVersion":3}}"#,
            r#"{"InstanceMetadataServiceConfiguration":{"HttpPutResponseHopLimit":0}}"#,
        ] {
            let error = SecurityDocument::parse(text).unwrap_err();
            assert!(
                matches!(error, EmrError::InvalidRequest(_)),
                "{text}: {error}"
            );
        }
    }
}
