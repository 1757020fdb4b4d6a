//! DELETE, of one key or of many.

use lakeward_identity::Call;
use lakeward_policy::Context;
use s3s::{
    S3Error, S3Response, S3Result,
    dto::{DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition, Error},
    s3_error,
};

use crate::{
    access::{Visit, WriteObject},
    condition::names,
    error::{Refused, precondition_failed},
    gate::{Gate, finish},
    read::refuse_version,
    record::StoredObject,
};

/// Keys that one request may delete.
const MAX_DELETES: usize = 1000;

impl Gate {
    /// Deletes one key. A key that isn't there is deleted too, as in S3.
    pub(crate) async fn delete_object(
        &self,
        permit: WriteObject,
        matches: Option<ETagCondition>,
    ) -> S3Result<()> {
        let record = StoredObject::record_key(&permit.bucket().name, permit.key());
        let blobs = self.blobs.clone();
        let store = self.store.clone();
        finish(async move {
            let blob = store
                .change(|change| {
                    let current = change.get::<StoredObject>(&record);
                    if let Some(condition) = &matches {
                        let etag = current.as_ref().map(|object| object.etag.as_str());
                        if !etag.is_some_and(|etag| names(condition, etag)) {
                            return Err(Refused::Answer(precondition_failed()));
                        }
                    }
                    if current.is_some() {
                        change.delete::<StoredObject>(&record);
                    }
                    Ok(current.map(|object| object.blob.clone()))
                })
                .await?;
            if let Some(blob) = blob {
                blobs.remove(&blob).await;
            }
            Ok(())
        })
        .await
    }

    pub(crate) async fn delete_objects(
        &self,
        call: &Call,
        input: DeleteObjectsInput,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        if input.delete.objects.is_empty() || input.delete.objects.len() > MAX_DELETES {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema"
            ));
        }
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            let condition = object.e_tag.map(ETagCondition::ETag);
            let outcome = match (
                refuse_version(object.version_id.as_deref()),
                visit.write(self, "s3:DeleteObject", &object.key, Context::new()),
            ) {
                (Ok(()), Ok(permit)) => self.delete_object(permit, condition).await,
                (Err(error), _) | (_, Err(error)) => Err(error),
            };
            match outcome {
                Ok(()) => deleted.push(DeletedObject {
                    key: Some(object.key),
                    ..DeletedObject::default()
                }),
                Err(error) => errors.push(failure(object.key, &error)),
            }
        }
        if input.delete.quiet.unwrap_or(false) {
            deleted.clear();
        }
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        }))
    }
}

fn failure(key: String, error: &S3Error) -> Error {
    Error {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        version_id: None,
    }
}
