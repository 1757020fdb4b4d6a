//! A JSON Web Token, read but not yet believed (RFC 7515, RFC 7519).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{claims::Claims, error::WebIdentityError};

/// The longest token, characters ("AssumeRoleWithWebIdentity").
pub(super) const LONGEST: usize = 20_000;

/// The signatures that are accepted. None of them can be made with a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
}

impl Algorithm {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    /// The name of the key that signed.
    pub(super) key_id: Option<String>,
    pub(super) claims: Claims,
    /// What is signed.
    pub(super) signed: &'a str,
    pub(super) signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood; none is.
    crit: Option<Value>,
}

impl<'a> Token<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, WebIdentityError> {
        let (signed, signature) = text.rsplit_once('.').ok_or(malformed("no signature"))?;
        let (header, payload) = signed.split_once('.').ok_or(malformed("no payload"))?;
        let header: Header = serde_json::from_slice(&decode(header)?)
            .map_err(|_| malformed("the header is not what RFC 7515 asks for"))?;
        if header.crit.is_some() {
            return Err(malformed("the header has critical extensions"));
        }
        let claims: Map<String, Value> = serde_json::from_slice(&decode(payload)?)
            .map_err(|_| malformed("the payload is not a JSON object"))?;
        Ok(Self {
            algorithm: Algorithm::parse(&header.alg).ok_or(WebIdentityError::Algorithm)?,
            key_id: header.kid,
            claims: Claims::new(claims),
            signed,
            signature: decode(signature)?,
        })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, WebIdentityError> {
    BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| malformed("a part is not URL-safe Base64"))
}

fn malformed(why: &'static str) -> WebIdentityError {
    WebIdentityError::Malformed(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str) -> String {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(header), part("{}"), part("s"))
    }

    #[test]
    fn only_public_key_signatures_are_read() {
        for name in ["none", "HS256", "HS512", "RS1", "rs256", "PS256", ""] {
            let text = token(&format!(r#"{{"alg":"{name}"}}"#));
            let read = Token::read(&text);
            assert!(matches!(read, Err(WebIdentityError::Algorithm)), "{name}");
        }
        for name in ["RS256", "ES256"] {
            let text = token(&format!(r#"{{"alg":"{name}","kid":"k"}}"#));
            assert_eq!(Token::read(&text).unwrap().key_id.as_deref(), Some("k"));
        }
    }

    #[test]
    fn broken_tokens_are_refused() {
        let critical = token(r#"{"alg":"RS256","crit":["b64"]}"#);
        for text in ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", &critical] {
            let read = Token::read(text);
            assert!(
                matches!(read, Err(WebIdentityError::Malformed(_))),
                "{text}"
            );
        }
    }
}
