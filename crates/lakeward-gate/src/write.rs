//! PUT, and how any write becomes an object.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_identity::Call;
use lakeward_policy::Context;
use lakeward_store::Change;
use s3s::{
    S3Request, S3Response, S3Result,
    dto::{Checksum, ETag, ETagCondition, PutObjectInput, PutObjectOutput, StreamingBlob},
};

use crate::{
    access::{Visit, WriteObject},
    condition::names,
    error::{Refused, no_such_bucket, not_implemented, precondition_failed},
    gate::{Gate, finish},
    intake::{Claims, Received, receive},
    option::{object_headers, refuse_object_options},
    record::{Bucket, ObjectHeaders, StoredObject},
};

/// What must hold of the object that is there, for a write to replace it.
#[derive(Clone, Default)]
pub(crate) struct Guard {
    pub(crate) matches: Option<ETagCondition>,
    pub(crate) none_match: Option<ETagCondition>,
}

impl Guard {
    pub(crate) fn check(&self, current: Option<&StoredObject>) -> S3Result<()> {
        match (&self.matches, current) {
            (Some(_), None) => return Err(crate::error::no_such_key()),
            (Some(condition), Some(object)) if !names(condition, &object.etag) => {
                return Err(precondition_failed());
            }
            _ => {}
        }
        match (&self.none_match, current) {
            (Some(ETagCondition::ETag(_)), _) => Err(not_implemented("If-None-Match with an ETag")),
            (Some(ETagCondition::Any), Some(_)) => Err(precondition_failed()),
            _ => Ok(()),
        }
    }
}

/// A write that may be committed: bytes that are durable and where they go.
pub(crate) struct Arrival {
    pub(crate) received: Received,
    pub(crate) etag: String,
    pub(crate) owner: String,
    pub(crate) headers: ObjectHeaders,
    pub(crate) guard: Guard,
}

impl Gate {
    pub(crate) async fn put_object(
        &self,
        call: &Call,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        refuse_put_options(&request.input)?;
        let owner = request.input.expected_bucket_owner.clone();
        let visit = Visit::new(self, call, &request.input.bucket, owner.as_deref())?;
        let key = request.input.key.clone();
        let permit = visit.write(self, "s3:PutObject", &key, Context::new())?;
        let guard = Guard {
            matches: request.input.if_match.clone(),
            none_match: request.input.if_none_match.clone(),
        };
        guard.check(self.current(&permit).as_deref())?;
        let headers = object_headers!(request.input)?;
        let claims = Claims {
            length: request.input.content_length,
            content_md5: request.input.content_md5.clone(),
            checksum: claimed_checksum(&request.input),
            algorithms: announced(
                &request.headers,
                request
                    .input
                    .checksum_algorithm
                    .as_ref()
                    .map(|a| a.as_str()),
            ),
            trailers: request.trailing_headers.clone(),
        };
        let body = request.input.body.unwrap_or_else(no_body);
        let received = receive(&self.blobs, body, claims).await?;
        let checksum = received.checksum.clone();
        let arrival = Arrival {
            etag: hex::encode(received.md5),
            received,
            owner: call.account().to_owned(),
            headers,
            guard,
        };
        let object = self
            .commit_object(permit, arrival, |_| Ok(Vec::new()))
            .await?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(object.etag.clone())),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..PutObjectOutput::default()
        }))
    }

    /// The object that a write would replace.
    pub(crate) fn current(&self, permit: &WriteObject) -> Option<Arc<StoredObject>> {
        let record = StoredObject::record_key(&permit.bucket().name, permit.key());
        self.store.snapshot().get(&record)
    }

    /// Maps the key to its new bytes in one transaction, together with what `also` changes; then
    /// removes the bytes that nothing names any more. Goes on when the client hangs up.
    pub(crate) async fn commit_object(
        &self,
        permit: WriteObject,
        arrival: Arrival,
        also: impl FnOnce(&mut Change<'_>) -> S3Result<Vec<String>> + Send + 'static,
    ) -> S3Result<StoredObject> {
        let (store, blobs) = (self.store.clone(), self.blobs.clone());
        finish(async move {
            let object = arrival.object(&permit);
            let replacing =
                |change: &mut Change<'_>| replace(change, &object, &arrival.guard, also);
            let unused = match store.change(replacing).await {
                Ok(unused) => unused,
                Err(refused) => {
                    if matches!(refused, Refused::Store(_)) {
                        arrival.received.blob.keep();
                    }
                    return Err(refused.into());
                }
            };
            arrival.received.blob.keep();
            for blob in unused {
                blobs.remove(&blob).await;
            }
            Ok(object)
        })
        .await
    }
}

impl Arrival {
    fn object(&self, permit: &WriteObject) -> StoredObject {
        StoredObject {
            bucket: permit.bucket().name.clone(),
            key: permit.key().to_owned(),
            blob: self.received.blob.id().to_owned(),
            size: self.received.size,
            etag: self.etag.clone(),
            last_modified: this_second(),
            owner: self.owner.clone(),
            format: self.received.format,
            headers: self.headers.clone(),
        }
    }
}

/// The transaction of a write. Answers the blobs that nothing names after it.
fn replace(
    change: &mut Change<'_>,
    object: &StoredObject,
    guard: &Guard,
    also: impl FnOnce(&mut Change<'_>) -> S3Result<Vec<String>>,
) -> Result<Vec<String>, Refused> {
    if change.get::<Bucket>(&object.bucket).is_none() {
        return Err(no_such_bucket().into());
    }
    let record = StoredObject::record_key(&object.bucket, &object.key);
    let old = change.get::<StoredObject>(&record);
    guard.check(old.as_deref())?;
    let mut unused = also(change)?;
    unused.extend(old.map(|old| old.blob.clone()));
    change.put(object.clone());
    Ok(unused)
}

/// The present, in whole seconds as S3's dates are.
pub(crate) fn this_second() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

pub(crate) fn no_body() -> StreamingBlob {
    StreamingBlob::from(s3s::Body::empty())
}

/// The checksum algorithms that a request says it uses, in a header or in a trailer to come.
pub(crate) fn announced(headers: &http::HeaderMap, algorithm: Option<&str>) -> Vec<String> {
    let trailers = headers.get_all("x-amz-trailer").iter();
    trailers
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().strip_prefix("x-amz-checksum-"))
        .chain(algorithm)
        .map(str::to_owned)
        .collect()
}

fn claimed_checksum(input: &PutObjectInput) -> Checksum {
    Checksum {
        checksum_crc32: input.checksum_crc32.clone(),
        checksum_crc32c: input.checksum_crc32c.clone(),
        checksum_crc64nvme: input.checksum_crc64nvme.clone(),
        checksum_sha1: input.checksum_sha1.clone(),
        checksum_sha256: input.checksum_sha256.clone(),
        checksum_type: None,
    }
}

fn refuse_put_options(input: &PutObjectInput) -> S3Result<()> {
    let more = [
        (input.object_lock_legal_hold_status.is_some(), "object lock"),
        (input.write_offset_bytes.is_some(), "appending to objects"),
    ];
    refuse_object_options!(input, &more)
}
