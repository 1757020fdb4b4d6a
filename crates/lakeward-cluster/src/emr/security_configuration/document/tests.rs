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
            r#"{"AuthenticationConfiguration":{"IdentityCenterConfiguration":{"EnableIdentityCenter":true}}}"#,
            "IdentityCenter",
        ),
        (
            r#"{"AuthenticationConfiguration":{"IdentityCenterConfiguration":{"EnableIdentityCenter":false,"IdentityCenterInstanceARN":"a"}}}"#,
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
fn identity_center_may_be_off() {
    for off in ["false", "\"false\""] {
        let text = format!(
            r#"{{"AuthenticationConfiguration":{{"IdentityCenterConfiguration":{{"EnableIdentityCenter":{off}}}}}}}"#
        );
        SecurityDocument::parse(&text).unwrap();
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
        (
            r#"{"EncryptionConfiguration""#,
            "not valid: EOF while parsing an object at line 1 column",
        ),
        (
            "",
            "not valid: EOF while parsing a value at line 1 column 0",
        ),
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
