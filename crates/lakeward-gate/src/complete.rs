//! The end of a multipart upload: its parts become an object, or nothing.

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream, stream::BoxStream};
use lakeward_identity::Call;
use lakeward_policy::Context;
use s3s::{
    S3Response, S3Result, StdError,
    crypto::{Checksum as _, Md5},
    dto::{
        AbortMultipartUploadInput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
        CompletedPart, ETag,
    },
    s3_error,
};

use crate::{
    access::{Visit, WriteObject},
    blob::Blobs,
    error::{Refused, internal, no_such_upload},
    gate::{Gate, finish},
    intake::{Claims, Received, receive},
    list::encode,
    multipart::part_number,
    record::{Part, Upload},
    segment::SegmentStream,
    write::{Arrival, Guard},
};

/// The least that a part but the last may hold, 5 MiB.
const MIN_PART_BYTES: u64 = 5 << 20;

impl Gate {
    pub(crate) async fn complete_multipart_upload(
        &self,
        call: &Call,
        input: CompleteMultipartUploadInput,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let permit = visit.write(self, "s3:PutObject", &input.key, Context::new())?;
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let guard = Guard {
            matches: input.if_match.clone(),
            none_match: input.if_none_match.clone(),
        };
        guard.check(self.current(&permit).as_deref())?;
        let named = input.multipart_upload.and_then(|upload| upload.parts);
        let parts = self.chosen(&upload, &named.unwrap_or_default())?;
        let total: u64 = parts.iter().map(|part| part.size).sum();
        if input
            .mpu_object_size
            .is_some_and(|size| u64::try_from(size) != Ok(total))
        {
            return Err(s3_error!(
                InvalidRequest,
                "The provided 'x-amz-mp-object-size' header does not match what was computed."
            ));
        }
        let received = self.join(&parts).await?;
        let etag = joint_etag(&parts)?;
        let object = self.promote(permit, &upload, received, etag, guard).await?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, encode(&input.key))),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(object)),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    /// The parts that the object is to consist of.
    fn chosen(&self, upload: &Upload, named: &[CompletedPart]) -> S3Result<Vec<Arc<Part>>> {
        if named.is_empty() {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema"
            ));
        }
        let numbers = named.iter().map(|part| part.part_number.unwrap_or(0));
        if numbers
            .clone()
            .zip(numbers.skip(1))
            .any(|(one, next)| one >= next)
        {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let snapshot = self.store.snapshot();
        let mut parts = Vec::with_capacity(named.len());
        for wanted in named {
            let number = part_number(wanted.part_number.unwrap_or(0))?;
            let part = snapshot.get::<Part>(&Part::record_key(&upload.id, number));
            let etag = wanted.e_tag.as_ref().map(ETag::value);
            parts.push(part.filter(|part| etag == Some(&part.md5)).ok_or_else(|| {
                s3_error!(
                    InvalidPart,
                    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
                )
            })?);
        }
        let all_but_last = parts.len() - 1;
        if parts
            .iter()
            .take(all_but_last)
            .any(|part| part.size < MIN_PART_BYTES)
        {
            return Err(s3_error!(
                EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size"
            ));
        }
        Ok(parts)
    }

    /// Writes the parts behind each other into a blob of their own.
    async fn join(&self, parts: &[Arc<Part>]) -> S3Result<Received> {
        let blobs = self.blobs.clone();
        let bodies = stream::iter(parts.to_vec())
            .then(move |part| body(blobs.clone(), part).boxed())
            .flatten()
            .boxed();
        receive(&self.blobs, bodies, Claims::default()).await
    }

    /// Ends the upload: its parts become the object. Answers the object's ETag.
    async fn promote(
        &self,
        permit: WriteObject,
        upload: &Upload,
        received: Received,
        etag: String,
        guard: Guard,
    ) -> S3Result<String> {
        let arrival = Arrival {
            etag,
            received,
            owner: upload.owner.clone(),
            headers: upload.headers.clone(),
            guard,
        };
        let (bucket, id) = (upload.bucket.clone(), upload.id.clone());
        let object = self
            .commit_object(permit, arrival, move |change| end(change, &bucket, &id))
            .await?;
        Ok(object.etag)
    }

    pub(crate) async fn abort_multipart_upload(
        &self,
        call: &Call,
        input: &AbortMultipartUploadInput,
    ) -> S3Result<()> {
        let (bucket, key) = (&input.bucket, &input.key);
        let visit = Visit::new(self, call, bucket, input.expected_bucket_owner.as_deref())?;
        visit.write(self, "s3:AbortMultipartUpload", key, Context::new())?;
        let upload = self.upload(bucket, key, &input.upload_id)?;
        let (store, blobs) = (self.store.clone(), self.blobs.clone());
        finish(async move {
            let unused = store
                .change(|change| end(change, &upload.bucket, &upload.id).map_err(Refused::Answer))
                .await?;
            for blob in unused {
                blobs.remove(&blob).await;
            }
            Ok(())
        })
        .await
    }
}

/// A part's bytes, opened when their turn comes.
async fn body(blobs: Blobs, part: Arc<Part>) -> BoxStream<'static, Result<Bytes, StdError>> {
    match blobs.open(&part.blob).await {
        Ok(blob) => SegmentStream::range(&blob, 0, part.size).boxed(),
        Err(error) => stream::iter([Err(StdError::from(error))]).boxed(),
    }
}

/// Removes an upload and its parts; answers the blobs that nothing names after that.
fn end(change: &mut lakeward_store::Change<'_>, bucket: &str, id: &str) -> S3Result<Vec<String>> {
    let record = Upload::record_key(bucket, id);
    if change.get::<Upload>(&record).is_none() {
        return Err(no_such_upload());
    }
    change.delete::<Upload>(&record);
    let parts = change.scan::<Part>(&format!("{id}/"));
    for part in &parts {
        change.delete::<Part>(&Part::record_key(id, part.number));
    }
    Ok(parts.iter().map(|part| part.blob.clone()).collect())
}

/// The ETag of an object made of parts: the MD5 of their MD5s, and how many they are.
fn joint_etag(parts: &[Arc<Part>]) -> S3Result<String> {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&hex::decode(&part.md5).map_err(internal)?);
    }
    Ok(format!("{}-{}", hex::encode(md5.finalize()), parts.len()))
}
