//! Who may do what to which bucket and object. The permits made here are what the functions that
//! touch bytes ask for.

use std::sync::Arc;

use lakeward_catalog::{ObjectAccess, ViewPermit};
use lakeward_grants::TableView;
use lakeward_identity::{Call, Permit};
use lakeward_policy::{Context, PolicyDocument, ResourceSide};
use s3s::{S3Request, S3Result};

use crate::{
    error::{access_denied, from_aws, internal, no_such_bucket},
    gate::Gate,
    record::Bucket,
};

/// Leave to read an object's raw bytes. Only an allowed decision on `s3:GetObject` makes one.
pub(crate) struct ReadObject {
    bucket: String,
    key: String,
    _permit: Permit,
}

impl ReadObject {
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// Leave to read an object through the caller's view of its table.
pub(crate) struct ReadView {
    bucket: String,
    key: String,
    permit: ViewPermit,
}

impl ReadView {
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn view(&self) -> &TableView {
        self.permit.view()
    }
}

/// What a reader may read of an object.
pub(crate) enum Reading {
    /// Its raw bytes: the caller's own permissions say so.
    Raw(ReadObject),
    /// What the caller's view of the table shows.
    View(Box<ReadView>),
}

/// What may be listed of a bucket.
pub(crate) enum Listing {
    /// All of it: the caller's own permissions say so.
    Bucket(Permit),
    /// The table that the prefix lies in.
    Table(Box<ViewPermit>),
}

/// Leave to write or delete an object.
pub(crate) struct WriteObject {
    bucket: Arc<Bucket>,
    key: String,
    _permit: Permit,
}

impl WriteObject {
    pub(crate) fn bucket(&self) -> &Arc<Bucket> {
        &self.bucket
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// The authenticated call behind a request.
pub(crate) fn caller<T>(request: &S3Request<T>) -> S3Result<Call> {
    let call = request.extensions.get::<Call>().cloned();
    call.ok_or_else(|| internal("a request came through without authentication"))
}

/// A bucket's ARN.
pub(crate) fn bucket_arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

/// An object's ARN.
pub(crate) fn object_arn(bucket: &str, key: &str) -> String {
    format!("arn:aws:s3:::{bucket}/{key}")
}

/// A caller in front of a bucket, which may not exist.
pub(crate) struct Visit<'c> {
    call: &'c Call,
    name: String,
    bucket: Option<Arc<Bucket>>,
    policy: Option<PolicyDocument>,
    expected_owner: Option<&'c str>,
}

impl<'c> Visit<'c> {
    /// `expected_owner` is the account that the request expects to own the bucket.
    pub(crate) fn new(
        gate: &Gate,
        call: &'c Call,
        name: &str,
        expected_owner: Option<&'c str>,
    ) -> S3Result<Self> {
        let bucket = gate.store.snapshot().get::<Bucket>(name);
        let policy = bucket.as_ref().and_then(|bucket| bucket.policy.as_ref());
        let policy = policy
            .map(|policy| policy.document().cloned())
            .transpose()
            .map_err(|error| internal(format!("the policy of bucket {name}: {}", error.message)))?;
        Ok(Self {
            call,
            name: name.to_owned(),
            bucket,
            policy,
            expected_owner,
        })
    }

    /// Refuses when the bucket's owner is not the one that the request expects. Asked after the
    /// decision only, or anyone could find out whose a bucket is.
    fn check_owner(&self) -> S3Result<()> {
        match (&self.bucket, self.expected_owner) {
            (Some(bucket), Some(expected)) if bucket.account != expected => Err(access_denied()),
            _ => Ok(()),
        }
    }

    /// Asks for `action` on the bucket itself.
    pub(crate) fn bucket(&self, action: &str, context: Context) -> S3Result<Permit> {
        let permit = self.decide(action, &bucket_arn(&self.name), context)?;
        self.check_owner()?;
        Ok(permit)
    }

    /// Asks for `action` on an object of the bucket.
    pub(crate) fn object(&self, action: &str, key: &str, context: Context) -> S3Result<Permit> {
        let permit = self.decide(action, &object_arn(&self.name, key), context)?;
        self.check_owner()?;
        Ok(permit)
    }

    /// A bucket that does not exist is treated as the caller's own, so that one who may not look
    /// learns nothing.
    fn decide(&self, action: &str, resource: &str, context: Context) -> S3Result<Permit> {
        let account = self
            .bucket
            .as_ref()
            .map_or_else(|| self.call.account(), |bucket| &bucket.account);
        let side = match &self.policy {
            Some(document) => ResourceSide::Policy { document, account },
            None => ResourceSide::Account { account },
        };
        self.call
            .authorize_with(action, resource, context, side)
            .map_err(|error| from_aws(&error))
    }

    /// The bucket, for one who was allowed to ask.
    pub(crate) fn existing(&self, _permit: &Permit) -> S3Result<Arc<Bucket>> {
        self.bucket.clone().ok_or_else(no_such_bucket)
    }

    /// Whether a grant may open what the caller's own permissions didn't: not what the bucket's
    /// policy or its organization forbids.
    fn is_open_to_grants(&self) -> bool {
        self.is_of_callers_lake() && !self.call.was_forbidden_by_owner()
    }

    /// Grants of the caller's account open only what the account owns: registering another's
    /// bucket gives nothing.
    fn is_of_callers_lake(&self) -> bool {
        let owner = self.bucket.as_ref().map(|bucket| &*bucket.account);
        owner == Some(self.call.account())
    }

    /// What the caller may read at `key`: raw bytes by the caller's own permissions, else what a
    /// grant on the table shows, else nothing.
    pub(crate) fn read(&self, gate: &Gate, key: &str) -> S3Result<Reading> {
        let arn = object_arn(&self.name, key);
        let denied = match self.decide("s3:GetObject", &arn, Context::new()) {
            Ok(permit) => {
                self.check_owner()?;
                return Ok(Reading::Raw(ReadObject {
                    bucket: self.name.clone(),
                    key: key.to_owned(),
                    _permit: permit,
                }));
            }
            Err(denied) => denied,
        };
        if !self.is_open_to_grants() {
            return Err(denied);
        }
        // The refusal is the one of the caller's own permissions either way, so that it doesn't tell
        // whether a table is there.
        match gate.catalog.object_access(self.call, &self.name, key) {
            Ok(ObjectAccess::View(permit)) => {
                self.check_owner()?;
                Ok(Reading::View(Box::new(ReadView {
                    bucket: self.name.clone(),
                    key: key.to_owned(),
                    permit,
                })))
            }
            Ok(ObjectAccess::Unregistered | ObjectAccess::Denied(_)) => Err(denied),
            Err(error) => Err(from_aws(&error)),
        }
    }

    /// What the caller may list under `prefix`.
    pub(crate) fn list(&self, gate: &Gate, prefix: &str, context: Context) -> S3Result<Listing> {
        let denied = match self.decide("s3:ListBucket", &bucket_arn(&self.name), context) {
            Ok(permit) => {
                self.check_owner()?;
                return Ok(Listing::Bucket(permit));
            }
            Err(denied) => denied,
        };
        if !self.is_open_to_grants() {
            return Err(denied);
        }
        match gate.catalog.prefix_access(self.call, &self.name, prefix) {
            Ok(ObjectAccess::View(permit)) => {
                self.check_owner()?;
                Ok(Listing::Table(Box::new(permit)))
            }
            Ok(ObjectAccess::Unregistered | ObjectAccess::Denied(_)) => Err(denied),
            Err(error) => Err(from_aws(&error)),
        }
    }

    /// Asks to change the object at `key`. One who sees a table in part never writes under it,
    /// whatever the policies say: what is hidden would be lost, or masked values written back.
    pub(crate) fn write(
        &self,
        gate: &Gate,
        action: &str,
        key: &str,
        context: Context,
    ) -> S3Result<WriteObject> {
        let permit = self.object(action, key, context)?;
        let bucket = self.existing(&permit)?;
        if !gate.catalog.writes_allowed(self.call, &self.name, key) {
            tracing::info!(
                bucket = self.name,
                key,
                "a write under a table that the caller sees in part was refused"
            );
            return Err(access_denied());
        }
        Ok(WriteObject {
            bucket,
            key: key.to_owned(),
            _permit: permit,
        })
    }

    /// What to answer when nothing is at `key`, after reading it was allowed: only one who may
    /// list the bucket learns that it is missing.
    pub(crate) fn missing(&self, key: &str) -> s3s::S3Error {
        let context = Context::new().with("s3:prefix", key);
        match self.bucket("s3:ListBucket", context) {
            Ok(_) if self.bucket.is_none() => no_such_bucket(),
            Ok(_) => crate::error::no_such_key(),
            Err(denied) => denied,
        }
    }
}
