use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

#[derive(Deserialize, Debug, PartialEq, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    role_name: String,
    duration: Option<u32>,
    path: Option<String>,
    tags: Vec<Tag>,
    enabled: Option<bool>,
    since: Option<jiff::Timestamp>,
    attributes: BTreeMap<String, String>,
    rows: Vec<Vec<String>>,
}

fn read(body: &str) -> Result<Input, String> {
    Form::parse("", body)?.read()
}

fn any(body: &str) -> Value {
    Form::parse("", body).unwrap().read().unwrap()
}

#[test]
fn lists_structs_and_numbers() {
    let input = read(
        "RoleName=a%20b&Duration=900&Tags.member.2.Key=k2&Tags.member.2.Value=&Tags.member.10.Key=k%2B1&Tags.member.10.Value=v+1",
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
            tags: vec![tag("k2", ""), tag("k+1", "v 1")],
            ..Input::default()
        })
    );
}

#[test]
fn truths_times_maps_and_lists_of_lists() {
    let input = read(
        "Enabled=True&Since=2026-11-21T10%3A00%3A00Z&Tags=&Attributes.entry.1.key=a.b&Attributes.entry.1.value=1&Attributes.entry.2.key=c&Attributes.entry.2.value=&Rows.member.1.member.1=x&Rows.member.1.member.2=y&Rows.member.2=",
    )
    .unwrap();
    assert_eq!(input.enabled, Some(true));
    assert_eq!(input.since, Some("2026-11-21T10:00:00Z".parse().unwrap()));
    assert!(input.tags.is_empty());
    let map = [("a.b", "1"), ("c", "")].map(|(key, value)| (key.into(), value.into()));
    assert_eq!(input.attributes, BTreeMap::from(map));
    assert_eq!(input.rows, [vec!["x".to_owned(), "y".to_owned()], vec![]]);
    assert_eq!(read("Rows.1.1=flat").unwrap().rows, [["flat".to_owned()]]);
    assert!(read("Attributes=").unwrap().attributes.is_empty());
}

#[test]
fn the_query_string_adds_to_the_body_but_for_the_signature() {
    let form = Form::parse("Action=A&X-Amz-Date=1&X-Amz-Security-Token=t", "B=2").unwrap();
    assert_eq!(form.text("Action"), Some("A"));
    assert_eq!(form.text("B"), Some("2"));
    assert_eq!(form.text("X-Amz-Date"), None);
    let twice = Form::parse("Action=A", "Action=B").unwrap_err();
    assert!(twice.contains("`Action`"), "{twice}");
}

#[test]
fn wrong_types_and_shapes_are_refused() {
    for (body, named) in [
        ("Duration=soon", "`soon`"),
        ("Enabled=yes", "`yes`"),
        ("RoleName=a&RoleName=b", "`RoleName`"),
        ("RoleName.x=a", "single value"),
        ("Tags=x", "`x`"),
        ("Tags.member=x", "`x`"),
        ("Tags.member.x.Key=k", "`x`"),
        ("Tags.member.01.Key=k", "`01`"),
        ("Tags.member.1.Key=k&Tags.extra=1", "`extra`"),
        ("Tags.member.1.Key=k&Tags.member.1=1", "`1`"),
        ("Tags.member.1.Key=k", "Value"),
        ("Attributes.entry.1.key=k", "value"),
        (
            "Attributes.entry.1.key=k&Attributes.entry.1.value=1&Attributes.entry.2.key=k&Attributes.entry.2.value=2",
            "`k`",
        ),
    ] {
        let error = read(body).unwrap_err();
        assert!(error.contains(named), "{body}: {error}");
    }
}

#[test]
fn depth_and_number_are_bounded() {
    assert!(Form::parse("", &format!("{}=1", "a.".repeat(40))).is_err());
    let many = |count: u32| {
        (0..count)
            .map(|name| format!("p{name}=&"))
            .collect::<String>()
    };
    assert!(Form::parse("", &many(4096)).is_ok());
    assert!(Form::parse("", &many(4097)).is_err());
    assert!(Form::parse(&many(2048), &many(2049).replace('p', "q")).is_err());
}

#[test]
fn the_audit_record_sees_lists_and_maps() {
    assert_eq!(
        any(
            "Name=n&Tags.member.1.Key=k&Names.member.1=a&Names.member.2=b&M.entry.1.key=x&M.entry.1.value=y&L="
        ),
        json!({"Name": "n", "Tags": [{"Key": "k"}], "Names": ["a", "b"], "M": {"x": "y"}, "L": ""})
    );
}

fn flat(value: &Value, name: &str, pairs: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let dot = if name.is_empty() { "" } else { "." };
                flat(value, &format!("{name}{dot}{member}"), pairs);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flat(item, &format!("{name}.member.{}", index + 1), pairs);
            }
        }
        other => {
            let text = other.as_str().unwrap();
            let all = percent_encoding::NON_ALPHANUMERIC;
            let text = percent_encoding::utf8_percent_encode(text, all);
            pairs.push(format!("{name}={text}"));
        }
    }
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = ".{0,8}".prop_map(Value::String);
    let value = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Value::Array),
            prop::collection::btree_map("[A-Z][a-z]{0,5}", inner, 1..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[A-Z][a-z]{0,5}", value, 1..5)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

proptest! {
    #[test]
    fn what_a_client_writes_is_read(value in tree()) {
        let mut pairs = Vec::new();
        flat(&value, "", &mut pairs);
        prop_assert_eq!(any(&pairs.join("&")), value);
    }

    #[test]
    fn any_body_is_read_or_refused(query in ".{0,60}", body in ".{0,200}") {
        let _ = Form::parse(&query, &body).and_then(Form::read::<Input>);
    }
}
