//! Random policy documents as JSON.

use lakeward_policy::{StatementEffect, StatementSummary, Usage};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::document;
use crate::world::{
    AWAY, FEDERATED, HOME, OTHER_PROVIDER, PROVIDER, ROLE, ROLE_ID, SERVICE, SESSION, USER, USER_ID,
};

pub const USAGES: [Usage; 6] = [
    Usage::Identity,
    Usage::Resource,
    Usage::Trust,
    Usage::ServiceControl,
    Usage::ResourceControl,
    Usage::Endpoint,
];

const ACTIONS: [&str; 9] = [
    "*",
    "s3:*",
    "S3:Get*",
    "s3:GetObject",
    "s3:?etObject",
    "s3:PutObject",
    "kms:*",
    "sts:*",
    "STS:assumerole",
];
const TRUST_ACTIONS: [&str; 4] = ["sts:*", "sts:AssumeRole", "STS:assume*", "sts:TagSession"];
const RESOURCES: [&str; 12] = [
    "*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::lake/*",
    "arn:aws:s3:::lake/${aws:username}",
    "arn:aws:s3:::lake/${aws:PrincipalTag/Team, 'ana'}",
    "arn:aws:s3:::lake/a${*}b*",
    "arn:aws:s3:::l?ke/b",
    "arn:aws:*:::lake/?*",
    "arn:aws:s3*:::lake/b",
    "arn:aws:${lake:Service}:::lake/b",
    "arn:*:s3:*:*:other/*/c",
    "arn:aws:iam::111122223333:role/*",
];

/// A condition key and the values that requests have for it.
pub const KEYS: [(&str, &[&str]); 9] = [
    ("lake:Color", &["red", "Red", "blue", "r*d", "", "ana"]),
    ("lake:Count", &["1", "1.0", "2", "10", "-3.5", "ten"]),
    (
        "lake:When",
        &[
            "2020-01-01T00:00:00Z",
            "1577836800",
            "2020-01-01T02:00:00+02:00",
            "2021-06-01",
            "soon",
        ],
    ),
    (
        "aws:SourceIp",
        &[
            "10.1.2.3",
            "10.255.0.0",
            "203.0.113.9",
            "2001:db8::1",
            "2001:db9::1",
            "nowhere",
        ],
    ),
    ("lake:Flag", &["true", "false", "TRUE", "maybe"]),
    (
        "lake:Role",
        &[
            "arn:aws:iam::111122223333:role/emr-a",
            "arn:aws:iam::111122223333:role/team/emr-a",
            "arn:aws:iam::444455556666:role/emr-b",
            "no-arn",
        ],
    ),
    ("lake:Blob", &["AQID", "AQIE", "!"]),
    ("aws:PrincipalTag/Team", &["red", "ana", "a*b"]),
    ("lake:Service", &["s3"]),
];

/// The operators of a type, the values that policies give them, and the keys of that type.
const OPERATORS: [(&[&str], &[&str], &[&str]); 8] = [
    (
        &[
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
        ],
        &[
            "red",
            "RED",
            "blue",
            "r*d",
            "",
            "${aws:username}",
            "${aws:PrincipalTag/team}",
            "${*}",
            "r${*}d",
            "${lake:nothing}",
            "${lake:nothing, 'red'}",
        ],
        &["lake:Color", "aws:PrincipalTag/TEAM"],
    ),
    (
        &["StringLike", "StringNotLike"],
        &[
            "red",
            "r*d",
            "r?d",
            "*",
            "?*",
            "R*",
            "r${*}d",
            "${aws:username}*",
            "*${aws:PrincipalTag/Team}",
            "*e*",
        ],
        &["Lake:color", "aws:PrincipalTag/Team"],
    ),
    (
        &["ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"],
        &[
            "arn:aws:iam::111122223333:role/emr-*",
            "arn:aws:iam::*:role/*",
            "arn:aws:iam:*role/emr-a:::",
            "arn:aws:iam::111122223333:role/emr-?",
            "arn:aws:iam::${aws:PrincipalAccount}:role/*a",
            "${lake:Role}",
            "*",
        ],
        &["lake:Role"],
    ),
    (
        &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        &["1", "2.0", "-3.5", "10"],
        &["lake:Count"],
    ),
    (
        &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        &["2020-01-01", "1577836801", "2021-06-01T00:00:00Z"],
        &["lake:When"],
    ),
    (&["Bool"], &["true", "false", "True"], &["lake:Flag"]),
    (&["BinaryEquals"], &["AQID", "AQIE"], &["lake:Blob"]),
    (
        &["IpAddress", "NotIpAddress"],
        &[
            "10.0.0.0/8",
            "10.1.2.3",
            "203.0.113.8/31",
            "0.0.0.0/0",
            "2001:db8::/32",
            "::/0",
        ],
        &["aws:SourceIP"],
    ),
];

/// One `(operator, key, values)`.
fn condition() -> impl Strategy<Value = (String, &'static str, Vec<&'static str>)> {
    let any_key = || select(KEYS.map(|(key, _)| key).to_vec());
    let set = select(vec!["", "", "ForAllValues:", "ForAnyValue:"]);
    let optional = prop::bool::weighted(0.25);
    let compared = (select(&OPERATORS[..]), set, optional).prop_flat_map(
        move |((names, values, keys), set, optional)| {
            let suffix = if optional { "IfExists" } else { "" };
            let name = select(names).prop_map(move |name| format!("{set}{name}{suffix}"));
            let key = prop_oneof![4 => select(keys), 1 => any_key()];
            (name, key, prop::collection::vec(select(values), 0..3))
        },
    );
    let null = (
        any_key(),
        select(vec![
            "Null",
            "Null",
            "Null",
            "ForAllValues:Null",
            "ForAnyValue:Null",
        ]),
        select(vec![vec!["true"], vec!["false"], vec!["true", "false"]]),
    )
        .prop_map(|(key, name, values)| (name.to_owned(), key, values));
    prop_oneof![9 => compared, 1 => null]
}

pub fn conditions() -> impl Strategy<Value = Value> {
    prop::collection::vec(condition(), 1..3).prop_map(|conditions| {
        let mut blocks = Map::new();
        for (operator, key, values) in conditions {
            blocks.insert(operator, json!({key: values}));
        }
        Value::Object(blocks)
    })
}

fn principals() -> impl Strategy<Value = Value> {
    let aws = vec![
        "*",
        HOME,
        AWAY,
        ROLE,
        SESSION,
        USER,
        FEDERATED,
        USER_ID,
        ROLE_ID,
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::444455556666:role/reader",
    ];
    let service = vec![SERVICE, "ec2.amazonaws.com"];
    let provider = vec![PROVIDER, OTHER_PROVIDER, "accounts.google.com"];
    let list = |names: Vec<&'static str>, most| prop::collection::vec(select(names), 1..most);
    prop_oneof![
        2 => Just(json!("*")),
        8 => list(aws.clone(), 4).prop_map(|names| json!({"AWS": names})),
        2 => list(service, 3).prop_map(|names| json!({"Service": names})),
        2 => list(provider, 3).prop_map(|names| json!({"Federated": names})),
        1 => (list(aws, 3), Just(SERVICE)).prop_map(|(aws, service)| json!({"AWS": aws, "Service": service})),
        1 => Just(json!({"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"})),
    ]
}

/// Names that leave out somebody entirely.
fn exempted() -> impl Strategy<Value = Value> {
    let chains = vec![
        json!({"AWS": [SESSION, ROLE, HOME]}),
        json!({"AWS": [USER, HOME]}),
        json!({"AWS": [FEDERATED, USER, HOME]}),
        json!({"AWS": HOME}),
        json!({"Service": SERVICE}),
        json!({"Federated": PROVIDER}),
        json!("*"),
    ];
    prop_oneof![3 => select(chains), 1 => principals()]
}

/// What a statement says besides its principal.
fn body(trust: bool) -> BoxedStrategy<Map<String, Value>> {
    let actions = if trust {
        TRUST_ACTIONS.to_vec()
    } else {
        ACTIONS.to_vec()
    };
    let narrow = (
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.15),
        prop::collection::vec(select(actions.clone()), 1..3),
        prop::bool::weighted(0.15),
        prop::collection::vec(select(&RESOURCES[..]), 1..3),
        prop::option::weighted(0.35, conditions()),
    )
        .prop_map(
            move |(deny, not_action, actions, not_resource, resources, conditions)| {
                let mut body = Map::new();
                let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
                set("Effect", json!(if deny { "Deny" } else { "Allow" }));
                set(
                    if not_action { "NotAction" } else { "Action" },
                    json!(actions),
                );
                if !trust {
                    set(
                        if not_resource {
                            "NotResource"
                        } else {
                            "Resource"
                        },
                        json!(resources),
                    );
                }
                if let Some(conditions) = conditions {
                    set("Condition", conditions);
                }
                body
            },
        );
    let mut broad = json!({"Effect": "Allow", "Action": if trust { "sts:*" } else { "*" }});
    if !trust {
        broad["Resource"] = json!("*");
    }
    let broad = broad.as_object().unwrap().clone();
    prop_oneof![2 => narrow, 1 => Just(broad)].boxed()
}

fn with_principal(trust: bool) -> impl Strategy<Value = Value> {
    let names = (principals(), exempted(), prop::bool::weighted(0.4));
    (body(trust), names).prop_map(move |(mut body, (principals, exempted, not))| {
        match not && (body["Effect"] == "Deny" || !trust) {
            true => body.insert("NotPrincipal".to_owned(), exempted),
            false => body.insert("Principal".to_owned(), principals),
        };
        Value::Object(body)
    })
}

/// Statements of a document; the first two versions of the language are both in use.
fn several<S: Strategy<Value = Value>>(statement: S) -> impl Strategy<Value = Value> {
    (
        prop::collection::vec(statement, 1..4),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(statements, old)| {
            let document = document(statements);
            if !old {
                return document;
            }
            // Without variables this would not be an ARN.
            let text = document.to_string().replace("${lake:Role}", "*");
            serde_json::from_str(&text.replace("2012-10-17", "2008-10-17")).unwrap()
        })
}

pub fn identity() -> impl Strategy<Value = Value> {
    prop::collection::vec(body(false).prop_map(Value::Object), 1..4).prop_map(document)
}

pub fn resource() -> impl Strategy<Value = Value> {
    several(with_principal(false))
}

pub fn trust() -> impl Strategy<Value = Value> {
    several(with_principal(true))
}

pub fn endpoint() -> impl Strategy<Value = Value> {
    let open = body(false).prop_map(|mut body| {
        body.insert("Principal".to_owned(), json!("*"));
        Value::Object(body)
    });
    several(prop_oneof![2 => open, 1 => with_principal(false)])
}

pub fn resource_control() -> impl Strategy<Value = Value> {
    let statement = body(false).prop_map(|mut body| {
        body.insert("Principal".to_owned(), json!("*"));
        Value::Object(body)
    });
    prop::collection::vec(statement, 1..3).prop_map(document)
}

/// A statement that fits where `model` stood and matches nothing.
pub fn silent(model: &Value) -> Value {
    let mut silent = model.clone();
    let members = silent.as_object_mut().unwrap();
    members.remove("NotAction");
    members.insert("Effect".to_owned(), json!("Allow"));
    members.insert("Action".to_owned(), json!("sts:Nothing"));
    if let Some(exempted) = members.remove("NotPrincipal") {
        members.insert("Principal".to_owned(), exempted);
    }
    silent
}

/// The statement of an identity policy, from its summary.
pub fn from_summary(summary: &StatementSummary<'_>) -> Value {
    let written = summary.written;
    let mut blocks = Map::new();
    for condition in &written.conditions {
        let block = blocks.entry(&condition.operator).or_insert(json!({}));
        block[&condition.key] = json!(condition.values);
    }
    let not = |negated, name: &str| {
        if negated {
            format!("Not{name}")
        } else {
            name.to_owned()
        }
    };
    json!({
        "Effect": match summary.effect {
            StatementEffect::Allow => "Allow",
            StatementEffect::Deny => "Deny",
        },
        (not(written.not_action, "Action")): written.actions,
        (not(written.not_resource, "Resource")): written.resources,
        "Condition": blocks,
    })
}
