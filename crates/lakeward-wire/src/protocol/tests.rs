use super::*;

const QUERY: Protocol = Protocol::Query {
    version: "2011-06-15",
    namespace: "urn:sts",
};
const JSON: Protocol = Protocol::AwsJson { target: "X" };

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

fn decode(protocol: Protocol, uri: &str, target: &str, body: &str) -> Result<Incoming, AwsError> {
    let mut headers = HeaderMap::new();
    if !target.is_empty() {
        headers.insert("x-amz-target", target.parse().unwrap());
    }
    let body = Bytes::copy_from_slice(body.as_bytes());
    protocol.decode(&uri.parse().unwrap(), &headers, &body)
}

#[test]
fn a_query_refusal_is_access_denied_with_403() {
    let response = QUERY.encode("AssumeRole", "id", Err(AwsError::access_denied("no")));
    assert_eq!(response.status(), 403);
    assert!(
        text(&response)
            .contains("<Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message>")
    );
}

#[test]
fn a_json_refusal_is_access_denied_exception_with_400() {
    let response = JSON.encode("Do", "id", Err(AwsError::access_denied("no")));
    assert_eq!(response.status(), 400);
    assert!(text(&response).contains(r#""__type":"AccessDeniedException""#));
}

#[test]
fn each_protocol_has_its_own_names_for_failed_signatures() {
    for (query, status, json) in [
        ("InvalidClientTokenId", 403, "UnrecognizedClientException"),
        ("ExpiredToken", 403, "ExpiredTokenException"),
        ("SignatureDoesNotMatch", 403, "InvalidSignatureException"),
        (
            "MissingAuthenticationToken",
            403,
            "MissingAuthenticationTokenException",
        ),
        ("IncompleteSignature", 400, "IncompleteSignatureException"),
    ] {
        for code in [query, json] {
            let error = QUERY.native(AwsError::new(403, code, "why"));
            assert_eq!((error.status.as_u16(), &*error.code), (status, query));
            for protocol in [JSON, Protocol::RestJson] {
                let error = protocol.native(AwsError::new(403, code, "why"));
                assert_eq!((error.status.as_u16(), &*error.code), (400, json));
                assert_eq!(error.message, "why");
            }
        }
    }
}

#[test]
fn an_errors_headers_are_written_under_every_protocol() {
    for protocol in [QUERY, JSON, Protocol::RestJson] {
        let error = AwsError::access_denied("no")
            .with_header("x-lakeward-authorization-message", "sealed")
            .with_header("x-broken", "a\nb");
        let response = protocol.encode("Do", "id", Err(error));
        assert_eq!(
            response.headers()["x-lakeward-authorization-message"],
            "sealed"
        );
        assert!(!response.headers().contains_key("x-broken"));
    }
}

#[test]
fn a_target_of_another_service_is_refused() {
    let emr = Protocol::AwsJson {
        target: "ElasticMapReduce",
    };
    for target in [
        "AWSGlue.GetTable",
        "ElasticMapReduce.X.Y",
        "ElasticMapReduce",
        "",
    ] {
        let refused = decode(emr, "/", target, "{}").unwrap_err();
        assert_eq!(refused.code, "UnknownOperationException");
    }
}

#[test]
fn a_target_may_have_dots_before_the_operation() {
    let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
    let protocol = Protocol::AwsJson { target };
    let incoming = decode(protocol, "/", &format!("{target}.LookupEvents"), "").unwrap();
    assert_eq!(incoming.operation, "LookupEvents");
    assert!(decode(protocol, "/", "com.amazonaws.LookupEvents", "").is_err());
}

#[test]
fn json_is_read_or_refused_whatever_its_depth() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [&*deep, "{", "\u{0}", "{\"a\":1} x"] {
        let refused = decode(JSON, "/", "X.Do", body).unwrap_err();
        assert_eq!(refused.code, "SerializationException");
    }
}

#[test]
fn a_form_may_stand_in_the_query_string() {
    let url = "/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Signature=00";
    let incoming = decode(QUERY, url, "", "").unwrap();
    assert_eq!(incoming.operation, "GetCallerIdentity");
    assert_eq!(
        incoming.parameters(),
        json!({"Action": "GetCallerIdentity", "Version": "2011-06-15"})
    );
    let both = decode(QUERY, "/?Action=A", "", "Name=n").unwrap();
    assert_eq!(both.parameters(), json!({"Action": "A", "Name": "n"}));
    let twice = decode(QUERY, "/?Action=A", "", "Action=B").unwrap_err();
    assert_eq!(twice.code, "MalformedQueryString");
    let none = decode(QUERY, "/", "", "Name=n").unwrap_err();
    assert_eq!(none.code, "MissingAction");
}

/// As inputs are written: a list of structures, one of which takes what it doesn't know.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wish {
    name: String,
    #[serde(default)]
    parts: Vec<Part>,
    #[serde(default)]
    keep: bool,
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    kind: Option<Kind>,
    size: Option<u32>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Master,
    Core,
}

fn wish(body: &str) -> Result<Wish, AwsError> {
    decode(JSON, "/", "X.Do", body).unwrap().read()
}

#[test]
fn a_refused_member_is_named_with_its_path() {
    for (body, code, message) in [
        (
            r#"{"Name": "n", "Parts": [{}, {"Kind": "FOO"}]}"#,
            "ValidationException",
            "Parts[1].Kind: unknown variant `FOO`, expected `MASTER` or `CORE`",
        ),
        (
            r#"{"Name": "n", "Parts": [{"Size": -1}]}"#,
            "ValidationException",
            "Parts[0].Size: invalid value: integer `-1`, expected u32",
        ),
        (
            r#"{"Name": "n", "Parts": [{"Size": "1"}]}"#,
            "SerializationException",
            "Parts[0].Size: invalid type: string \"1\", expected u32",
        ),
        (
            r#"{"Name": 5}"#,
            "SerializationException",
            "Name: invalid type: integer `5`, expected a string",
        ),
        ("{}", "ValidationException", "missing field `Name`"),
    ] {
        let refused = wish(body).unwrap_err();
        assert_eq!((&*refused.code, &*refused.message), (code, message));
    }
}

#[test]
fn a_member_that_is_null_is_not_given() {
    let body =
        r#"{"Name": "n", "Parts": null, "Keep": null, "Other": {"A": null, "B": [null, 1]}}"#;
    let wish = wish(body).unwrap();
    assert!(wish.name == "n" && wish.parts.is_empty() && !wish.keep);
    assert_eq!(json!(wish.others), json!({"Other": {"B": [null, 1]}}));
    let parts = r#"{"Name": "n", "Parts": [{"Kind": null, "Size": 2}]}"#;
    let parts = self::wish(parts).unwrap().parts;
    assert!(parts[0].kind.is_none() && parts[0].size == Some(2));
    assert!(self::wish(r#"{"Name": null}"#).is_err());
    // The audit record has what was sent.
    let sent = decode(JSON, "/", "X.Do", body).unwrap().parameters();
    assert_eq!(sent["Keep"], json!(null));
}

#[test]
fn an_errors_own_member_is_written_in_json() {
    let error = || AwsError::validation("no").with_member("ErrorCode", "NoSuchCluster");
    for protocol in [JSON, Protocol::RestJson] {
        let response = protocol.encode("Do", "id", Err(error()));
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["ErrorCode"], "NoSuchCluster");
        assert_eq!(body["message"], "no");
    }
    let xml = QUERY.encode("Do", "id", Err(error()));
    assert!(!String::from_utf8_lossy(xml.body()).contains("NoSuchCluster"));
}
