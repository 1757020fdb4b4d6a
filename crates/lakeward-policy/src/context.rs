//! The condition keys of one request.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Condition keys and their values. Key names, tag keys included, are case-insensitive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Sorted by the lower-cased key.
    entries: Vec<(String, Vec<String>)>,
}

impl Context {
    /// A context without keys.
    pub fn new() -> Context {
        Context::default()
    }

    /// Adds a key with one value, replacing what the key had.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Context {
        self.insert(key, vec![value.into()]);
        self
    }

    /// Adds a key with several values, replacing what the key had.
    #[must_use]
    pub fn with_all(mut self, key: &str, values: impl IntoIterator<Item = String>) -> Context {
        self.insert(key, values.into_iter().collect());
        self
    }

    /// Sets a key. A key without values counts as absent.
    pub fn insert(&mut self, key: &str, values: Vec<String>) {
        let key = key.to_lowercase();
        match self.place(&key) {
            Ok(at) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    entry.1 = values;
                }
            }
            Err(at) => self.entries.insert(at, (key, values)),
        }
    }

    /// Adds every key of another context; its values win.
    pub fn extend(&mut self, other: Context) {
        for (key, values) in other.entries {
            self.insert(&key, values);
        }
    }

    /// The values of a key.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        let key = if key.chars().any(char::is_uppercase) {
            Cow::Owned(key.to_lowercase())
        } else {
            Cow::Borrowed(key)
        };
        self.folded(&key)
    }

    /// Every key, lower-cased, with its values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.entries
            .iter()
            .map(|(key, values)| (key.as_str(), values.as_slice()))
    }

    /// The values of a key that is already lower-cased.
    pub(crate) fn folded(&self, key: &str) -> Option<&[String]> {
        let at = self.place(key).ok()?;
        self.entries.get(at).map(|(_, values)| values.as_slice())
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(known, _)| known.as_str().cmp(key))
    }
}

/// A map from each key, lower-cased, to its values.
impl Serialize for Context {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.entries.len()))?;
        for (key, values) in self.iter() {
            map.serialize_entry(key, values)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_case_and_the_last_value_wins() {
        let context = Context::new()
            .with("aws:ResourceTag/Team", "red")
            .with("AWS:resourcetag/team", "blue");
        assert_eq!(
            context.get("aws:resourceTag/TEAM"),
            Some(&["blue".to_owned()][..])
        );
        assert_eq!(context.get("aws:ResourceTag/other"), None);
        assert_eq!(context.iter().count(), 1);
    }

    #[test]
    fn as_json_it_is_a_map_of_lists() {
        let context = Context::new()
            .with("aws:SourceIp", "10.0.0.1")
            .with_all("aws:TagKeys", ["a".to_owned(), "b".to_owned()]);
        assert_eq!(
            serde_json::to_string(&context).unwrap(),
            r#"{"aws:sourceip":["10.0.0.1"],"aws:tagkeys":["a","b"]}"#
        );
    }
}
