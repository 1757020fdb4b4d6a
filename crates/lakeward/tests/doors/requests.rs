//! A well-formed request for each operation, out of `requests/`.

use std::collections::BTreeSet;

use http::Method;
use lakeward::daemon::Daemon;
use lakeward_identity::Service;
use lakeward_wire::Protocol;
use s3s::crypto::{Checksum as _, Md5};
use serde_json::{Map, Value};

use super::{names::Names, support::wire::Exchange};

/// What the operations of each service are asked with. S3's are whole requests, the others' are
/// inputs.
const FILES: [(&str, &str); 9] = [
    ("cloudtrail", include_str!("requests/cloudtrail.json")),
    (
        "elasticmapreduce",
        include_str!("requests/elasticmapreduce.json"),
    ),
    ("glue", include_str!("requests/glue.json")),
    ("iam", include_str!("requests/iam.json")),
    ("lakeformation", include_str!("requests/lakeformation.json")),
    ("lakeward", include_str!("requests/lakeward.json")),
    ("organizations", include_str!("requests/organizations.json")),
    ("s3", include_str!("requests/s3.json")),
    ("sts", include_str!("requests/sts.json")),
];

/// How a service says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    Query,
    Json,
    S3,
}

/// An operation, and a request for it that is well formed.
#[derive(Clone, Debug)]
pub struct Door {
    pub service: &'static str,
    pub operation: String,
    pub tongue: Tongue,
    pub exchange: Exchange,
}

impl Door {
    /// `service:Operation`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }

    /// True when it reads something that stays the same while nobody changes anything.
    pub fn shows_state(&self) -> bool {
        let name = &*self.operation;
        let reads = ["List", "Describe", "Get"]
            .iter()
            .any(|verb| name.starts_with(verb));
        // These give out new credentials, or tell of the requests of this test.
        let gives = ["Session", "Federation", "Parts", "ListDenials"]
            .iter()
            .any(|word| name.contains(word));
        reads && !gives
    }
}

/// A door for each operation that an instance has.
///
/// Panics when an operation has no request, or a request no operation.
pub fn every_door(daemon: &Daemon, names: &Names) -> Vec<Door> {
    let mut doors = Vec::new();
    let mut served = BTreeSet::from(["s3"]);
    for service in daemon.services() {
        served.insert(service.signing_name());
        let own = of_service(service, names);
        let operations = service.operations().map(str::to_owned).collect();
        check_whole(service.signing_name(), &own, operations);
        doors.extend(own);
    }
    let s3 = of_s3(names);
    check_whole("s3", &s3, gate_operations());
    doors.extend(s3);
    let listed: BTreeSet<&str> = FILES.iter().map(|(service, _)| *service).collect();
    assert_eq!(
        listed, served,
        "the services with requests, and those there are"
    );
    doors
}

fn check_whole(service: &str, doors: &[Door], operations: BTreeSet<String>) {
    let listed: BTreeSet<String> = doors.iter().map(|door| door.operation.clone()).collect();
    let without: Vec<&String> = operations.difference(&listed).collect();
    let stray: Vec<&String> = listed.difference(&operations).collect();
    assert!(
        without.is_empty() && stray.is_empty(),
        "tests/doors/requests/{service}.json has no requests for {without:?}, and has some for {stray:?}, which {service} hasn't"
    );
}

fn requests(service: &str) -> Map<String, Value> {
    let found = FILES.iter().find(|(name, _)| *name == service);
    let (_, text) =
        found.unwrap_or_else(|| panic!("the service {service} has no file of requests"));
    serde_json::from_str(text).unwrap()
}

fn of_service(service: &Service, names: &Names) -> Vec<Door> {
    let (name, protocol) = (service.signing_name(), service.protocol());
    let door = |(operation, input): (String, Value)| Door {
        service: name,
        exchange: exchange(name, protocol, &operation, &filled(&input, names)),
        tongue: match protocol {
            Protocol::Query { .. } => Tongue::Query,
            Protocol::AwsJson { .. } | Protocol::RestJson => Tongue::Json,
        },
        operation,
    };
    requests(name).into_iter().map(door).collect()
}

/// A request for an operation of a service.
pub fn exchange(
    service: &'static str,
    protocol: Protocol,
    operation: &str,
    input: &Value,
) -> Exchange {
    match protocol {
        Protocol::AwsJson { target } => {
            Exchange::json(service, &format!("{target}.{operation}"), input)
        }
        Protocol::RestJson => Exchange::rest_json(service, operation, input),
        Protocol::Query { version, .. } => {
            let mut form = vec![("Action".to_owned(), operation.to_owned())];
            flatten(input, String::new(), &mut form);
            let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (&**n, &**v)).collect();
            Exchange::query(service, version, &form)
        }
    }
}

/// `{"Tags": [{"Key": "a"}]}` as `Tags.member.1.Key=a`.
fn flatten(input: &Value, name: String, form: &mut Vec<(String, String)>) {
    let below = |part: &str| {
        if name.is_empty() {
            part.to_owned()
        } else {
            format!("{name}.{part}")
        }
    };
    match input {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(value, below(member), form);
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                flatten(value, below(&format!("member.{}", at + 1)), form);
            }
        }
        Value::String(text) => form.push((name, text.clone())),
        other => form.push((name, other.to_string())),
    }
}

fn filled(value: &Value, names: &Names) -> Value {
    match value {
        Value::String(text) => names.fill(text).into(),
        Value::Array(values) => values.iter().map(|value| filled(value, names)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, names)))
            .collect(),
        other => other.clone(),
    }
}

fn of_s3(names: &Names) -> Vec<Door> {
    let requests = requests("s3");
    let door = |(operation, request): (&String, &Value)| Door {
        service: "s3",
        operation: operation.clone(),
        tongue: Tongue::S3,
        exchange: s3_exchange(request, names),
    };
    requests.iter().map(door).collect()
}

fn s3_exchange(request: &Value, names: &Names) -> Exchange {
    let text = |member: &str| names.fill(request[member].as_str().unwrap_or_default());
    let body = text("body");
    let mut digest = Md5::new();
    digest.update(body.as_bytes());
    let digest = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, digest.finalize());
    let mut names = names.clone();
    names.set("md5_of_body", &digest);
    let method: Method = text("method").parse().unwrap();
    let plain = Exchange::s3(method, &text("path")).body(body);
    let headers = request["headers"].as_object().into_iter().flatten();
    headers.fold(plain, |exchange, (name, value)| {
        let name = match &**name {
            "content-md5" => "content-md5",
            "x-amz-copy-source" => "x-amz-copy-source",
            other => panic!("{other} is no header that these requests have"),
        };
        exchange.header(name, &names.fill(value.as_str().unwrap()))
    })
}

/// Operations of the gate, from its source: the codec hides which ones it was given.
fn gate_operations() -> BTreeSet<String> {
    let source = include_str!("../../../lakeward-gate/src/operations.rs");
    let methods = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("async fn "));
    methods
        .map(|method| {
            let name = method.split(['(', '<']).next().unwrap();
            let words = name
                .split('_')
                .map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
            words.collect::<String>()
        })
        .collect()
}
