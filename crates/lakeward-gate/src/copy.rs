//! Copies, whose source is read through the same door as GET.

use lakeward_identity::Call;
use lakeward_policy::Context;
use s3s::{
    S3Response, S3Result,
    dto::{
        CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, ETag, ETagCondition,
        MetadataDirective,
    },
    s3_error,
};

use crate::{
    access::{Reading, Visit},
    condition::names,
    error::{not_implemented, precondition_failed},
    gate::Gate,
    intake::{Claims, receive},
    option::{object_headers, refuse_object_options},
    read::{Content, Seen, refuse_version, timestamp},
    record::ObjectHeaders,
    view,
    write::{Arrival, Guard},
};

impl Gate {
    pub(crate) async fn copy_object(
        &self,
        call: &Call,
        input: CopyObjectInput,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        refuse_copy_options(&input)?;
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
        let permit = visit.write(
            self,
            "s3:PutObject",
            &input.key,
            copy_context(&input.copy_source),
        )?;
        let headers = headers_of_copy(&input, &seen)?;
        let body = content.stream(0..seen.entry.size);
        let received = receive(&self.blobs, body, Claims::default()).await?;
        let arrival = Arrival {
            etag: hex::encode(received.md5),
            received,
            owner: call.account().to_owned(),
            headers,
            guard: Guard::default(),
        };
        let object = self
            .commit_object(permit, arrival, |_| Ok(Vec::new()))
            .await?;
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(ETag::Strong(object.etag)),
                last_modified: Some(timestamp(object.last_modified)),
                ..CopyObjectResult::default()
            }),
            ..CopyObjectOutput::default()
        }))
    }

    /// Opens what a copy reads, through the same door as GET. What the caller sees in part is not
    /// copied: the copy would be an object whose bytes nobody wrote.
    pub(crate) async fn copy_source(
        &self,
        call: &Call,
        source: &CopySource,
        owner: Option<&str>,
    ) -> S3Result<(Seen, Content)> {
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        else {
            return Err(not_implemented("copies from access points"));
        };
        refuse_version(version_id.as_deref())?;
        let visit = Visit::new(self, call, bucket, owner)?;
        let reading = visit.read(self, key)?;
        if let Reading::View(permit) = &reading {
            view::refuse_partial(permit.view())?;
        }
        self.open_object(&visit, key, &reading).await
    }
}

/// The condition keys of writing what is read from `source`.
pub(crate) fn copy_context(source: &CopySource) -> Context {
    match source {
        CopySource::Bucket { bucket, key, .. } => {
            Context::new().with("s3:x-amz-copy-source", format!("{bucket}/{key}"))
        }
        _ => Context::new(),
    }
}

fn headers_of_copy(input: &CopyObjectInput, seen: &Seen) -> S3Result<ObjectHeaders> {
    let replaces = input
        .metadata_directive
        .as_ref()
        .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
    if !replaces {
        let itself = seen.object.bucket == input.bucket && seen.object.key == input.key;
        if itself {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
            ));
        }
        return Ok(seen.object.headers.clone());
    }
    object_headers!(input)
}

/// The conditions of a copy on its source.
pub(crate) fn check_source(
    seen: &Seen,
    matches: Option<&ETagCondition>,
    none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let same = matches.is_none_or(|condition| names(condition, &seen.entry.etag));
    let other = none_match.is_none_or(|condition| !names(condition, &seen.entry.etag));
    if same && other {
        Ok(())
    } else {
        Err(precondition_failed())
    }
}

fn refuse_copy_options(input: &CopyObjectInput) -> S3Result<()> {
    let more = [
        (
            input.copy_source_sse_customer_algorithm.is_some(),
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
    ];
    refuse_object_options!(input, &more)
}
