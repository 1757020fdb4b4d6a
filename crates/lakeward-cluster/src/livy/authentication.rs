//! HTTP Basic on every call: who is calling, or 401.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::Method;

use super::error::LivyError;
use super::router::Livy;
use super::visit::trace_of;
use crate::pair::Pair;
use lakeward_session::Login;

/// How long one call may take, the arrival of its body included.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Lets a call through with its [`Login`] attached, or answers 401.
pub(super) async fn authenticate(
    State(livy): State<Arc<Livy>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Err(error) = livy.roles.can_record() {
        return LivyError::Unrecorded(error.message).into_response();
    }
    let trace = trace_of(&request);
    let login = Pair::from_headers(request.headers())
        .and_then(|pair| livy.login(&pair).or_else(|| lapsed(&livy, &pair, &request)));
    let Some(login) = login.map(Arc::new) else {
        let refusal = LivyError::Unauthenticated.into_response();
        return livy.close(&trace, None, refusal);
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
    livy.close(&trace, Some(&login), response)
}

/// The names a login may go by: its user name, and its role's, as sessions show them.
pub(super) fn may_be(login: &Login, other: &str) -> bool {
    other == login.username || other == login.role_name()
}

impl Livy {
    fn login(&self, pair: &Pair) -> Option<Login> {
        let login = pair.open(&*self.roles, &self.cluster_id)?;
        self.lapsed.remember(pair, &login);
        Some(login)
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
