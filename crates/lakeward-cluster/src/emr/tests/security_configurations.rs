//! Security configurations as operations see them; `document.rs` tests their grammar.

use serde_json::{Value, json};

use super::world::{RULES, World, code};
use crate::emr::security_configuration;

#[tokio::test]
async fn a_listing_goes_page_by_page() {
    let world = World::new().await;
    for n in 0..120 {
        world
            .create_rules(&format!("rules-{n:03}"), "{}")
            .await
            .unwrap();
    }
    let root = world.root().await;
    let mut names = Vec::new();
    let mut sizes = Vec::new();
    let mut marker = Value::Null;
    loop {
        let input = json!({"Marker": marker});
        let page = world
            .run(&root, security_configuration::list, input)
            .await
            .unwrap();
        let found = page["SecurityConfigurations"].as_array().unwrap();
        sizes.push(found.len());
        names.extend(
            found
                .iter()
                .map(|one| one["Name"].as_str().unwrap().to_owned()),
        );
        assert!(found.iter().all(|one| one["CreationDateTime"].is_f64()));
        marker = page["Marker"].clone();
        if marker.is_null() {
            break;
        }
    }
    assert_eq!(sizes, [50, 50, 20]);
    assert!(names.is_sorted() && names.len() == 120);
    let error = world
        .run(&root, security_configuration::list, json!({"Marker": "%%"}))
        .await
        .unwrap_err();
    assert_eq!(code(&error), "InvalidRequestException");
}

#[tokio::test]
async fn names_keep_to_the_rules() {
    let world = World::new().await;
    let longest = "x".repeat(10_280);
    for good in ["a", "with blanks / and ünïcödé", &longest] {
        world.create_rules(good, "{}").await.unwrap();
    }
    let too_long = "x".repeat(10_281);
    for bad in ["", "bell\u{7}", &too_long] {
        let error = world.create_rules(bad, "{}").await.unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException");
    }
}

#[tokio::test]
async fn a_refusal_is_an_invalid_request_that_names_the_place() {
    let world = World::new().await;
    for (document, words) in [
        (
            r#"{"EncryptionConfiguration":{"EnableAtRestEncryption":true}}"#,
            "AtRestEncryption",
        ),
        (
            r#"{"AuthenticationConfiguration":{"KerberosConfiguration":{}}}"#,
            "KerberosConfiguration",
        ),
        (
            r#"{"AuthorizationConfiguration":{"IAMConfiguration":[]}}"#,
            "AuthorizationConfiguration.IAMConfiguration must be a JSON object",
        ),
        ("not JSON", "line 1"),
        ("", "line 1"),
    ] {
        let error = world.create_rules("rules", document).await.unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException", "{document}");
        assert!(error.message.contains(words), "{document}: {error}");
    }
}

#[tokio::test]
async fn each_has_an_external_id_of_its_own() {
    let world = World::new().await;
    let root = world.root().await;
    let mut ids = std::collections::BTreeSet::new();
    for name in ["one", "two", "three"] {
        world.create_rules(name, RULES).await.unwrap();
        let input = json!({"Name": name});
        let output = world
            .run(&root, security_configuration::describe, input)
            .await
            .unwrap();
        let text = output["SecurityConfiguration"].as_str().unwrap();
        let document: Value = serde_json::from_str(text).unwrap();
        let role = &document["AuthorizationConfiguration"]["IAMConfiguration"]["ApplicationScopedIAMRoleConfiguration"];
        let id = role["ExternalId"].as_str().unwrap().to_owned();
        assert_eq!(id.len(), 52);
        assert!(
            id.bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        );
        assert_eq!(role["PropagateSourceIdentity"], true);
        ids.insert(id);
    }
    assert_eq!(ids.len(), 3);
}
