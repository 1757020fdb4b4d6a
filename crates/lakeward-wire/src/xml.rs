//! The query protocol's output: any serde value as AWS's XML.

use std::io;

use quick_xml::{
    Writer,
    escape::escape,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};
use serde::Serialize;
use serde_json::{Value, json};

/// The member that holds a map's entries.
const ENTRY: &str = "entry";

/// A map for an answer of the query protocol: `<entry><key>…</key><value>…</value></entry>` for each.
/// An object's members would become elements of their own.
#[must_use]
pub fn xml_map<K: AsRef<str>, V: Serialize>(entries: impl IntoIterator<Item = (K, V)>) -> Value {
    let entries: Vec<Value> = entries
        .into_iter()
        .map(|(key, value)| json!({"key": key.as_ref(), "value": value}))
        .collect();
    json!({ENTRY: entries})
}

/// `<root xmlns=…>` around `value`'s members. Lists become `<member>` elements, nulls vanish.
pub(crate) fn document(root: &str, namespace: &str, value: &Value) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let start = BytesStart::new(root).with_attributes([("xmlns", namespace)]);
    writer.write_event(Event::Start(start))?;
    content(&mut writer, value)?;
    writer.write_event(Event::End(BytesEnd::new(root)))?;
    Ok(writer.into_inner())
}

fn element(writer: &mut Writer<Vec<u8>>, name: &str, value: &Value) -> io::Result<()> {
    if value.is_null() {
        return Ok(());
    }
    if !is_name(name) {
        return Err(io::Error::other(format!(
            "`{name}` can't be an element's name; answer a map with `xml_map`"
        )));
    }
    writer.write_event(Event::Start(BytesStart::new(name)))?;
    content(writer, value)?;
    writer.write_event(Event::End(BytesEnd::new(name)))
}

fn content(writer: &mut Writer<Vec<u8>>, value: &Value) -> io::Result<()> {
    match value {
        Value::Object(members) => {
            members
                .iter()
                .try_for_each(|(name, member)| match (&**name, member) {
                    (ENTRY, Value::Array(entries)) => entries
                        .iter()
                        .try_for_each(|entry| element(writer, ENTRY, entry)),
                    (name, member) => element(writer, name, member),
                })
        }
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| element(writer, "member", item)),
        Value::String(text) => writer.write_event(Event::Text(escaped(text))),
        Value::Null => Ok(()),
        scalar => writer.write_event(Event::Text(BytesText::new(&scalar.to_string()))),
    }
}

/// Text for XML 1.0, which can't hold most control characters, not even escaped: they are replaced. A
/// carriage return is escaped, or the reader would take it for a line feed.
fn escaped(text: &str) -> BytesText<'static> {
    let held: String = text
        .chars()
        .map(|character| match character {
            '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => character,
            _ => char::REPLACEMENT_CHARACTER,
        })
        .collect();
    BytesText::from_escaped(escape(held).replace('\r', "&#13;"))
}

fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic());
    begins
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::Reader;
    use serde_json::json;

    use super::*;

    fn written(value: &Value) -> String {
        let xml = String::from_utf8(document("R", "urn:x", value).unwrap()).unwrap();
        let inner = xml.split_once("<R xmlns=\"urn:x\">").unwrap().1;
        inner.strip_suffix("</R>").unwrap().to_owned()
    }

    #[test]
    fn lists_escapes_and_nulls() {
        let value = json!({"Roles": [{"Name": "<a>&", "Path": null}], "Ok": true, "None": [], "In": [["x"], []]});
        assert_eq!(
            written(&value),
            "<Roles><member><Name>&lt;a&gt;&amp;</Name></member></Roles><Ok>true</Ok><None></None><In><member><member>x</member></member><member></member></In>"
        );
    }

    #[test]
    fn maps_have_entries() {
        let value = json!({"Summary": xml_map([("Users", 3), ("a b", 4)]), "Empty": xml_map::<&str, u8>([])});
        assert_eq!(
            written(&value),
            "<Summary><entry><key>Users</key><value>3</value></entry><entry><key>a b</key><value>4</value></entry></Summary><Empty></Empty>"
        );
    }

    #[test]
    fn a_stranger_names_no_element() {
        for name in ["a b", "a><b", "", "1a", "é"] {
            assert!(document("R", "urn:x", &json!({name: 1})).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_as_it_was_unless_xml_cant_hold_it(text in any::<String>()) {
            let xml = written(&json!({"T": text}));
            let inner = xml.strip_prefix("<T>").unwrap().strip_suffix("</T>").unwrap();
            let read = quick_xml::escape::unescape(inner).unwrap();
            let held: String = text
                .chars()
                .map(|c| if c < ' ' && !"\t\n\r".contains(c) || "\u{fffe}\u{ffff}".contains(c) { '\u{fffd}' } else { c })
                .collect();
            prop_assert_eq!(read, held);
            prop_assert!(!inner.contains('\r'));
            let mut reader = Reader::from_str(&xml);
            while !matches!(reader.read_event().unwrap(), quick_xml::events::Event::Eof) {}
        }
    }
}
