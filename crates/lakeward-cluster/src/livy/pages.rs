//! What a cluster's Livy says of itself: its version, that it is there, and where to look.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Json};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::error::LivyError;
use super::router::Livy;
use super::sessions::Caller;

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

/// One page instead of Livy's: what the caller has here, and where it is shown.
pub(super) async fn overview(
    State(livy): State<Arc<Livy>>,
    Extension(login): Caller,
) -> impl axum::response::IntoResponse {
    let text = format!(
        "Livy of cluster {}, for {} with the role {}.\n\
         {} sessions and {} batches of this login: see /sessions and /batches, each with /log below it.\n\
         There are no other pages; `lakeward session ls` shows everybody's.\n",
        livy.cluster_id,
        login.username,
        login.role_arn,
        livy.sessions.owned_by(&login).len(),
        livy.sessions.batches_of(&login).len(),
    );
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text)
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
