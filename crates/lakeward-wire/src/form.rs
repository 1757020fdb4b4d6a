//! The query protocol's input: `Tags.member.1.Key=team` read into any serde type.

use std::collections::{BTreeMap, BTreeSet};

use serde::{
    Deserialize,
    de::{
        self, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use crate::sigv4::is_authentication;

/// Parameters nested deeper than this are refused.
const MAX_DEPTH: usize = 16;
/// More parameters than this are refused.
const MAX_PARAMETERS: usize = 4096;

/// A tree of parameters: dots in the name are the branches.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Form {
    value: Option<String>,
    children: BTreeMap<String, Form>,
}

impl Form {
    /// Parses parameters of a query string and of an `application/x-www-form-urlencoded` body. What
    /// carries the signature is left out.
    ///
    /// # Errors
    /// A short description of what is malformed.
    pub(crate) fn parse(query: &str, body: &str) -> Result<Self, String> {
        let mut form = Self::default();
        let asked = query.split('&').map(|pair| (pair, true));
        let sent = body.split('&').map(|pair| (pair, false));
        let pairs = asked.chain(sent).filter(|(pair, _)| !pair.is_empty());
        for (count, (pair, in_query)) in pairs.enumerate() {
            if count >= MAX_PARAMETERS {
                return Err(format!("more than {MAX_PARAMETERS} parameters"));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            if !(in_query && is_authentication(&name)) {
                form.insert(&name, decode(value)?)?;
            }
        }
        Ok(form)
    }

    fn insert(&mut self, name: &str, value: String) -> Result<(), String> {
        let mut node = self;
        for (depth, segment) in name.split('.').enumerate() {
            if depth >= MAX_DEPTH {
                return Err("a parameter's name has too many dots".to_owned());
            }
            node = node.children.entry(segment.to_owned()).or_default();
        }
        match node.value.replace(value) {
            // Which of two values counts must not be a matter of taste.
            Some(_) => Err(format!("the parameter `{name}` is given more than once")),
            None => Ok(()),
        }
    }

    /// The text of a top-level parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.children.get(name)?.value.as_deref()
    }

    /// Reads the tree as `T`.
    pub(crate) fn read<'de, T: Deserialize<'de>>(self) -> Result<T, String> {
        T::deserialize(self).map_err(|error| error.to_string())
    }

    /// The only child, when it has this name.
    fn only(&self, name: &str) -> Option<&Form> {
        let child = self.children.get(name)?;
        (self.children.len() == 1).then_some(child)
    }

    fn is_numbered(&self) -> bool {
        !self.children.is_empty() && self.children.keys().all(|name| index(name).is_some())
    }

    fn is_list(&self) -> bool {
        self.is_numbered() || self.only("member").is_some_and(Form::is_numbered)
    }

    fn is_map(&self) -> bool {
        let named = |entry: &Form| entry.children.contains_key("key");
        self.only("entry")
            .is_some_and(|list| list.is_numbered() && list.children.values().all(named))
    }

    /// `X.member.1` and so on, or `X.1` of a flattened list, in the order of their numbers.
    fn items(self) -> Result<Vec<Form>, Error> {
        let mut members = self.members()?;
        if members.len() == 1
            && let Some(list) = members.remove("member")
        {
            members = list.members()?;
        }
        let mut items = members
            .into_iter()
            .map(|(name, item)| match index(&name) {
                Some(index) => Ok((index, item)),
                None => Err(de::Error::custom(format!(
                    "`{name}` is not the number of a list's member"
                ))),
            })
            .collect::<Result<Vec<_>, Error>>()?;
        items.sort_by_key(|(index, _)| *index);
        Ok(items.into_iter().map(|(_, item)| item).collect())
    }

    /// `X.entry.1.key` and `X.entry.1.value`, and so on.
    fn entries(self) -> Result<Vec<(String, Form)>, Error> {
        let mut seen = BTreeSet::new();
        let mut entries = Vec::new();
        let mut members = self.members()?;
        let list = members.remove("entry").unwrap_or_default();
        for entry in list.items()? {
            let mut parts = entry.members()?;
            let mut part = |name: &'static str| {
                parts
                    .remove(name)
                    .ok_or_else(|| de::Error::missing_field(name))
            };
            let key: String = part("key")?.scalar()?;
            if !seen.insert(key.clone()) {
                return Err(de::Error::custom(format!(
                    "the map's key `{key}` is given more than once"
                )));
            }
            entries.push((key, part("value")?));
        }
        Ok(entries)
    }

    /// The branches of a list, map or structure.
    fn members(self) -> Result<BTreeMap<String, Form>, Error> {
        match self.value {
            Some(value) if !value.is_empty() => Err(de::Error::custom(format!(
                "`{value}` stands where a list or structure belongs"
            ))),
            _ => Ok(self.children),
        }
    }

    fn scalar(self) -> Result<String, Error> {
        if !self.children.is_empty() {
            return Err(de::Error::custom(
                "a list or structure stands where a single value belongs",
            ));
        }
        self.value
            .ok_or_else(|| de::Error::custom("a value is missing"))
    }
}

/// The number of a list's member, which has one spelling.
fn index(text: &str) -> Option<u32> {
    text.parse()
        .ok()
        .filter(|index: &u32| index.to_string() == text)
}

fn decode(text: &str) -> Result<String, String> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| "a parameter is not UTF-8".to_owned())
}

macro_rules! parse_scalar {
    ($($method:ident => $visit:ident: $type:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let text = self.scalar()?;
            let value: $type = text
                .parse()
                .map_err(|_| de::Error::custom(format!("`{text}` is not a {}", stringify!($type))))?;
            visitor.$visit(value)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Form {
    type Error = Error;

    /// For types that take what comes: the shape is guessed from the names.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Some(value) if self.children.is_empty() => visitor.visit_string(value),
            _ if self.is_list() => self.deserialize_seq(visitor),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(self.items()?.into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_map() {
            return visitor.visit_map(MapDeserializer::new(self.entries()?.into_iter()));
        }
        visitor.visit_map(MapDeserializer::new(self.members()?.into_iter()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(MapDeserializer::new(self.members()?.into_iter()))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.scalar()?.into_deserializer())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.scalar()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.scalar()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.scalar()?;
        match &*text.to_ascii_lowercase() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(de::Error::custom(format!("`{text}` is not true or false"))),
        }
    }

    parse_scalar! {
        deserialize_i32 => visit_i32: i32,
        deserialize_i64 => visit_i64: i64,
        deserialize_u16 => visit_u16: u16,
        deserialize_u32 => visit_u32: u32,
        deserialize_u64 => visit_u64: u64,
        deserialize_f64 => visit_f64: f64,
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Form {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests;
