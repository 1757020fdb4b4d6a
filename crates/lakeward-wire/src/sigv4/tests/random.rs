//! Whatever AWS's own signer signs is believed; with any one part changed it is not.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SessionTokenMode, SignatureLocation};
use http::{HeaderValue, Method, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

const HOST: &str = "iam.amazonaws.com";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[derive(Debug, Clone)]
struct Sample {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    token: Option<String>,
    token_is_signed: bool,
    in_query: bool,
    /// Seconds between signing and verifying.
    age: i64,
}

fn sample() -> impl Strategy<Value = Sample> {
    let method = prop::sample::select(vec![Method::GET, Method::POST, Method::PUT, Method::DELETE]);
    let segment = r"([A-Za-z0-9._~!$&'()*,;=:@-]|%2F|%C3%A9|%25|%20){0,6}";
    let path = prop::collection::vec(segment, 0..4).prop_map(|segments| segments.join("/"));
    let pairs = prop::collection::vec((".{1,6}", ".{0,8}"), 0..4);
    let headers = prop::collection::vec(("x-[a-z]{1,6}", "[!-~]( {0,3}[!-~]){0,6}"), 0..4);
    (
        (method, path, pairs, headers),
        prop::collection::vec(any::<u8>(), 0..64),
        prop::option::of("[A-Za-z0-9+/=]{1,80}"),
        any::<bool>(),
        any::<bool>(),
        -890_i64..890,
    )
        .prop_map(
            |((method, path, query, headers), body, token, token_is_signed, in_query, age)| {
                Sample {
                    method,
                    path: format!("/{path}"),
                    query,
                    headers,
                    body,
                    token,
                    token_is_signed,
                    in_query,
                    age,
                }
            },
        )
}

impl Sample {
    fn uri(&self) -> String {
        let encode = |text: &str| {
            let encoded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            encoded.replace("%20", "+")
        };
        let pairs: Vec<String> = self
            .query
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let question = if pairs.is_empty() { "" } else { "?" };
        format!("https://{HOST}{}{question}{}", self.path, pairs.join("&"))
    }

    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self.in_query {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(3600));
        }
        if !self.token_is_signed {
            settings.session_token_mode = SessionTokenMode::Exclude;
        }
        settings
    }

    /// Signed at noon by AWS's own signer.
    fn signed(&self) -> Request<Vec<u8>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(self.uri())
            .header("host", HOST)
            .body(self.body.clone())
            .unwrap();
        for (name, value) in &self.headers {
            let name: http::HeaderName = name.parse().unwrap();
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().append(name, value);
        }
        let identity =
            Credentials::new("AKIDEXAMPLE", SECRET, self.token.clone(), None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("iam")
            .time(SystemTime::from(noon()))
            .settings(self.settings())
            .build()
            .unwrap()
            .into();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let body = SignableBody::Bytes(&self.body);
        let uri = self.uri();
        let signable = SignableRequest::new(self.method.as_str(), &uri, headers, body).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request
    }

    fn verify(&self, request: Request<Vec<u8>>, secret: &str) -> Result<SignedRequest, AwsError> {
        let (parts, body) = request.into_parts();
        let claim = SignedRequest::parse(&parts.uri, &parts.headers)?;
        let now = noon() + SignedDuration::from_secs(self.age);
        claim.verify(&parts, &body, &Secret::new(secret.to_owned()), now)?;
        Ok(claim)
    }
}

/// One change to a signed request that changes what it means or who says it.
#[derive(Debug, Clone, Copy)]
enum Change {
    Method,
    Path,
    Parameter,
    Body,
    Host,
    SignedHeader,
    Signature,
    Date,
    Region,
    Service,
    Key,
    SignedHeaders,
    DeclaredHash,
    Target,
}

fn change() -> impl Strategy<Value = Change> {
    use Change::*;
    prop::sample::select(vec![
        Method,
        Path,
        Parameter,
        Body,
        Host,
        SignedHeader,
        Signature,
        Date,
        Region,
        Service,
        Key,
        SignedHeaders,
        DeclaredHash,
        Target,
    ])
}

fn set(request: &mut Request<Vec<u8>>, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().insert(name, value);
}

fn set_uri(request: &mut Request<Vec<u8>>, edit: impl Fn(&str) -> String) {
    let uri: Uri = edit(&request.uri().to_string()).parse().unwrap();
    *request.uri_mut() = uri;
}

/// Edits what the signature says of itself, wherever it is.
fn edit_claim(request: &mut Request<Vec<u8>>, edit: impl Fn(&str) -> String) {
    match request.headers().get("authorization") {
        Some(value) => {
            let value = edit(value.to_str().unwrap());
            set(request, "authorization", &value);
        }
        None => set_uri(request, edit),
    }
}

fn apply(change: Change, request: &mut Request<Vec<u8>>) {
    match change {
        Change::Method => *request.method_mut() = http::Method::PATCH,
        Change::Path => set_uri(request, |uri| uri.replacen(HOST, &format!("{HOST}/x"), 1)),
        Change::Parameter => set_uri(request, |uri| {
            format!("{uri}{}extra=1", if uri.contains('?') { "&" } else { "?" })
        }),
        Change::Body => request.body_mut().push(b'x'),
        Change::Host => set(request, "host", "sts.amazonaws.com"),
        Change::SignedHeader => {
            let names = request.headers().keys().map(ToString::to_string);
            let name = names.filter(|name| name.starts_with("x-")).max();
            let Some(name) = name.filter(|name| !name.starts_with("x-amz")) else {
                return apply(Change::Body, request);
            };
            request.headers_mut().append(
                name.parse::<http::HeaderName>().unwrap(),
                HeaderValue::from_static("more"),
            );
        }
        Change::Signature => edit_claim(request, |claim| {
            let at = claim.find("Signature=").unwrap() + "Signature=".len();
            let digit = if claim[at..].starts_with('0') {
                "1"
            } else {
                "0"
            };
            format!("{}{digit}{}", &claim[..at], &claim[at + 1..])
        }),
        Change::Date if request.headers().contains_key("x-amz-date") => {
            set(request, "x-amz-date", "20261121T115900Z");
        }
        Change::Date => set_uri(request, |uri| uri.replace("T120000Z", "T115900Z")),
        Change::Region => edit_claim(request, |claim| claim.replace("us-east-1", "us-east-2")),
        Change::Service => edit_claim(request, |claim| {
            claim
                .replace("/iam/", "/sts/")
                .replace("%2Fiam%2F", "%2Fsts%2F")
        }),
        Change::Key => edit_claim(request, |claim| {
            claim
                .replace("AKIDEXAMPLE/", "AKIDEXAMPLE//")
                .replace("AKIDEXAMPLE%2F", "AKIDEXAMPLE%2F%2F")
        }),
        Change::SignedHeaders => edit_claim(request, |claim| {
            claim.replace("SignedHeaders=", "SignedHeaders=accept;")
        }),
        Change::DeclaredHash => set(request, "x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        Change::Target => set(request, "x-amz-target", "X.Y"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_awss_signer_signs_is_believed(sample in sample()) {
        let request = sample.signed();
        let claim = sample.verify(request.clone(), SECRET);
        prop_assert!(claim.is_ok(), "{:?} {:?}", claim, request);
        let claim = claim.unwrap();
        prop_assert_eq!(claim.session_token.as_ref().map(Secret::expose), sample.token.as_deref());
        prop_assert!(sample.verify(request, "another").is_err());
    }

    #[test]
    fn with_any_one_part_changed_it_is_not(sample in sample(), change in change()) {
        let mut request = sample.signed();
        apply(change, &mut request);
        let verified = sample.verify(request.clone(), SECRET);
        prop_assert!(verified.is_err(), "{:?}", request);
    }

    #[test]
    fn no_header_panics(value in "[ -~]{0,120}", date in "[ -~]{0,20}") {
        let request = Request::post(URI)
            .header("authorization", format!("AWS4-HMAC-SHA256 {value}"))
            .header("x-amz-date", date)
            .body(())
            .unwrap();
        prop_assert!(check(request, BODY, noon()).is_err());
    }

    #[test]
    fn no_query_panics(query in "(X-Amz-(Algorithm|Credential|Date|Expires|Signature|SignedHeaders)=[!-~&&[^#\"<>]]{0,30}&?){0,8}") {
        if let Ok(uri) = format!("/?{query}").parse::<Uri>() {
            let request = Request::get(uri).header("host", HOST).body(()).unwrap();
            prop_assert!(check(request, b"", noon()).is_err());
        }
    }
}
