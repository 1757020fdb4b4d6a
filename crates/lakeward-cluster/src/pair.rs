//! The user name and password that `GetClusterSessionCredentials` gave out, as clients bring them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use jiff::Timestamp;
use lakeward_session::{Login, NoLogin, RuntimeRoles};
use lakeward_wire::Secret;

/// Longest accepted header; a pair has at most twice 256 characters.
const HEADER_BYTES: usize = 2048;

/// A user name and password as they came.
pub(crate) struct Pair {
    pub username: String,
    pub password: Secret,
}

impl Pair {
    /// Reads an `Authorization` header of the scheme `Basic` (RFC 7617).
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, encoded) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > HEADER_BYTES {
            return None;
        }
        let decoded = STANDARD.decode(encoded.trim()).ok()?;
        Self::from_text(&String::from_utf8(decoded).ok()?)
    }

    /// Reads `NAME:PASSWORD`.
    pub fn from_text(text: &str) -> Option<Self> {
        if text.len() > HEADER_BYTES {
            return None;
        }
        let (username, password) = text.split_once(':')?;
        Some(Self {
            username: username.to_owned(),
            password: Secret::new(password.to_owned()),
        })
    }

    /// The login that the pair opens on a cluster now.
    pub fn open(&self, roles: &dyn RuntimeRoles, cluster_id: &str) -> Result<Login, NoLogin> {
        let login = roles.login(cluster_id, &self.username, self.password.expose())?;
        if login.cluster_id != cluster_id {
            return Err(NoLogin::Unknown);
        }
        if login.expires_at <= Timestamp::now() {
            return Err(NoLogin::expired(login));
        }
        Ok(login)
    }
}

/// Whether a request comes from a program, or from a page of this very server. A page of another
/// site must not use what the browser knows: that may be a pair, and browsers send it along.
pub(crate) fn is_of_this_site(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = headers.get(header::HOST).map(http::HeaderValue::as_bytes);
    let site = origin.as_bytes().strip_prefix(b"https://");
    site.is_some() && site == host
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

    #[test]
    fn pages_of_other_sites_are_told_apart() {
        let allowed = |origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "10.0.0.1:18888".parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            is_of_this_site(&headers)
        };
        assert!(allowed(None) && allowed(Some("https://10.0.0.1:18888")));
        for origin in [
            "null",
            "",
            "http://10.0.0.1:18888",
            "https://10.0.0.1",
            "https://evil.example",
            "https://10.0.0.1:18888.evil.example",
        ] {
            assert!(!allowed(Some(origin)), "{origin}");
        }
    }
}
