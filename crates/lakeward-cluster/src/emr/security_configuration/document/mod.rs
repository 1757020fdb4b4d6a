//! The JSON grammar of a security configuration (EMR Management Guide, "Create a security
//! configuration").
//!
//! A key that AWS doesn't know is refused, and so is one that AWS knows and Lakeward doesn't build
//! yet: a protection that was asked for and isn't there must not look as if it were.

mod checks;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::emr::{error::EmrError, object::ObjectAddress};

const LARGEST_DOCUMENT: usize = 64 * 1024;

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
    identity_center_configuration: Option<IdentityCenter>,
}

/// Only one that is off is understood.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct IdentityCenter {
    #[serde(rename = "EnableIdentityCenter", deserialize_with = "optional_boolean")]
    enabled: Option<bool>,
    #[serde(flatten)]
    others: Map<String, Value>,
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
        checks::refuse_lists(text)?;
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
                // The text itself has a fault, of which serde says the line and column.
                path if path == "." || path == "?" => String::new(),
                path => format!(" at {path}"),
            };
            refused(&place, error.inner())
        })?;
        json.end().map_err(|error| refused("", &error))?;
        Ok(document)
    }
}

fn refused(place: &str, error: &serde_json::Error) -> EmrError {
    EmrError::invalid_request(format!(
        "The security configuration is not valid{place}: {error}."
    ))
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

fn optional_boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    boolean(deserializer).map(Some)
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
mod tests;
