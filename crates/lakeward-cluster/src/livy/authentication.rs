//! HTTP Basic on every call: who is calling, or 401.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, header};
use jiff::Timestamp;
use lakeward_wire::Secret;

use super::error::LivyError;
use super::router::Livy;
use super::visit::Trace;
use lakeward_session::Login;

/// Longest accepted header; a pair has at most twice 256 characters.
const HEADER_BYTES: usize = 2048;
/// How long one call may take, the arrival of its body included.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// A user name and password as they came.
pub(super) struct Pair {
    pub username: String,
    pub password: Secret,
}

impl Pair {
    /// Reads the `Authorization` header (RFC 7617).
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, encoded) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > HEADER_BYTES {
            return None;
        }
        let decoded = STANDARD.decode(encoded.trim()).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (username, password) = text.split_once(':')?;
        Some(Self {
            username: username.to_owned(),
            password: Secret::new(password.to_owned()),
        })
    }
}

/// Lets a call through with its [`Login`] attached, or answers 401.
pub(super) async fn authenticate(
    State(livy): State<Arc<Livy>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Err(error) = livy.roles.can_record() {
        return LivyError::Unrecorded(error.message).into_response();
    }
    let trace = Trace::of(&request);
    let login = Pair::from_headers(request.headers())
        .and_then(|pair| livy.login(&pair).or_else(|| lapsed(&livy, &pair, &request)));
    let Some(login) = login.map(Arc::new) else {
        let refusal = LivyError::Unauthenticated.into_response();
        return trace.close(&livy, None, refusal);
    };
    let response = match asked_to_be(&request).filter(|other| !may_be(&login, other)) {
        Some(other) => {
            let user = login.username.clone();
            LivyError::Impersonation { user, other }.into_response()
        }
        None => {
            request.extensions_mut().insert(Arc::clone(&login));
            tokio::time::timeout(CALL_TIMEOUT, next.run(request))
                .await
                .unwrap_or_else(|_| LivyError::TooSlow.into_response())
        }
    };
    trace.close(&livy, Some(&login), response)
}

/// The names a login may go by: its user name, and its role's, as sessions show them.
pub(super) fn may_be(login: &Login, other: &str) -> bool {
    other == login.username || other == login.role_name()
}

impl Livy {
    fn login(&self, pair: &Pair) -> Option<Login> {
        let login = self
            .roles
            .login(&self.cluster_id, &pair.username, pair.password.expose())?;
        let is_good = login.cluster_id == self.cluster_id && login.expires_at > Timestamp::now();
        if is_good {
            self.lapsed.remember(pair, &login);
        }
        is_good.then_some(login)
    }
}

/// A pair that has expired may still end what it opened. Clients connect anew by first deleting
/// the old session with the old pair, and give up when that is refused.
fn lapsed(livy: &Livy, pair: &Pair, request: &Request) -> Option<Login> {
    let path = request.uri().path();
    let is_deletion = request.method() == Method::DELETE
        && path
            .strip_prefix("/sessions/")
            .or_else(|| path.strip_prefix("/batches/"))
            .is_some_and(|rest| !rest.is_empty() && !rest.contains('/'));
    is_deletion.then(|| livy.lapsed.recall(pair))?
}

/// `?doAs=` names another user to be.
fn asked_to_be(request: &Request) -> Option<String> {
    let query = request.uri().query()?;
    let value = query
        .split('&')
        .find_map(|part| part.strip_prefix("doAs="))?;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn a_pair_is_read_and_a_password_may_hold_colons() {
        let value = format!("basic {}", STANDARD.encode("user:pass:word"));
        let pair = Pair::from_headers(&headers(&value)).unwrap();
        assert_eq!(pair.username, "user");
        assert_eq!(pair.password.expose(), "pass:word");
    }

    #[test]
    fn anything_else_is_no_pair() {
        let long = format!("Basic {}", STANDARD.encode("x".repeat(4000)));
        for value in [
            "",
            "Basic",
            "Basic !!!",
            "Basic dXNlcg==",
            "Bearer eDp5",
            &long,
        ] {
            assert!(Pair::from_headers(&headers(value)).is_none(), "{value}");
        }
        assert!(Pair::from_headers(&HeaderMap::new()).is_none());
    }
}
