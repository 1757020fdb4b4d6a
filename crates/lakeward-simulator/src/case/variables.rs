//! The condition keys of a case.

use std::fmt;

use lakeward_policy::Context;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Condition keys, each with a value or a list of values. A key that occurs twice is an error.
#[derive(Clone, Debug, Default)]
pub(super) struct ContextVariables(pub Context);

/// A text; numbers and booleans stand for their text.
pub(super) struct Scalar(pub String);

/// A scalar or a list of scalars.
struct Values(Vec<String>);

impl<'de> Deserialize<'de> for ContextVariables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ContextVisitor)
    }
}

struct ContextVisitor;

impl<'de> Visitor<'de> for ContextVisitor {
    type Value = ContextVariables;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of condition keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ContextVariables, A::Error> {
        let mut context = Context::new();
        while let Some(key) = map.next_key::<String>()? {
            let Values(values) = map.next_value()?;
            if context.get(&key).is_some() {
                let twice = format!("the condition key {key:?} occurs twice");
                return Err(de::Error::custom(twice));
            }
            context.insert(&key, values);
        }
        Ok(ContextVariables(context))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, number or boolean")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValuesVisitor)
    }
}

struct ValuesVisitor;

impl ValuesVisitor {
    fn one<E>(Scalar(text): Scalar) -> Result<Values, E> {
        Ok(Values(vec![text]))
    }
}

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, number or boolean, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Values, E> {
        ScalarVisitor.visit_str(text).and_then(Self::one)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Values, E> {
        ScalarVisitor.visit_bool(value).and_then(Self::one)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Values, E> {
        ScalarVisitor.visit_i64(value).and_then(Self::one)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Values, E> {
        ScalarVisitor.visit_u64(value).and_then(Self::one)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Values, E> {
        ScalarVisitor.visit_f64(value).and_then(Self::one)
    }

    /// A key without a value is absent.
    fn visit_unit<E: de::Error>(self) -> Result<Values, E> {
        Ok(Values(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Values, A::Error> {
        let mut values = Vec::new();
        while let Some(Scalar(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Values(values))
    }
}
