//! Multipart uploads: parts are durable one by one, and become an object in one transaction.

use std::sync::Arc;

use lakeward_identity::Call;
use lakeward_policy::Context;
use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        Checksum, CopyPartResult, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag,
        Range, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
    },
    s3_error,
};

use crate::{
    access::Visit,
    copy::{check_source, copy_context},
    error::{Refused, no_such_upload},
    gate::{Gate, finish},
    intake::{Claims, Received, receive},
    option::{object_headers, refuse, refuse_object_options},
    read::timestamp,
    record::{Bucket, Part, Upload},
    write::{announced, no_body, this_second},
};

/// The highest part number.
const MAX_PARTS: i32 = 10_000;

impl Gate {
    pub(crate) async fn create_multipart_upload(
        &self,
        call: &Call,
        input: CreateMultipartUploadInput,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        refuse_object_options!(&input, &[])?;
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let permit = visit.write(self, "s3:PutObject", &input.key, Context::new())?;
        let upload = Upload {
            bucket: permit.bucket().name.clone(),
            key: input.key.clone(),
            id: uuid::Uuid::new_v4().simple().to_string(),
            initiated: this_second(),
            initiator: call.caller_arn(),
            owner: call.account().to_owned(),
            headers: object_headers!(input)?,
        };
        let id = upload.id.clone();
        self.commit(move |change| {
            if change.get::<Bucket>(&upload.bucket).is_none() {
                return Err(crate::error::no_such_bucket().into());
            }
            change.put(upload);
            Ok(())
        })
        .await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..CreateMultipartUploadOutput::default()
        }))
    }

    /// The upload, if it is one of this key.
    pub(crate) fn upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<Arc<Upload>> {
        let upload = self
            .store
            .snapshot()
            .get::<Upload>(&Upload::record_key(bucket, id));
        upload
            .filter(|upload| upload.key == key)
            .ok_or_else(no_such_upload)
    }

    pub(crate) async fn upload_part(
        &self,
        call: &Call,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let number = part_number(input.part_number)?;
        refuse(&[(
            input.sse_customer_algorithm.is_some(),
            "server-side encryption with customer keys",
        )])?;
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        visit.write(self, "s3:PutObject", &input.key, Context::new())?;
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let claims = Claims {
            length: input.content_length,
            content_md5: input.content_md5,
            checksum: Checksum {
                checksum_crc32: input.checksum_crc32,
                checksum_crc32c: input.checksum_crc32c,
                checksum_crc64nvme: input.checksum_crc64nvme,
                checksum_sha1: input.checksum_sha1,
                checksum_sha256: input.checksum_sha256,
                checksum_type: None,
            },
            algorithms: announced(
                &request.headers,
                input.checksum_algorithm.as_ref().map(|a| a.as_str()),
            ),
            trailers: request.trailing_headers,
        };
        let body = input.body.unwrap_or_else(no_body);
        let received = receive(&self.blobs, body, claims).await?;
        let checksum = received.checksum.clone();
        let part = self.commit_part(&upload, number, received).await?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(part.md5)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..UploadPartOutput::default()
        }))
    }

    pub(crate) async fn upload_part_copy(
        &self,
        call: &Call,
        input: UploadPartCopyInput,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let number = part_number(input.part_number)?;
        refuse(&[
            (
                input.sse_customer_algorithm.is_some(),
                "server-side encryption with customer keys",
            ),
            (
                input.copy_source_if_modified_since.is_some(),
                "x-amz-copy-source-if-modified-since",
            ),
            (
                input.copy_source_if_unmodified_since.is_some(),
                "x-amz-copy-source-if-unmodified-since",
            ),
        ])?;
        let (seen, content) = self
            .copy_source(
                call,
                &input.copy_source,
                input.expected_source_bucket_owner.as_deref(),
            )
            .await?;
        check_source(
            &seen,
            input.copy_source_if_match.as_ref(),
            input.copy_source_if_none_match.as_ref(),
        )?;
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        visit.write(
            self,
            "s3:PutObject",
            &input.key,
            copy_context(&input.copy_source),
        )?;
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let range = copy_range(input.copy_source_range.as_deref(), seen.entry.size)?;
        let received = receive(&self.blobs, content.stream(range), Claims::default()).await?;
        let part = self.commit_part(&upload, number, received).await?;
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(CopyPartResult {
                e_tag: Some(ETag::Strong(part.md5)),
                last_modified: Some(timestamp(part.last_modified)),
                ..CopyPartResult::default()
            }),
            ..UploadPartCopyOutput::default()
        }))
    }

    async fn commit_part(
        &self,
        upload: &Upload,
        number: u16,
        received: Received,
    ) -> S3Result<Part> {
        let (store, blobs) = (self.store.clone(), self.blobs.clone());
        let upload_key = Upload::record_key(&upload.bucket, &upload.id);
        let part = Part {
            upload: upload.id.clone(),
            number,
            blob: received.blob.id().to_owned(),
            size: received.size,
            md5: hex::encode(received.md5),
            last_modified: this_second(),
        };
        finish(async move {
            let replaced = store
                .change(|change| {
                    if change.get::<Upload>(&upload_key).is_none() {
                        return Err(Refused::Answer(no_such_upload()));
                    }
                    let old = change.get::<Part>(&Part::record_key(&part.upload, number));
                    change.put(part.clone());
                    Ok(old.map(|old| old.blob.clone()))
                })
                .await;
            let replaced = match replaced {
                Ok(replaced) => replaced,
                Err(refused) => {
                    if matches!(refused, Refused::Store(_)) {
                        received.blob.keep();
                    }
                    return Err(refused.into());
                }
            };
            received.blob.keep();
            if let Some(blob) = replaced {
                blobs.remove(&blob).await;
            }
            Ok(part)
        })
        .await
    }
}

pub(crate) fn part_number(number: i32) -> S3Result<u16> {
    u16::try_from(number)
        .ok()
        .filter(|number| (1..=MAX_PARTS).contains(&i32::from(*number)))
        .ok_or_else(|| {
            s3_error!(
                InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive"
            )
        })
}

/// The range of a part's source, `bytes=first-last`.
fn copy_range(range: Option<&str>, size: u64) -> S3Result<std::ops::Range<u64>> {
    let Some(text) = range else {
        return Ok(0..size);
    };
    let invalid = || {
        s3_error!(
            InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy"
        )
    };
    match Range::parse(text) {
        Ok(Range::Int {
            first,
            last: Some(last),
        }) if last < size => Ok(first..last + 1),
        _ => Err(invalid()),
    }
}
