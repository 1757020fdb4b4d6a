//! The condition keys of one request.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use serde::ser::{Serialize, Serializer};

/// Condition keys and their values. Key names, tag keys included, are case-insensitive.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Sorted by the lower-cased key. These hide the base's keys of the same name.
    entries: Vec<(String, Vec<String>)>,
    base: Option<Arc<Context>>,
}

impl Context {
    /// A context without keys.
    pub fn new() -> Context {
        Context::default()
    }

    /// A context that has the keys of `base` until it sets its own: many questions share what they
    /// have in common.
    pub fn over(base: Arc<Context>) -> Context {
        Context {
            entries: Vec::new(),
            base: Some(base),
        }
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
        self.set(fold(key), values);
    }

    /// Adds every key of another context; its values win.
    pub fn extend(&mut self, other: Context) {
        if let Some(base) = other.base {
            for (key, values) in base.iter() {
                self.set(key.to_owned(), values.to_vec());
            }
        }
        for (key, values) in other.entries {
            self.set(key, values);
        }
    }

    /// The values of a key.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        let key = if key.chars().any(char::is_uppercase) {
            Cow::Owned(fold(key))
        } else {
            Cow::Borrowed(key)
        };
        self.folded(&key)
    }

    /// Every key, lower-cased, with its values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        let mut all = BTreeMap::new();
        self.collect(&mut all);
        all.into_iter()
    }

    fn collect<'a>(&'a self, all: &mut BTreeMap<&'a str, &'a [String]>) {
        if let Some(base) = &self.base {
            base.collect(all);
        }
        all.extend(self.entries.iter().map(|(key, values)| (&**key, &**values)));
    }

    /// The values of a key that is already lower-cased.
    pub(crate) fn folded(&self, key: &str) -> Option<&[String]> {
        match self.place(key) {
            Ok(at) => self.entries.get(at).map(|(_, values)| values.as_slice()),
            Err(_) => self.base.as_ref()?.folded(key),
        }
    }

    /// Sets a key that is already lower-cased.
    fn set(&mut self, key: String, values: Vec<String>) {
        match self.place(&key) {
            Ok(at) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    entry.1 = values;
                }
            }
            Err(at) => self.entries.insert(at, (key, values)),
        }
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(known, _)| known.as_str().cmp(key))
    }
}

fn fold(key: &str) -> String {
    match key.is_ascii() {
        true => key.to_ascii_lowercase(),
        false => key.to_lowercase(),
    }
}

impl PartialEq for Context {
    fn eq(&self, other: &Context) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Context {}

/// A map from each key, lower-cased, to its values.
impl Serialize for Context {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
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
    fn own_keys_hide_those_of_the_base() {
        let base = Arc::new(Context::new().with("aws:a", "1").with("aws:B", "2"));
        let mut own = Context::over(Arc::clone(&base)).with("AWS:b", "3");
        own.insert("aws:c", Vec::new());
        assert_eq!(own.get("aws:a"), Some(&["1".to_owned()][..]));
        assert_eq!(own.get("aws:b"), Some(&["3".to_owned()][..]));
        assert_eq!(base.get("aws:b"), Some(&["2".to_owned()][..]));
        let flat = Context::new().with("aws:a", "1").with("aws:b", "3");
        let flat = flat.with_all("aws:c", []);
        assert_eq!(own, flat);
        let mut copy = Context::new();
        copy.extend(own);
        assert_eq!(copy, flat);
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
