//! The query protocol's input: `Tags.member.1.Key=team` read into any serde type.

use std::collections::BTreeMap;

use serde::{
    Deserialize,
    de::{
        self, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

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
    /// Parses an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    /// A short description of what is malformed.
    pub(crate) fn parse(body: &str) -> Result<Self, String> {
        let mut form = Self::default();
        let pairs = body.split('&').filter(|pair| !pair.is_empty());
        for (count, pair) in pairs.enumerate() {
            if count >= MAX_PARAMETERS {
                return Err(format!("more than {MAX_PARAMETERS} parameters"));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            form.insert(&decode(name)?, decode(value)?)?;
        }
        Ok(form)
    }

    fn insert(&mut self, name: &str, value: String) -> Result<(), String> {
        let mut node = self;
        for (depth, segment) in name.split('.').enumerate() {
            if depth >= MAX_DEPTH {
                return Err(format!("parameter `{name}` is nested too deeply"));
            }
            node = node.children.entry(segment.to_owned()).or_default();
        }
        node.value = Some(value);
        Ok(())
    }

    /// The text of a top-level parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.children.get(name)?.value.as_deref()
    }

    /// Reads the tree as `T`.
    pub(crate) fn read<'de, T: Deserialize<'de>>(self) -> Result<T, String> {
        T::deserialize(self).map_err(|error| error.to_string())
    }

    fn items(mut self) -> Vec<Form> {
        let list = self.children.remove("member").unwrap_or(self);
        let mut items: Vec<(u64, Form)> = list
            .children
            .into_iter()
            .filter_map(|(index, item)| Some((index.parse().ok()?, item)))
            .collect();
        items.sort_by_key(|(index, _)| *index);
        items.into_iter().map(|(_, item)| item).collect()
    }

    fn scalar(self) -> Result<String, Error> {
        self.value
            .ok_or_else(|| de::Error::custom("a value is missing"))
    }
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

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Some(value) if self.children.is_empty() => visitor.visit_string(value),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(self.items().into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(MapDeserializer::new(self.children.into_iter()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
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

    parse_scalar! {
        deserialize_bool => visit_bool: bool,
        deserialize_i32 => visit_i32: i32,
        deserialize_i64 => visit_i64: i64,
        deserialize_u32 => visit_u32: u32,
        deserialize_u64 => visit_u64: u64,
        deserialize_f64 => visit_f64: f64,
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Tag {
        key: String,
        value: String,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Input {
        role_name: String,
        duration: Option<u32>,
        path: Option<String>,
        #[serde(default)]
        tags: Vec<Tag>,
    }

    fn read(body: &str) -> Result<Input, String> {
        Form::parse(body)?.read()
    }

    #[test]
    fn lists_structs_and_numbers() {
        let input = read(
            "RoleName=a%20b&Duration=900&Tags.member.2.Key=k2&Tags.member.2.Value=&Tags.member.1.Key=k%2B1&Tags.member.1.Value=v+1",
        );
        let tag = |key: &str, value: &str| Tag {
            key: key.into(),
            value: value.into(),
        };
        assert_eq!(
            input,
            Ok(Input {
                role_name: "a b".into(),
                duration: Some(900),
                path: None,
                tags: vec![tag("k+1", "v 1"), tag("k2", "")],
            })
        );
    }

    #[test]
    fn wrong_types_and_missing_members_are_named() {
        assert!(read("Duration=9").unwrap_err().contains("RoleName"));
        let error = read("RoleName=a&Duration=soon").unwrap_err();
        assert!(error.contains("`soon`"), "{error}");
    }

    #[test]
    fn depth_is_bounded() {
        assert!(Form::parse(&format!("{}=1", "a.".repeat(40))).is_err());
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body in ".{0,200}") {
            let _ = read(&body);
        }
    }
}
