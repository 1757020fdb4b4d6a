//! Lists of multipart uploads and of their parts.

use lakeward_identity::Call;
use lakeward_policy::Context;
use s3s::{
    S3Response, S3Result,
    dto::{
        ETag, Initiator, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput,
        ListPartsOutput, MultipartUpload, Owner, Part as PartEntry,
    },
    s3_error,
};

use crate::{
    access::Visit,
    gate::Gate,
    list::owner_id,
    option::refuse,
    read::{signed, timestamp},
    record::{Part, Upload},
};

/// Entries of one page of a list.
const MAX_ENTRIES: usize = 1000;

impl Gate {
    pub(crate) fn list_parts(
        &self,
        call: &Call,
        input: ListPartsInput,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let permit = visit.object("s3:ListMultipartUploadParts", &input.key, Context::new())?;
        visit.existing(&permit)?;
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let limit = page_size(input.max_parts)?;
        let marker = input.part_number_marker.unwrap_or(0);
        let snapshot = self.store.snapshot();
        let mut parts = snapshot.scan::<Part>(&format!("{}/", upload.id));
        parts.retain(|part| i32::from(part.number) > marker);
        let truncated = parts.len() > limit;
        parts.truncate(limit);
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(truncated),
            max_parts: i32::try_from(limit).ok(),
            part_number_marker: Some(marker),
            next_part_number_marker: parts
                .last()
                .filter(|_| truncated)
                .map(|part| i32::from(part.number)),
            parts: Some(parts.iter().map(|part| part_entry(part)).collect()),
            initiator: Some(initiator(&upload)),
            owner: Some(owner(&upload.owner)),
            ..ListPartsOutput::default()
        }))
    }

    pub(crate) fn list_multipart_uploads(
        &self,
        call: &Call,
        input: ListMultipartUploadsInput,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let permit = visit.bucket("s3:ListBucketMultipartUploads", Context::new())?;
        visit.existing(&permit)?;
        refuse(&[(
            input
                .delimiter
                .as_ref()
                .is_some_and(|delimiter| !delimiter.is_empty()),
            "delimiter in ListMultipartUploads",
        )])?;
        let limit = page_size(input.max_uploads)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let marker = (
            input.key_marker.clone().unwrap_or_default(),
            input.upload_id_marker.clone(),
        );
        let snapshot = self.store.snapshot();
        let mut uploads = snapshot.scan::<Upload>(&format!("{}/", input.bucket));
        uploads.retain(|upload| upload.key.starts_with(&prefix) && after(upload, &marker));
        uploads.sort_by(|a, b| (&a.key, &a.id).cmp(&(&b.key, &b.id)));
        let truncated = uploads.len() > limit;
        uploads.truncate(limit);
        let next = uploads.last().filter(|_| truncated);
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix,
            key_marker: input.key_marker,
            upload_id_marker: input.upload_id_marker,
            max_uploads: i32::try_from(limit).ok(),
            is_truncated: Some(truncated),
            next_key_marker: next.map(|upload| upload.key.clone()),
            next_upload_id_marker: next.map(|upload| upload.id.clone()),
            uploads: Some(uploads.iter().map(|upload| upload_entry(upload)).collect()),
            ..ListMultipartUploadsOutput::default()
        }))
    }
}

fn page_size(asked: Option<i32>) -> S3Result<usize> {
    let asked = usize::try_from(asked.unwrap_or(1000));
    asked.map(|asked| asked.min(MAX_ENTRIES)).map_err(|_| {
        s3_error!(
            InvalidArgument,
            "The number of entries asked for must not be negative"
        )
    })
}

fn after(upload: &Upload, marker: &(String, Option<String>)) -> bool {
    let (key, id) = marker;
    match id {
        Some(id) => (&upload.key, &upload.id) > (key, id),
        None => upload.key > *key,
    }
}

fn owner(account: &str) -> Owner {
    Owner {
        id: Some(owner_id(account)),
        display_name: None,
    }
}

fn initiator(upload: &Upload) -> Initiator {
    Initiator {
        id: Some(upload.initiator.clone()),
        display_name: None,
    }
}

fn part_entry(part: &Part) -> PartEntry {
    PartEntry {
        e_tag: Some(ETag::Strong(part.md5.clone())),
        last_modified: Some(timestamp(part.last_modified)),
        part_number: Some(i32::from(part.number)),
        size: Some(signed(part.size)),
        ..PartEntry::default()
    }
}

fn upload_entry(upload: &Upload) -> MultipartUpload {
    MultipartUpload {
        initiated: Some(timestamp(upload.initiated)),
        initiator: Some(initiator(upload)),
        key: Some(upload.key.clone()),
        owner: Some(owner(&upload.owner)),
        upload_id: Some(upload.id.clone()),
        ..MultipartUpload::default()
    }
}
