//! The query protocol's output: any serde value as AWS's XML.

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};
use serde_json::Value;

/// `<root xmlns=…>` around `value`'s members. Lists become `<member>` elements, nulls vanish.
pub(crate) fn document(root: &str, namespace: &str, value: &Value) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let start = BytesStart::new(root).with_attributes([("xmlns", namespace)]);
    writer.write_event(Event::Start(start))?;
    content(&mut writer, value)?;
    writer.write_event(Event::End(BytesEnd::new(root)))?;
    Ok(writer.into_inner())
}

fn element(writer: &mut Writer<Vec<u8>>, name: &str, value: &Value) -> std::io::Result<()> {
    if value.is_null() {
        return Ok(());
    }
    writer.write_event(Event::Start(BytesStart::new(name)))?;
    content(writer, value)?;
    writer.write_event(Event::End(BytesEnd::new(name)))
}

fn content(writer: &mut Writer<Vec<u8>>, value: &Value) -> std::io::Result<()> {
    match value {
        Value::Object(members) => members
            .iter()
            .try_for_each(|(name, member)| element(writer, name, member)),
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| element(writer, "member", item)),
        Value::String(text) => writer.write_event(Event::Text(BytesText::new(text))),
        Value::Null => Ok(()),
        scalar => writer.write_event(Event::Text(BytesText::new(&scalar.to_string()))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_escapes_and_nulls() {
        let value = json!({"Roles": [{"Name": "<a>&", "Path": null}], "Ok": true});
        let xml = String::from_utf8(document("R", "urn:x", &value).unwrap()).unwrap();
        assert_eq!(
            xml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><R xmlns=\"urn:x\"><Roles><member><Name>&lt;a&gt;&amp;</Name></member></Roles><Ok>true</Ok></R>"
        );
    }
}
