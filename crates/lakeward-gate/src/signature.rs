//! What a request's signature covers. The codec verifies the signature; this refuses what the
//! codec would let through: older schemes, unsigned headers, scopes of other services.

use http::{HeaderMap, header, request::Parts};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use lakeward_policy::Context;
use lakeward_wire::sigv4::{ALGORITHM, MAX_EXPIRES};
use percent_encoding::percent_decode_str;
use s3s::{S3Error, S3Result, s3_error};

/// Where a request carries its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Query,
}

/// The claims of a signature that was not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) access_key_id: String,
    region: String,
    place: Place,
    signed_headers: Vec<String>,
}

/// Reads the signature's claims; refuses a request whose signature covers too little, or is for
/// another region than `here`.
pub(crate) fn inspect(request: &Parts, here: &str) -> S3Result<Scope> {
    let query = request.uri.query().unwrap_or_default();
    if is_form(&request.headers) {
        return Err(s3_error!(
            NotImplemented,
            "POST Object (browser upload forms) is not implemented"
        ));
    }
    let scope = match (
        authorization(&request.headers)?,
        parameter(query, "X-Amz-Signature"),
    ) {
        (Some(_), Some(_)) => Err(s3_error!(
            InvalidArgument,
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"
        )),
        (Some(value), None) => from_header(value),
        (None, Some(_)) => from_query(query),
        (None, None) if parameter(query, "Signature").is_some() => Err(unsupported()),
        (None, None) => Err(s3_error!(AccessDenied, "Access Denied")),
    }?;
    scope.covers(&request.headers)?;
    scope.is_for(here)?;
    Ok(scope)
}

fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .get(..19)
                .is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"))
        })
}

fn authorization(headers: &HeaderMap) -> S3Result<Option<&str>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| malformed()),
        (Some(_), Some(_)) => Err(malformed()),
    }
}

fn from_header(value: &str) -> S3Result<Scope> {
    let rest = value.strip_prefix(ALGORITHM).ok_or_else(unsupported)?;
    let field = |name: &str| {
        rest.split(',')
            .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
            .ok_or_else(malformed)
    };
    Scope::new(Place::Header, field("Credential")?, field("SignedHeaders")?)
}

fn from_query(query: &str) -> S3Result<Scope> {
    let field = |name: &str| parameter(query, name).ok_or_else(malformed_query);
    if field("X-Amz-Algorithm")? != ALGORITHM {
        return Err(unsupported());
    }
    let expires = field("X-Amz-Expires")?.parse::<u32>();
    if expires.is_ok_and(|seconds| seconds > MAX_EXPIRES) {
        return Err(s3_error!(
            AuthorizationQueryParametersError,
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
        ));
    }
    Scope::new(
        Place::Query,
        &field("X-Amz-Credential")?,
        &field("X-Amz-SignedHeaders")?,
    )
}

/// A query parameter's decoded value.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = percent_decode_str(key).decode_utf8().ok()?;
        (key == name).then(|| percent_decode_str(value).decode_utf8_lossy().into_owned())
    })
}

impl Scope {
    fn new(place: Place, credential: &str, signed_headers: &str) -> S3Result<Self> {
        // The key id comes first and the rest is fixed: `date/region/service/aws4_request`.
        let mut fields = credential.rsplit('/');
        let (terminal, service, region) = (fields.next(), fields.next(), fields.next());
        let access_key_id = fields.nth(1);
        match (terminal, service, access_key_id) {
            (Some("aws4_request"), Some("s3"), Some(access_key_id)) => Ok(Self {
                access_key_id: access_key_id.to_owned(),
                region: region.unwrap_or_default().to_owned(),
                place,
                signed_headers: signed_headers
                    .split(';')
                    .map(str::to_ascii_lowercase)
                    .collect(),
            }),
            (Some("aws4_request"), Some(service), Some(_)) => Err(s3_error!(
                AuthorizationHeaderMalformed,
                "The authorization header is malformed; incorrect service \"{service}\". This endpoint belongs to \"s3\"."
            )),
            _ => Err(malformed()),
        }
    }

    /// A signature is good for one region.
    fn is_for(&self, here: &str) -> S3Result<()> {
        let region = &self.region;
        match self.place {
            _ if region == here => Ok(()),
            Place::Header => Err(s3_error!(
                AuthorizationHeaderMalformed,
                "The authorization header is malformed; the region '{region}' is wrong; expecting '{here}'"
            )),
            Place::Query => Err(s3_error!(
                AuthorizationQueryParametersError,
                "Error parsing the X-Amz-Credential parameter; the region '{region}' is wrong; expecting '{here}'"
            )),
        }
    }

    /// The condition keys of a request with this signature, once it is verified ("Bucket policy
    /// examples using condition keys" and "Signature Version 4 authentication-specific policy keys"
    /// of the S3 documentation).
    pub(crate) fn facts(
        &self,
        headers: &HeaderMap,
        query: &str,
        now: Timestamp,
    ) -> S3Result<Context> {
        let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let (kind, date) = match self.place {
            Place::Header => ("REST-HEADER", header("x-amz-date")),
            Place::Query => ("REST-QUERY-STRING", parameter(query, "X-Amz-Date")),
        };
        let signed_at = date.as_deref().and_then(moment).ok_or_else(malformed)?;
        let age = now.duration_since(signed_at).as_millis().max(0);
        let payload = header("x-amz-content-sha256");
        Ok(Context::new()
            .with("s3:authType", kind)
            .with("s3:signatureAge", age.to_string())
            .with("s3:signatureversion", ALGORITHM)
            .with(
                "s3:x-amz-content-sha256",
                payload.as_deref().unwrap_or("UNSIGNED-PAYLOAD"),
            ))
    }

    /// The host and everything in S3's own headers must be signed: an unsigned one could be added
    /// or changed by whoever holds the URL. The payload hash is part of what is signed anyway.
    fn covers(&self, headers: &HeaderMap) -> S3Result<()> {
        let signed = |name: &str| self.signed_headers.iter().any(|header| header == name);
        let loose = headers.keys().map(header::HeaderName::as_str).find(|name| {
            name.starts_with("x-amz-") && *name != "x-amz-content-sha256" && !signed(name)
        });
        if loose.is_some() || !signed("host") {
            return Err(s3_error!(
                AccessDenied,
                "There were headers present in the request which were not signed: {}",
                loose.unwrap_or("host")
            ));
        }
        Ok(())
    }
}

/// A signature's date, for instance `20260101T120000Z`.
fn moment(text: &str) -> Option<Timestamp> {
    let at = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn unsupported() -> S3Error {
    s3_error!(
        InvalidRequest,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    )
}

fn malformed() -> S3Error {
    s3_error!(
        AuthorizationHeaderMalformed,
        "The authorization header that you provided is not valid."
    )
}

fn malformed_query() -> S3Error {
    s3_error!(
        AuthorizationQueryParametersError,
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
    )
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    fn request(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    const REGION: &str = "eu-west-1";

    fn code(uri: &str, headers: &[(&str, &str)]) -> Option<S3ErrorCode> {
        let answer = inspect(&request(uri, headers), REGION);
        answer.err().map(|error| error.code().clone())
    }

    const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-date;x-amz-content-sha256, Signature=00";

    #[test]
    fn the_scope_is_read_from_header_and_query() {
        let headers = [("authorization", GOOD), ("x-amz-date", "d")];
        let scope = inspect(&request("/", &headers), REGION).unwrap();
        assert_eq!(scope.access_key_id, "AKIA");
        let uri = "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20260101%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
        let scope = inspect(&request(uri, &[]), REGION).unwrap();
        assert_eq!(scope.access_key_id, "AKIA");
        assert_eq!(
            code(&uri.replace("eu-west-1", "us-east-1"), &[]),
            Some(S3ErrorCode::AuthorizationQueryParametersError)
        );
        let long = uri.replace("=60", "=604801");
        assert_eq!(
            code(&long, &[]),
            Some(S3ErrorCode::AuthorizationQueryParametersError)
        );
        assert_eq!(
            code(uri, &[("authorization", GOOD)]),
            Some(S3ErrorCode::InvalidArgument)
        );
        assert_eq!(
            code(uri, &[("x-amz-copy-source", "b/k")]),
            Some(S3ErrorCode::AccessDenied)
        );
    }

    #[test]
    fn what_the_signature_does_not_cover_is_refused() {
        let sts = GOOD.replace("/s3/", "/sts/");
        let elsewhere = GOOD.replace("eu-west-1", "us-east-1");
        let hostless = GOOD.replace("host;", "");
        for (value, expected) in [
            ("AWS AKIA:sig", S3ErrorCode::InvalidRequest),
            (&*sts, S3ErrorCode::AuthorizationHeaderMalformed),
            (&*elsewhere, S3ErrorCode::AuthorizationHeaderMalformed),
            (&*hostless, S3ErrorCode::AccessDenied),
        ] {
            assert_eq!(code("/", &[("authorization", value)]), Some(expected));
        }
        assert_eq!(code("/", &[]), Some(S3ErrorCode::AccessDenied));
        let old = "/?AWSAccessKeyId=A&Signature=s&Expires=1";
        assert_eq!(code(old, &[]), Some(S3ErrorCode::InvalidRequest));
        assert_eq!(
            code(
                "/",
                &[("authorization", GOOD), ("x-amz-security-token", "t")]
            ),
            Some(S3ErrorCode::AccessDenied)
        );
        assert_eq!(
            code("/b", &[("content-type", "Multipart/Form-Data; boundary=x")]),
            Some(S3ErrorCode::NotImplemented)
        );
    }

    #[test]
    fn policies_see_how_and_when_a_request_was_signed() {
        let now = "2026-01-01T00:00:07.5Z".parse().unwrap();
        let dated = [
            ("authorization", GOOD),
            ("x-amz-date", "20260101T000000Z"),
            ("x-amz-content-sha256", "ab"),
        ];
        let uri = "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20260101%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20260101T000007Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
        for (request, kind, age, payload) in [
            (request("/", &dated), "REST-HEADER", "7500", "ab"),
            (
                request(uri, &[]),
                "REST-QUERY-STRING",
                "500",
                "UNSIGNED-PAYLOAD",
            ),
        ] {
            let scope = inspect(&request, REGION).unwrap();
            let query = request.uri.query().unwrap_or_default();
            let facts = scope.facts(&request.headers, query, now).unwrap();
            let fact = |key: &str| facts.get(key).unwrap().concat();
            assert_eq!(fact("s3:authType"), kind);
            assert_eq!(fact("s3:signatureAge"), age);
            assert_eq!(fact("s3:signatureversion"), ALGORITHM);
            assert_eq!(fact("s3:x-amz-content-sha256"), payload);
            let undated = scope.facts(&HeaderMap::new(), "", now);
            assert!(undated.is_err());
        }
    }
}
