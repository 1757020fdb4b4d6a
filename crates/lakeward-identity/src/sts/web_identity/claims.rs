//! What a token claims, and what of it has to hold (OpenID Connect Core, "ID Token").

use jiff::Timestamp;
use lakeward_wire::AwsError;
use serde_json::{Map, Value};

use super::{Assertion, check_passed, error::WebIdentityError};
use crate::{OidcProvider, WebIdentity, inventory::Tags};

/// How far the issuer's clock may be ahead of ours, seconds.
const SKEW: i64 = 300;
/// The claims of session tags and of the source identity ("Pass session tags in AWS STS" and
/// "Monitor and control actions taken with assumed roles").
const TAGS: &str = "https://aws.amazon.com/tags";
const PRINCIPAL_TAGS: &str = "https://aws.amazon.com/tags/principal_tags/";
const TRANSITIVE: &str = "https://aws.amazon.com/tags/transitive_tag_keys";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";

#[derive(Debug)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    pub(super) fn issuer(&self) -> Result<&str, WebIdentityError> {
        self.text("iss")?
            .ok_or(WebIdentityError::MissingClaim("iss"))
    }

    /// The client that the token is for, which must be one of the provider's: the authorized
    /// party, if the token names one, or else an audience.
    pub(super) fn audience(&self, clients: &[String]) -> Result<String, WebIdentityError> {
        let audiences = self.texts("aud")?;
        if audiences.is_empty() {
            return Err(WebIdentityError::MissingClaim("aud"));
        }
        let named: Vec<&str> = match self.text("azp")? {
            Some(party) => vec![party],
            None => audiences,
        };
        named
            .into_iter()
            .find(|name| clients.iter().any(|client| client == name))
            .map(str::to_owned)
            .ok_or(WebIdentityError::Audience)
    }

    pub(super) fn check_time(&self, now: Timestamp) -> Result<(), WebIdentityError> {
        let required = |claim| {
            self.seconds(claim)?
                .ok_or(WebIdentityError::MissingClaim(claim))
        };
        let expired = required("exp")?;
        if expired <= now.as_second() {
            return Err(WebIdentityError::expired(now, expired));
        }
        required("iat")?;
        for claim in ["iat", "nbf"] {
            let begins = self.seconds(claim)?.unwrap_or(i64::MIN);
            if begins > now.as_second().saturating_add(SKEW) {
                return Err(WebIdentityError::Early { claim });
            }
        }
        Ok(())
    }

    /// Who the token is about.
    pub(super) fn assertion(
        &self,
        provider: &OidcProvider,
        audience: String,
    ) -> Result<Assertion, AwsError> {
        let subject = self
            .text("sub")?
            .ok_or(WebIdentityError::MissingClaim("sub"))?;
        let methods = self.texts("amr")?;
        let (tags, transitive) = self.session_tags()?;
        let assertion = Assertion {
            identity: WebIdentity {
                provider: provider.arn(),
                issuer: provider.issuer().to_owned(),
                subject: subject.to_owned(),
                audience,
                methods: methods.into_iter().map(str::to_owned).collect(),
            },
            tags,
            transitive,
            source_identity: self.text(SOURCE_IDENTITY)?.map(str::to_owned),
        };
        check_passed(&assertion)?;
        Ok(assertion)
    }

    /// Nested under one claim, or one claim for each tag; a value may be in a list of its own.
    fn session_tags(&self) -> Result<(Tags, Vec<String>), WebIdentityError> {
        let malformed = || WebIdentityError::Malformed("the session tags are malformed");
        let mut tags = Tags::new();
        let mut transitive = owned(self.texts(TRANSITIVE)?);
        for (name, value) in &self.0 {
            if let Some(key) = name.strip_prefix(PRINCIPAL_TAGS) {
                tags.insert(key.to_owned(), tag_value(value).ok_or_else(malformed)?);
            }
        }
        if let Some(nested) = self.0.get(TAGS) {
            let nested = Claims(nested.as_object().ok_or_else(malformed)?.clone());
            transitive.extend(owned(nested.texts("transitive_tag_keys")?));
            let members = match nested.0.get("principal_tags") {
                Some(members) => members.as_object().ok_or_else(malformed)?.clone(),
                None => Map::new(),
            };
            for (key, value) in members {
                tags.insert(key, tag_value(&value).ok_or_else(malformed)?);
            }
        }
        Ok((tags, transitive))
    }

    fn text(&self, claim: &'static str) -> Result<Option<&str>, WebIdentityError> {
        match self.0.get(claim) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(WebIdentityError::Malformed("a claim is not text")),
        }
    }

    /// One text, or a list of texts.
    fn texts(&self, claim: &'static str) -> Result<Vec<&str>, WebIdentityError> {
        match self.0.get(claim) {
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str())
                .collect::<Option<_>>()
                .ok_or(WebIdentityError::Malformed(
                    "a claim is not a list of texts",
                )),
            _ => Ok(self.text(claim)?.into_iter().collect()),
        }
    }

    /// A `NumericDate`: seconds, of which parts are dropped.
    fn seconds(&self, claim: &'static str) -> Result<Option<i64>, WebIdentityError> {
        let malformed = WebIdentityError::Malformed("a time is not a number of seconds");
        match self.0.get(claim) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => number
                .as_i64()
                .or_else(|| number.as_f64().map(|seconds| seconds as i64))
                .map(Some)
                .ok_or(malformed),
            Some(_) => Err(malformed),
        }
    }
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

fn tag_value(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => match items.as_slice() {
            [Value::String(text)] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        Claims(value.as_object().unwrap().clone())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_audience_is_a_client_of_the_provider() {
        let clients = ["a".to_owned(), "b".to_owned()];
        let audience = |value| claims(value).audience(&clients);
        assert_eq!(audience(json!({"aud": "a"})).unwrap(), "a");
        assert_eq!(audience(json!({"aud": ["x", "b"]})).unwrap(), "b");
        assert_eq!(audience(json!({"aud": "x", "azp": "b"})).unwrap(), "b");
        for refused in [
            json!({"aud": "x"}),
            json!({"aud": "a", "azp": "x"}),
            json!({"azp": "a"}),
            json!({"aud": []}),
            json!({"aud": {"a": 1}}),
            json!({"aud": ["a", 1]}),
        ] {
            assert!(audience(refused.clone()).is_err(), "{refused}");
        }
    }

    #[test]
    fn times_hold_to_the_second_and_must_be_numbers() {
        let check = |value| claims(value).check_time(at(1000));
        assert!(check(json!({"exp": 1001, "iat": 900})).is_ok());
        assert!(check(json!({"exp": 1001.9, "iat": 1300, "nbf": 1300})).is_ok());
        assert!(matches!(
            check(json!({"exp": 1000, "iat": 900})),
            Err(WebIdentityError::Expired { expired: 1000, .. })
        ));
        for refused in [
            json!({"iat": 900}),
            json!({"exp": 2000}),
            json!({"exp": "2000", "iat": 900}),
            json!({"exp": 2000, "iat": 1301}),
            json!({"exp": 2000, "iat": 900, "nbf": 1301}),
            json!({"exp": 2000, "iat": 900, "nbf": "x"}),
        ] {
            assert!(check(refused.clone()).is_err(), "{refused}");
        }
    }

    #[test]
    fn tags_are_nested_or_flat() {
        let nested = claims(json!({TAGS: {
            "principal_tags": {"team": ["x"], "unit": "y"}, "transitive_tag_keys": ["team"]}}));
        let flat = claims(json!({
            format!("{PRINCIPAL_TAGS}team"): ["x"], format!("{PRINCIPAL_TAGS}unit"): "y",
            TRANSITIVE: ["team"]}));
        let expected = (
            Tags::from([("team".into(), "x".into()), ("unit".into(), "y".into())]),
            vec!["team".to_owned()],
        );
        assert_eq!(nested.session_tags().unwrap(), expected);
        assert_eq!(flat.session_tags().unwrap(), expected);
        for refused in [
            json!({TAGS: "x"}),
            json!({TAGS: {"principal_tags": {"a": ["x", "y"]}}}),
            json!({TAGS: {"principal_tags": ["a"]}}),
        ] {
            assert!(claims(refused.clone()).session_tags().is_err(), "{refused}");
        }
    }
}
