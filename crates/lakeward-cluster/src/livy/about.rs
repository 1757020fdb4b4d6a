//! What a cluster's Livy says of itself: its version, that it is there, and where its pages are.

use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::error::LivyError;

/// The media type that names a version of the API.
const VERSIONED: &str = "application/vnd.livy.v";
/// The only version there is.
const VERSION: &str = "0.1+json";

/// The release of Livy whose contract is served, and by what.
pub(super) async fn version() -> Json<Value> {
    Json(json!({
        "version": "0.8.0-incubating",
        "user": "lakeward",
        "revision": env!("CARGO_PKG_VERSION"),
        "branch": "",
        "date": "",
        "url": "lakeward",
    }))
}

/// Dropwizard's answer to a ping.
pub(super) async fn ping() -> &'static str {
    "pong\n"
}

/// Livy leads there from its root.
pub(super) async fn root() -> Redirect {
    Redirect::to("/ui/")
}

/// Refuses a client that accepts other versions of the API only.
pub(super) async fn check_version(request: Request, next: Next) -> Response {
    match unknown_version(request.headers()) {
        Some(version) => LivyError::NotAcceptable(version).into_response(),
        None => next.run(request).await,
    }
}

/// The version asked for, when it is asked for by name and isn't there.
fn unknown_version(headers: &HeaderMap) -> Option<String> {
    let accepted = headers.get(header::ACCEPT)?.to_str().ok()?;
    let types = accepted.split(',').map(str::trim);
    let named = types.filter_map(|one| one.strip_prefix(VERSIONED));
    let mut versions = named.map(|one| one.split(';').next().unwrap_or(one).trim());
    let first = versions.next()?;
    let is_there = first == VERSION || versions.any(|one| one == VERSION);
    (!is_there).then(|| first.chars().take(32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_version_that_is_named_can_be_missing() {
        for (accept, expected) in [
            ("*/*", None),
            ("application/json", None),
            ("application/vnd.livy.v0.1+json", None),
            ("application/vnd.livy.v0.1+json; q=0.5", None),
            ("application/vnd.livy.v9.9+json", Some("9.9+json")),
            (
                "application/vnd.livy.v9+json, application/vnd.livy.v0.1+json",
                None,
            ),
            ("application/vnd.livy.v, text/html", Some("")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(unknown_version(&headers).as_deref(), expected, "{accept}");
        }
        assert!(unknown_version(&HeaderMap::new()).is_none());
    }
}
