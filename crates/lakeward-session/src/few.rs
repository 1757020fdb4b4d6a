//! Lists of texts from a session: what lies behind the first ones is never held.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

/// The first `MOST` texts of a list, and how many there were besides.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Few<const MOST: usize> {
    pub texts: Vec<String>,
    pub left_out: usize,
}

impl<'de, const MOST: usize> Deserialize<'de> for Few<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Reader)
    }
}

struct Reader<const MOST: usize>;

impl<'de, const MOST: usize> Visitor<'de> for Reader<MOST> {
    type Value = Few<MOST>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut few = Few::default();
        while few.texts.len() < MOST {
            match list.next_element()? {
                Some(text) => few.texts.push(text),
                None => return Ok(few),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            few.left_out += 1;
        }
        Ok(few)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_the_first_ones_is_counted_and_not_held() {
        let read = |text: &str| serde_json::from_str::<Few<2>>(text);
        assert_eq!(read("[]").unwrap(), Few::default());
        let few = read(r#"["a","b"]"#).unwrap();
        assert_eq!((few.texts.len(), few.left_out), (2, 0));
        let many = format!("[{}\"\"]", "\"\",".repeat(99_999));
        let few = read(&many).unwrap();
        assert_eq!((few.texts.len(), few.left_out), (2, 99_998));
        assert!(few.texts.capacity() <= 4);
        assert!(read(r#"["a",1]"#).is_err());
        assert!(read("{}").is_err());
    }
}
