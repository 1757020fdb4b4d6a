//! The things that requests name.

use std::collections::BTreeMap;

use super::support::ACCOUNT;

pub const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
pub const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// Values for the placeholders of requests, such as `{user}`.
#[derive(Clone, Debug)]
pub struct Names(BTreeMap<&'static str, String>);

impl Names {
    /// Of the things that a town has. Ids that the instance chooses are missing until they are
    /// [`Names::set`].
    pub fn existing() -> Self {
        let mut names = Self::missing();
        for (name, value) in [
            ("user", "someone"),
            ("role", "some-role"),
            ("group", "some-group"),
            ("policy_name", "some-policy"),
            ("instance_profile", "some-profile"),
            ("issuer", "https://some-issuer.example.com"),
            ("alias", "some-alias"),
            ("bucket", "some-bucket"),
            ("key", "folder/object"),
            ("database", "some_database"),
            ("table", "some_table"),
            ("configuration", "some-configuration"),
        ] {
            names.set(name, value);
        }
        names
    }

    /// Of things that no town has.
    pub fn missing() -> Self {
        let mut names = Self(BTreeMap::new());
        for (name, value) in [
            ("user", "no-one"),
            ("role", "no-role"),
            ("group", "no-group"),
            ("policy_name", "no-policy"),
            ("instance_profile", "no-profile"),
            ("issuer", "https://no-issuer.example.com"),
            ("alias", "no-alias"),
            ("access_key", "AKIAAAAAAAAAAAAAAAAA"),
            ("bucket", "no-bucket"),
            ("key", "folder/none"),
            ("database", "no_database"),
            ("table", "no_table"),
            ("configuration", "no-configuration"),
            ("cluster", "j-0000000000000"),
            ("member", "999999999999"),
            ("root", "r-none"),
            ("unit", "ou-none-00000000"),
            ("control", "p-00000000"),
            ("resource_control", "p-11111111"),
            ("handshake", "h-000000000000"),
            ("creation", "car-000000000000"),
            ("message", "bm90aGluZw"),
            // The same for all: nothing of a town's.
            ("account", ACCOUNT),
            ("document", DOCUMENT),
            ("trust", TRUST),
            ("token", "this.is.junk"),
        ] {
            names.set(name, value);
        }
        names
    }

    /// Gives a name its value, and those that follow from it theirs.
    pub fn set(&mut self, name: &'static str, value: &str) {
        match name {
            "policy_name" => {
                let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{value}");
                self.0.insert("policy", arn);
            }
            "issuer" => {
                let host = value.trim_start_matches("https://");
                let arn = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{host}");
                self.0.insert("provider", arn);
            }
            _ => {}
        }
        self.0.insert(name, value.to_owned());
    }

    pub fn get(&self, name: &str) -> &str {
        let value = self.0.get(name);
        value.unwrap_or_else(|| panic!("no thing is called {{{name}}}"))
    }

    /// The text with every placeholder's value in its place.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after.split_once('}') {
                Some((name, after)) if is_name(name) => {
                    filled.push_str(self.get(name));
                    rest = after;
                }
                _ => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled + rest
    }

    /// The text with the same words in place of these names and of the others'.
    pub fn blank(&self, text: &str) -> String {
        let mut values: Vec<(&String, &str)> =
            self.0.iter().map(|(name, value)| (value, *name)).collect();
        values.retain(|(_, name)| !["account", "document", "trust", "token"].contains(name));
        // A value may be part of a longer one.
        values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        values.iter().fold(text.to_owned(), |text, (value, name)| {
            text.replace(value.as_str(), &format!("<{name}>"))
        })
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.bytes().all(plain)
}
