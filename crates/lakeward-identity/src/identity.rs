use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use lakeward_store::{Change, Store, StoreError};
use lakeward_wire::{AwsError, Secret};
use thiserror::Error;

use crate::{
    AccessKey, Account, AuditTrail, Caller, InstanceProfile, KeyStatus, Role, User,
    caller::Kind,
    key_usage::KeyUsage,
    sts::{IssuerKeys, IssuerNetwork, IssuerNetworkError},
    token::SigningKey,
};

/// IAM and STS of this instance: who holds which key, and what became of it.
pub struct Identity {
    store: Store,
    signing_key: Arc<SigningKey>,
    audit: AuditTrail,
    region: String,
    key_usage: KeyUsage,
    issuer_keys: OnceLock<IssuerKeys>,
}

/// Why a key was not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthenticationFailure {
    /// No such key, an inactive one, or one whose owner is gone.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session token is missing, altered, or another key's.
    #[error("The security token included in the request is invalid")]
    InvalidToken,
    /// The session's time is over.
    #[error("The security token included in the request is expired")]
    Expired,
}

impl Identity {
    /// Opens the identity service on a store, making its signing key at first start.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn open(
        store: Store,
        audit: AuditTrail,
        region: impl Into<String>,
    ) -> Result<Arc<Self>, StoreError> {
        let signing_key = store
            .change(|change| {
                if let Some(key) = change.get::<SigningKey>(SigningKey::KEY) {
                    return Ok::<_, StoreError>(key);
                }
                let key = SigningKey::generate();
                change.put(key.clone());
                Ok(Arc::new(key))
            })
            .await?;
        Ok(Arc::new(Self {
            store,
            signing_key,
            audit,
            region: region.into(),
            key_usage: KeyUsage::default(),
            issuer_keys: OnceLock::new(),
        }))
    }

    /// The root key of an account, which is made if it isn't there yet.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn ensure_account(&self, id: &str) -> Result<AccessKey, StoreError> {
        let created = Timestamp::now();
        let change = |change: &mut Change<'_>| {
            if change.get::<Account>(id).is_none() {
                change.put(Account::new(id, created));
            }
            let mut keys = change.scan::<AccessKey>("").into_iter();
            if let Some(key) = keys.find(|key| key.account == id && key.user.is_none()) {
                return Ok((*key).clone());
            }
            let key = AccessKey::generate(id, None, created);
            change.put(key.clone());
            Ok(key)
        };
        self.store.change(change).await
    }

    /// The durable state.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// This instance's region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The audit trail.
    #[must_use]
    pub fn audit(&self) -> &AuditTrail {
        &self.audit
    }

    /// When long-term keys were last used.
    pub(crate) fn key_usage(&self) -> &KeyUsage {
        &self.key_usage
    }

    /// The key of this moment: another node may have changed it.
    pub(crate) fn signing_key(&self) -> Arc<SigningKey> {
        let stored = self.store.snapshot().get::<SigningKey>(SigningKey::KEY);
        stored.unwrap_or_else(|| Arc::clone(&self.signing_key))
    }

    /// Changes the key that seals session tokens. What the key before it sealed stays good; what
    /// the one before that sealed does not.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn rotate_signing_key(&self) -> Result<(), StoreError> {
        self.store
            .change(|change| {
                let current = change.get::<SigningKey>(SigningKey::KEY);
                let current = current.unwrap_or_else(|| Arc::clone(&self.signing_key));
                change.put(current.rotated());
                Ok(())
            })
            .await
    }

    /// Says which issuers of web identity tokens are reached and believed. Without it, those whose
    /// certificates the system trusts, anywhere but on this machine.
    ///
    /// # Errors
    /// The certificates can't be read, or an issuer has been asked already.
    pub fn reach_issuers(&self, network: &IssuerNetwork) -> Result<(), IssuerNetworkError> {
        let keys = IssuerKeys::new(network)?;
        let set = self.issuer_keys.set(keys);
        set.map_err(|_| IssuerNetworkError::TooLate)
    }

    pub(crate) fn issuer_keys(&self) -> Result<&IssuerKeys, AwsError> {
        if let Some(keys) = self.issuer_keys.get() {
            return Ok(keys);
        }
        let keys = IssuerKeys::new(&IssuerNetwork::default()).map_err(AwsError::internal)?;
        Ok(self.issuer_keys.get_or_init(|| keys))
    }

    /// The secret that a key id signs with, to verify a signature. A temporary key id always has
    /// one; whether it was ever issued shows in [`Identity::authenticate`].
    #[must_use]
    pub fn secret(&self, access_key_id: &str) -> Option<Secret> {
        if access_key_id.starts_with("ASIA") {
            return Some(self.signing_key().secret(access_key_id));
        }
        let key = self.store.snapshot().get::<AccessKey>(access_key_id)?;
        Some(key.secret.clone())
    }

    /// The caller behind a key whose signature has been verified.
    ///
    /// # Errors
    /// The key is unknown or inactive, the token is not the key's, or its time is over.
    pub fn authenticate(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<Caller>, AuthenticationFailure> {
        match session_token {
            Some(token) => self.session_caller(access_key_id, token, now),
            None if access_key_id.starts_with("ASIA") => Err(AuthenticationFailure::InvalidToken),
            None => self.key_caller(access_key_id),
        }
        .map(Arc::new)
    }

    fn session_caller(
        &self,
        access_key_id: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Caller, AuthenticationFailure> {
        let claim = self
            .signing_key()
            .open(token)
            .filter(|claim| claim.access_key_id == access_key_id)
            .ok_or(AuthenticationFailure::InvalidToken)?;
        if claim.session.expires_at() <= now {
            return Err(AuthenticationFailure::Expired);
        }
        Caller::of_session(&self.store.snapshot(), claim.access_key_id, claim.session)
            .ok_or(AuthenticationFailure::UnknownKey)
    }

    fn key_caller(&self, access_key_id: &str) -> Result<Caller, AuthenticationFailure> {
        let snapshot = self.store.snapshot();
        let key = snapshot
            .get::<AccessKey>(access_key_id)
            .filter(|key| key.status == KeyStatus::Active)
            .ok_or(AuthenticationFailure::UnknownKey)?;
        let kind = match &key.user {
            None => Kind::Root,
            Some(name) => Kind::User(
                snapshot
                    .get::<User>(&User::key_of(&key.account, name))
                    .ok_or(AuthenticationFailure::UnknownKey)?,
            ),
        };
        let (id, account) = (key.id.clone(), key.account.clone());
        Ok(Caller::permanent(id, account, kind))
    }

    /// The ARN of the role that an instance profile holds, by the profile's name or ARN.
    #[must_use]
    pub fn instance_profile_role(&self, account: &str, name_or_arn: &str) -> Option<String> {
        let name = name_or_arn.rsplit('/').next().unwrap_or(name_or_arn);
        let snapshot = self.store.snapshot();
        let profile = snapshot.get::<InstanceProfile>(&InstanceProfile::key_of(account, name))?;
        let role = snapshot.get::<Role>(&Role::key_of(account, profile.role.as_deref()?))?;
        Some(role.arn())
    }
}

impl From<AuthenticationFailure> for AwsError {
    /// The query protocol's codes; `Protocol::native` has the JSON services'.
    fn from(failure: AuthenticationFailure) -> Self {
        let code = match failure {
            AuthenticationFailure::UnknownKey | AuthenticationFailure::InvalidToken => {
                "InvalidClientTokenId"
            }
            AuthenticationFailure::Expired => "ExpiredToken",
        };
        AwsError::new(403, code, failure.to_string())
    }
}
