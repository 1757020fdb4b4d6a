//! JSON values that remember where they stand in the policy text.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Why the text could not be read as JSON, with the place counted from 1.
#[derive(Debug)]
pub(crate) struct JsonError {
    pub line: usize,
    pub column: usize,
    pub detail: String,
}

/// One value of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'a> {
    source: &'a str,
    raw: &'a RawValue,
}

/// The kinds of values, one level deep.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Object(Vec<(String, Node<'a>)>),
    Array(Vec<Node<'a>>),
    String(String),
    /// A number or boolean, as written.
    Scalar(&'a str),
    Null,
}

impl<'a> Node<'a> {
    /// Checks the whole text and returns its root.
    pub fn root(source: &'a str) -> Result<Node<'a>, JsonError> {
        let raw =
            serde_json::from_str::<&RawValue>(source).map_err(|error| JsonError::of(&error))?;
        Ok(Node { source, raw })
    }

    /// Opens the value by one level.
    pub fn value(&self) -> Result<Value<'a>, JsonError> {
        let text = self.raw.get();
        match text.as_bytes().first() {
            Some(b'{') => {
                let Entries(entries) = self.read()?;
                Ok(Value::Object(
                    entries
                        .into_iter()
                        .map(|(key, raw)| (key, self.at(raw)))
                        .collect(),
                ))
            }
            Some(b'[') => {
                let items: Vec<&'a RawValue> = self.read()?;
                Ok(Value::Array(
                    items.into_iter().map(|raw| self.at(raw)).collect(),
                ))
            }
            Some(b'"') => Ok(Value::String(self.read()?)),
            Some(b'n') => Ok(Value::Null),
            _ => Ok(Value::Scalar(text)),
        }
    }

    /// Where the value begins in the text, in bytes.
    pub fn offset(&self) -> usize {
        (self.raw.get().as_ptr() as usize).saturating_sub(self.source.as_ptr() as usize)
    }

    /// The number of line ends between an earlier offset and this value.
    pub fn lines_since(&self, offset: usize) -> usize {
        let between = self.source.get(offset..self.offset()).unwrap_or_default();
        between.matches('\n').count()
    }

    /// Line and column, counted from 1.
    pub fn position(&self) -> (usize, usize) {
        let before = self.source.get(..self.offset()).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |text| text.chars().count())
            + 1;
        (line, column)
    }

    fn at(&self, raw: &'a RawValue) -> Node<'a> {
        Node {
            source: self.source,
            raw,
        }
    }

    fn read<T: Deserialize<'a>>(&self) -> Result<T, JsonError> {
        serde_json::from_str(self.raw.get()).map_err(|error| {
            let (line, column) = self.position();
            JsonError {
                line,
                column,
                ..JsonError::of(&error)
            }
        })
    }
}

impl JsonError {
    fn of(error: &serde_json::Error) -> JsonError {
        JsonError {
            line: error.line(),
            column: error.column(),
            detail: error.to_string(),
        }
    }
}

/// An object's members in order; a repeated name is an error, since readers would disagree on it.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
        let mut entries: Vec<(String, &'de RawValue)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
            if !seen.insert(key.clone()) {
                return Err(de::Error::custom(format!("the name {key:?} occurs twice")));
            }
            entries.push((key, value));
        }
        Ok(Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_where_they_stand() {
        let root = Node::root("{\n  \"a\": [1, \"é\", true]}").unwrap();
        let Value::Object(members) = root.value().unwrap() else {
            panic!("an object")
        };
        let Value::Array(items) = members[0].1.value().unwrap() else {
            panic!("an array")
        };
        assert_eq!(items[0].position(), (2, 9));
        assert_eq!(items[2].position(), (2, 17));
        assert!(matches!(items[2].value().unwrap(), Value::Scalar("true")));
    }

    #[test]
    fn repeated_names_are_refused() {
        let root = Node::root(r#"{"a": 1, "a": 2}"#).unwrap();
        assert!(root.value().unwrap_err().detail.contains("occurs twice"));
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        let text = "[".repeat(100_000);
        assert!(Node::root(&text).is_err());
    }
}
