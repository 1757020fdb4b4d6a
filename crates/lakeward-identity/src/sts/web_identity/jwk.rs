//! Public keys of an issuer (RFC 7517, RFC 7518), and what they signed.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

use super::token::{Algorithm, Token};

/// More keys of one issuer than this are not read.
const MOST_KEYS: usize = 100;
/// Bytes of a coordinate on the P-256 curve.
const COORDINATE: usize = 32;

/// A key that can verify, and its name.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256 { point: Vec<u8> },
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a set that can verify; others are passed over, as RFC 7517 wants.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<Key>> {
    let set: KeySet = serde_json::from_slice(bytes).ok()?;
    let written = set.keys.into_iter().take(MOST_KEYS);
    Some(
        written
            .filter_map(|value| serde_json::from_value(value).ok())
            .filter_map(key)
            .collect(),
    )
}

fn key(written: Written) -> Option<Key> {
    if written.usage.is_some_and(|usage| usage != "sig") {
        return None;
    }
    let material = match (&*written.kty, written.crv.as_deref()) {
        ("RSA", _) => Material::Rsa {
            modulus: decode(written.n.as_ref()?)?,
            exponent: decode(written.e.as_ref()?)?,
        },
        ("EC", Some("P-256")) => Material::P256 {
            point: point(&decode(written.x.as_ref()?)?, &decode(written.y.as_ref()?)?)?,
        },
        _ => return None,
    };
    let named = written.alg.as_deref().map(Algorithm::parse);
    if named.is_some_and(|algorithm| algorithm != Some(material.algorithm())) {
        return None;
    }
    Some(Key {
        id: written.kid,
        material,
    })
}

/// An uncompressed point.
fn point(x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
    let whole = x.len() == COORDINATE && y.len() == COORDINATE;
    whole.then(|| [&[4], x, y].concat())
}

fn decode(text: &String) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}

impl Material {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256 { .. } => Algorithm::Es256,
        }
    }
}

impl Key {
    /// True when this may be the key that the token names.
    pub(super) fn suits(&self, token: &Token<'_>) -> bool {
        let named = token.key_id.is_none() || token.key_id == self.id;
        named && self.material.algorithm() == token.algorithm
    }

    /// True when this key signed the token.
    pub(super) fn verifies(&self, token: &Token<'_>) -> bool {
        let (message, signature) = (token.signed.as_bytes(), &*token.signature);
        match &self.material {
            Material::Rsa { modulus, exponent } => RsaPublicKeyComponents {
                n: modulus,
                e: exponent,
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .is_ok(),
            Material::P256 { point } => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
    };
    use serde_json::json;

    use super::*;

    fn encode(bytes: impl AsRef<[u8]>) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    #[test]
    fn a_signature_is_of_one_key_and_one_text() {
        let random = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(COORDINATE);
        let set = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "x": encode(x), "y": encode(y)}]});
        let keys = read(set.to_string().as_bytes()).unwrap();
        let signed = format!(
            "{}.{}",
            encode(r#"{"alg":"ES256","kid":"k"}"#),
            encode("{}")
        );
        let signature = pair.sign(&random, signed.as_bytes()).unwrap();
        let text = format!("{signed}.{}", encode(signature));
        let token = Token::read(&text).unwrap();
        assert!(keys[0].suits(&token) && keys[0].verifies(&token));
        let other = text.replacen(&encode("{}"), &encode("{ }"), 1);
        assert!(!keys[0].verifies(&Token::read(&other).unwrap()));
    }

    /// Signed by a key that has been thrown away.
    const SIGNED_WITH_RSA: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.e30.KSzkW4acw662NoTt4l-3nOLUIvdcYEnHUV7Q9v_mHr7QkL_Qht76J8A_qx0mnn56bAQT9zlV7AQHtL-eq4a3a0Da8uEIxINVzk_w35izjG0UE5UnDYYXzUilhztt-Wvo_uvlcf-QXZx07yxH3vavk121k9c-NiubjFFASJZ6zgndkkJY5BbRC6eNoN1PJSwnRJRQOY1DsvNe48J-1_B7MwU0RDrWjxbSlt8HvNX5AlanP2EPASfdT5MOwq-5JSIXoObjslKfoh7tsnpdmbDDqaRc1rBgLoaeV6qL0k5shEBJgvxVv85zPQaUjL8CWYPMmj8s6Lh0t1-DSIuZkuGNbA";
    const MODULUS: &str = "im4VJMl-LcJ7yclb_VAPwPJPit-154D4f-zmcLnvqgmWEGToQG0H0zwlusJFiIDMajOP_ddu5cAHjrBVxVIELtRlQ_pfoud2THdy4bFsd-u703fqOGVs_LdDdnWxdRn1oaGY9Lc18ex1AzOodk-rd1XTMPuR65X2TOQ3hsTV-1uBf1OGraPIA-3zNskfD5cCwWV9tDHojeay6h6pU87o98QVGSCMZOv8jL4e7xlfCgLdLbtMpeNSKcXkIKLsHLetTDTV4ljl0L3nQwIlxYov0GdAmZhO5befJf0VKZaXRJzXWO4eJzu5_Wd_KFE0k0rj8vVeCLnjPf0W9osiPuLmCw";

    #[test]
    fn an_rsa_signature_is_verified() {
        let key = |modulus: &str| {
            let set = json!({"keys": [{"kty": "RSA", "kid": "r", "n": modulus, "e": "AQAB"}]});
            read(set.to_string().as_bytes()).unwrap().remove(0)
        };
        let token = Token::read(SIGNED_WITH_RSA).unwrap();
        assert!(key(MODULUS).suits(&token) && key(MODULUS).verifies(&token));
        assert!(!key(&MODULUS.replacen("im4V", "im4W", 1)).verifies(&token));
        assert!(
            !key("AQAB").verifies(&token),
            "a short key verifies nothing"
        );
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let set = json!({"keys": [
            {"kty": "oct", "k": "AAAA"},
            {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
            {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RS512"},
            {"kty": "RSA", "n": "*", "e": "AQAB"},
            {"kty": "RSA"},
            7,
        ]});
        assert!(read(set.to_string().as_bytes()).unwrap().is_empty());
        assert!(read(b"{}").is_none() && read(b"[]").is_none() && read(b"").is_none());
        let one = json!({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RS256"}]});
        assert_eq!(read(one.to_string().as_bytes()).unwrap().len(), 1);
    }
}
