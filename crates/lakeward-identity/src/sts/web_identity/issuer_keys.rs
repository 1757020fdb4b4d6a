//! The keys of issuers, fetched when they are needed and kept for a while.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use tokio::time::Instant;

use super::{
    error::WebIdentityError,
    jwk::{self, Key},
    network::{Fetch, FetchError, Https, IssuerNetwork, IssuerNetworkError},
    token::Token,
};

/// How long keys are believed without asking again.
const FRESH: Duration = Duration::from_secs(3600);
/// After a failure, or a look for a key that wasn't there, an issuer has this long to rest.
const REST: Duration = Duration::from_secs(60);
/// How many issuers' keys are kept.
const MOST_ISSUERS: usize = 256;

/// The keys of all issuers that tokens came from.
pub(crate) struct IssuerKeys {
    network: Box<dyn Fetch>,
    /// Each issuer's keys are behind a lock of their own, so that they are fetched once.
    issuers: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Issuer>>>>,
}

#[derive(Default)]
struct Issuer {
    keys: Vec<Key>,
    fetched: Option<Instant>,
    /// When it was last asked in vain: it didn't answer, or didn't have the key.
    disappointed: Option<Instant>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl IssuerKeys {
    pub(crate) fn new(network: &IssuerNetwork) -> Result<Self, IssuerNetworkError> {
        Ok(Self::over(Box::new(Https::new(network)?)))
    }

    fn over(network: Box<dyn Fetch>) -> Self {
        Self {
            network,
            issuers: Mutex::default(),
        }
    }

    /// Checks that a key of the issuer signed the token.
    pub(super) async fn verify(
        &self,
        issuer_url: &str,
        token: &Token<'_>,
    ) -> Result<(), WebIdentityError> {
        let issuer = self.issuer(issuer_url);
        let mut issuer = issuer.lock().await;
        let now = Instant::now();
        if !issuer.is_fresh(now) {
            self.refresh(issuer_url, &mut issuer, now).await?;
        }
        if !issuer.has_key_for(token) && !issuer.rests(now) {
            // Issuers change their keys; a stranger's token must not make us ask all the time.
            issuer.disappointed = Some(now);
            self.refresh(issuer_url, &mut issuer, now).await?;
        }
        if !issuer.has_key_for(token) {
            return Err(WebIdentityError::NoKey);
        }
        let mut keys = issuer.keys.iter().filter(|key| key.suits(token));
        match keys.any(|key| key.verifies(token)) {
            true => Ok(()),
            false => Err(WebIdentityError::Signature),
        }
    }

    fn issuer(&self, url: &str) -> Arc<tokio::sync::Mutex<Issuer>> {
        let mut issuers = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        if !issuers.contains_key(url) && issuers.len() >= MOST_ISSUERS {
            issuers.pop_first();
        }
        Arc::clone(issuers.entry(url.to_owned()).or_default())
    }

    async fn refresh(
        &self,
        url: &str,
        issuer: &mut Issuer,
        now: Instant,
    ) -> Result<(), WebIdentityError> {
        if issuer.fetched.is_none() && issuer.rests(now) {
            return Err(FetchError::Resting.into());
        }
        match self.fetch(url).await {
            Ok(keys) => {
                issuer.keys = keys;
                issuer.fetched = Some(now);
                Ok(())
            }
            Err(error) => {
                issuer.fetched = None;
                issuer.disappointed = Some(now);
                Err(error.into())
            }
        }
    }

    /// The keys as OpenID Connect Discovery finds them.
    async fn fetch(&self, url: &str) -> Result<Vec<Key>, FetchError> {
        let place = format!(
            "{}/.well-known/openid-configuration",
            url.trim_end_matches('/')
        );
        let document = self.network.fetch(&place).await?;
        let discovery: Discovery =
            serde_json::from_slice(&document).map_err(|_| FetchError::Malformed)?;
        if discovery.issuer != url {
            return Err(FetchError::Malformed);
        }
        let keys = self.network.fetch(&discovery.jwks_uri).await?;
        jwk::read(&keys).ok_or(FetchError::Malformed)
    }
}

impl Issuer {
    fn is_fresh(&self, now: Instant) -> bool {
        self.fetched
            .is_some_and(|fetched| now.duration_since(fetched) < FRESH)
    }

    fn rests(&self, now: Instant) -> bool {
        self.disappointed
            .is_some_and(|asked| now.duration_since(asked) < REST)
    }

    fn has_key_for(&self, token: &Token<'_>) -> bool {
        self.keys.iter().any(|key| key.suits(token))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use futures::future::BoxFuture;

    use super::*;

    const URL: &str = "https://idp.example.com";

    /// An issuer whose keys can be changed, and which counts how often it is asked.
    #[derive(Default)]
    struct Fake {
        keys: Mutex<Option<String>>,
        asked: AtomicUsize,
        issuer: Option<String>,
    }

    struct Shared(Arc<Fake>);

    impl Fetch for Shared {
        fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
            let fake = Arc::clone(&self.0);
            Box::pin(async move {
                if url.ends_with("/.well-known/openid-configuration") {
                    fake.asked.fetch_add(1, Ordering::SeqCst);
                    let issuer = fake.issuer.clone().unwrap_or_else(|| URL.to_owned());
                    return Ok(
                        format!(r#"{{"issuer":"{issuer}","jwks_uri":"{URL}/keys"}}"#).into_bytes(),
                    );
                }
                let keys = fake.keys.lock().unwrap().clone();
                keys.map(String::into_bytes).ok_or(FetchError::Unreachable)
            })
        }
    }

    fn keys(id: &str) -> String {
        format!(r#"{{"keys":[{{"kty":"RSA","kid":"{id}","n":"AQAB","e":"AQAB"}}]}}"#)
    }

    /// A token that names a key; its signature is wrong, which tells that the key was found.
    fn token(id: &str) -> String {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let header = format!(r#"{{"alg":"RS256","kid":"{id}"}}"#);
        format!("{}.{}.{}", part(&header), part("{}"), part("x"))
    }

    fn issuer(first: Option<&str>) -> (Arc<Fake>, IssuerKeys) {
        let fake = Arc::new(Fake {
            keys: Mutex::new(first.map(keys)),
            ..Fake::default()
        });
        (Arc::clone(&fake), IssuerKeys::over(Box::new(Shared(fake))))
    }

    async fn ask(keys: &IssuerKeys, id: &str) -> WebIdentityError {
        let text = token(id);
        let token = Token::read(&text).unwrap();
        keys.verify(URL, &token).await.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_kept_and_looked_for_again_when_one_is_new() {
        let (fake, keys) = issuer(Some("a"));
        let asked = || fake.asked.load(Ordering::SeqCst);
        for _ in 0..5 {
            assert!(matches!(ask(&keys, "a").await, WebIdentityError::Signature));
        }
        assert_eq!(asked(), 1);
        *fake.keys.lock().unwrap() = Some(super::tests::keys("b"));
        assert!(matches!(ask(&keys, "b").await, WebIdentityError::Signature));
        assert_eq!(asked(), 2);
        for _ in 0..5 {
            assert!(matches!(ask(&keys, "c").await, WebIdentityError::NoKey));
        }
        assert_eq!(asked(), 2, "strangers can't make us ask all the time");
        tokio::time::advance(REST).await;
        assert!(matches!(ask(&keys, "c").await, WebIdentityError::NoKey));
        assert_eq!(asked(), 3);
        tokio::time::advance(FRESH).await;
        assert!(matches!(ask(&keys, "b").await, WebIdentityError::Signature));
        assert_eq!(asked(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_issuer_that_fails_is_left_alone_for_a_while() {
        let (fake, keys) = issuer(None);
        for _ in 0..5 {
            assert!(matches!(
                ask(&keys, "a").await,
                WebIdentityError::Unreachable(_)
            ));
        }
        assert_eq!(fake.asked.load(Ordering::SeqCst), 1);
        *fake.keys.lock().unwrap() = Some(super::tests::keys("a"));
        tokio::time::advance(REST).await;
        assert!(matches!(ask(&keys, "a").await, WebIdentityError::Signature));
    }

    #[tokio::test]
    async fn a_document_of_another_issuer_is_not_believed() {
        let fake = Arc::new(Fake {
            keys: Mutex::new(Some(keys("a"))),
            issuer: Some("https://other.example.com".to_owned()),
            ..Fake::default()
        });
        let keys = IssuerKeys::over(Box::new(Shared(fake)));
        assert!(matches!(
            ask(&keys, "a").await,
            WebIdentityError::Unreachable(FetchError::Malformed)
        ));
    }

    #[tokio::test]
    async fn the_number_of_issuers_is_bounded() {
        let (_fake, keys) = issuer(Some("a"));
        for i in 0..2 * MOST_ISSUERS {
            keys.issuer(&format!("https://{i}.example.com"));
        }
        assert_eq!(keys.issuers.lock().unwrap().len(), MOST_ISSUERS);
    }
}
