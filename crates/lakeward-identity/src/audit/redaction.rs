//! What a record must not hold: secrets, and texts without an end.

use serde_json::{Map, Value, json};

/// The longest parameters that are written, in bytes, as in CloudTrail.
const MAX_PARAMETERS: usize = 100 << 10;
/// The longest text of a header or message that is written, in bytes, as in CloudTrail.
const MAX_TEXT: usize = 1 << 10;
/// A name with one of these in it promises a secret.
const SECRET: [&str; 9] = [
    "secret",
    "password",
    "passphrase",
    "token",
    "privatekey",
    "private_key",
    "samlassertion",
    "plaintext",
    "authorization",
];
/// Names that sound like secrets and are none.
const PUBLIC: [&str; 13] = [
    "nexttoken",
    "next_token",
    "continuationtoken",
    "continuation-token",
    "nextcontinuationtoken",
    "paginationtoken",
    "clienttoken",
    "clientrequesttoken",
    "idempotencytoken",
    "secretid",
    "secretarn",
    "passwordresetrequired",
    "usernamepassword",
];
/// Maps whose names are the caller's own words; the names are kept as they are.
const OWN_WORDS: [&str; 6] = [
    "tags",
    "tagstoadd",
    "parameters",
    "properties",
    "context",
    "attributes",
];
const REDACTED: &str = "[redacted]";

/// Parameters or an answer as a record holds them: names as CloudTrail writes them, secrets
/// blanked, of bounded size.
pub(super) fn presentable(value: Value) -> Value {
    bounded(cleaned(value, true))
}

/// The beginning of a text that may be long.
pub(super) fn clipped(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT))
        .unwrap_or_default()
}

/// Values that are not too long to keep; of others, their size.
fn bounded(value: Value) -> Value {
    let size = value.to_string().len();
    if size <= MAX_PARAMETERS {
        return value;
    }
    json!({
        "omitted": true,
        "originalSize": size,
        "reason": "the value is larger than 100 KB",
    })
}

fn cleaned(value: Value, rename: bool) -> Value {
    match value {
        Value::Object(members) => {
            let pair = names_a_secret(&members);
            let clean = |(name, value): (String, Value)| {
                let lower = name.to_ascii_lowercase();
                let hidden = promises_secret(&lower) || (pair && lower == "value");
                let value = if hidden && !value.is_null() {
                    json!(REDACTED)
                } else {
                    cleaned(value, rename && !OWN_WORDS.contains(&&*lower))
                };
                (if rename { lower_camel(name) } else { name }, value)
            };
            Value::Object(members.into_iter().map(clean).collect())
        }
        Value::Array(items) => {
            let items = items.into_iter().map(|item| cleaned(item, rename));
            Value::Array(items.collect())
        }
        scalar => scalar,
    }
}

/// `{"Key": "db.password", "Value": "…"}` keeps a secret under an innocent name.
fn names_a_secret(members: &Map<String, Value>) -> bool {
    members.iter().any(|(name, value)| {
        matches!(&*name.to_ascii_lowercase(), "key" | "name")
            && value
                .as_str()
                .is_some_and(|text| promises_secret(&text.to_ascii_lowercase()))
    })
}

fn promises_secret(lower: &str) -> bool {
    !PUBLIC.contains(&lower) && SECRET.iter().any(|word| lower.contains(word))
}

/// `UserName` is `userName` in CloudTrail's records.
fn lower_camel(mut name: String) -> String {
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_parameters_leave_their_size() {
        let short = json!({"a": "x".repeat(100_000)});
        assert_eq!(presentable(short.clone()), short);
        let long = presentable(json!({"a": "x".repeat(200_000)}));
        assert_eq!(long["originalSize"], 200_008);
        assert!(long.to_string().len() < 200);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(clipped("short"), "short");
        let cut = clipped(&"é".repeat(2000)).len();
        assert_eq!(cut, MAX_TEXT);
        assert_eq!(
            clipped(&format!("x{}", "é".repeat(2000))).len(),
            MAX_TEXT - 1
        );
    }

    #[test]
    fn secrets_are_blanked_wherever_they_are() {
        let value = json!({
            "A": [{"SecretString": "x", "SessionToken": "x"}],
            "B": {"C": {"WebIdentityToken": "x", "SAMLAssertion": "x", "TokenCode": "x"}},
            "SecretAccessKey": "x", "PrivateKey": "x", "AdminPassword": {"nested": "x"},
            "Parameters": {"PasswordOfDb": "x"},
            "Pairs": [{"Key": "db.password", "Value": "x"}],
            "UsernamePassword": {"Password": "x"},
        });
        let clean = presentable(value).to_string();
        assert!(!clean.contains("\"x\""), "{clean}");
        assert_eq!(clean.matches(REDACTED).count(), 11, "{clean}");
    }

    #[test]
    fn what_is_no_secret_stays() {
        let value = json!({
            "SecretId": "db", "NextToken": "t", "PolicyDocument": "{\"Version\":1}",
            "Pairs": [{"Key": "team", "Value": "red"}],
            "Tags": {"Team": "red"},
            "UsernamePassword": {"Username": "u", "Password": null},
        });
        let seen = json!({
            "secretId": "db", "nextToken": "t", "policyDocument": "{\"Version\":1}",
            "pairs": [{"key": "team", "value": "red"}],
            "tags": {"Team": "red"},
            "usernamePassword": {"username": "u", "password": null},
        });
        assert_eq!(presentable(value), seen);
    }
}
