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
use crate::pair::{Pair, is_of_this_site};
use crate::visit::Visitor;
use lakeward_session::{Login, NoLogin};

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
    let pair = Pair::from_headers(request.headers());
    let mut opened = pair.as_ref().map(|pair| livy.login(pair));
    if let (Some(pair), Some(Err(_))) = (&pair, &opened)
        && let Some(login) = lapsed(&livy, pair, &request)
    {
        opened = Some(Ok(login));
    }
    let Some(Ok(login)) = &opened else {
        let refusal = LivyError::Unauthenticated.into_response();
        return livy.close(&trace, Visitor::of(opened.as_ref()), refusal);
    };
    let response = match refusal(login, &request) {
        Some(refusal) => refusal.into_response(),
        None => {
            request.extensions_mut().insert(Arc::new(login.clone()));
            tokio::time::timeout(CALL_TIMEOUT, next.run(request))
                .await
                .unwrap_or_else(|_| LivyError::TooSlow.into_response())
        }
    };
    livy.close(&trace, Visitor::Known(login), response)
}

/// Why a request of this login is refused, whatever it asks for.
fn refusal(login: &Login, request: &Request) -> Option<LivyError> {
    if !is_of_this_site(request.headers()) {
        return Some(LivyError::ForeignOrigin);
    }
    let other = asked_to_be(request).filter(|other| !may_be(login, other))?;
    let user = login.username.clone();
    Some(LivyError::Impersonation { user, other })
}

/// The names a login may go by: its user name, and its role's, as sessions show them.
pub(super) fn may_be(login: &Login, other: &str) -> bool {
    other == login.username || other == login.role_name()
}

impl Livy {
    fn login(&self, pair: &Pair) -> Result<Login, NoLogin> {
        let login = pair.open(&*self.roles, &self.cluster_id)?;
        self.lapsed.remember(pair, &login);
        Ok(login)
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
