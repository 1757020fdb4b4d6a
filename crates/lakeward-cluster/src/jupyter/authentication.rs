//! Who is calling, on every call and as long as a WebSocket lasts.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Uri, header};
use serde::Deserialize;

use super::error::GatewayError;
use super::router::Gateway;
use super::visit::trace_of;
use crate::pair::{Pair, is_of_this_site};
use crate::visit::Visitor;

/// How long one call may take; longer than a kernel may take to start.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct InQuery {
    token: Option<String>,
}

/// The pair in a request: HTTP Basic, `Authorization: token NAME:PASSWORD`, or `?token=`.
fn pair_of(headers: &HeaderMap, uri: &Uri) -> Option<Pair> {
    if headers.contains_key(header::AUTHORIZATION) {
        return Pair::from_headers(headers).or_else(|| in_token(headers));
    }
    let Query(query) = Query::<InQuery>::try_from_uri(uri).ok()?;
    Pair::from_text(&query.token?)
}

fn in_token(headers: &HeaderMap) -> Option<Pair> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("token")
        .then(|| Pair::from_text(token.trim()))?
}

/// Lets a call through with its [`Login`](lakeward_session::Login) and [`Pair`] attached, or
/// refuses it.
pub(super) async fn authenticate(
    State(gateway): State<Arc<Gateway>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Err(error) = gateway.roles.can_record() {
        return GatewayError::Unrecorded(error.message).into_response();
    }
    let trace = trace_of(&request);
    let pair = pair_of(request.headers(), request.uri());
    let opened = pair
        .as_ref()
        .map(|pair| pair.open(&*gateway.roles, &gateway.cluster_id));
    let (Some(pair), Some(Ok(login))) = (pair, &opened) else {
        let refusal = GatewayError::Unauthenticated.into_response();
        return gateway.close(&trace, Visitor::of(opened.as_ref()), refusal);
    };
    let response = if is_of_this_site(request.headers()) {
        request.extensions_mut().insert(Arc::new(login.clone()));
        request.extensions_mut().insert(Arc::new(pair));
        tokio::time::timeout(CALL_TIMEOUT, next.run(request))
            .await
            .unwrap_or_else(|_| GatewayError::TooSlow.into_response())
    } else {
        GatewayError::ForeignOrigin.into_response()
    };
    gateway.close(&trace, Visitor::Known(login), response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(authorization: Option<&str>, uri: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        let pair = pair_of(&headers, &uri.parse().unwrap())?;
        Some((pair.username, pair.password.expose().to_owned()))
    }

    #[test]
    fn the_pair_comes_in_three_ways() {
        let expected = Some(("user".to_owned(), "pass:word".to_owned()));
        for (header, uri) in [
            (Some("token user:pass:word"), "/api"),
            (Some("Token user:pass:word"), "/api?token=a:b"),
            (Some("Basic dXNlcjpwYXNzOndvcmQ="), "/api"),
            (None, "/api?x=1&token=user%3Apass%3Aword"),
        ] {
            assert_eq!(pair(header, uri), expected, "{header:?} {uri}");
        }
        for (header, uri) in [
            (None, "/api"),
            (None, "/api?token=user"),
            (Some("Bearer user:password"), "/api?token=user:password"),
            (Some("token"), "/api"),
            (Some("token user"), "/api"),
        ] {
            assert_eq!(pair(header, uri), None, "{header:?} {uri}");
        }
    }
}
