//! The S3 operations that exist. What is not here answers `NotImplemented`, by name.

use std::sync::Arc;

use lakeward_policy::Context;
use s3s::{S3, S3Request, S3Response, S3Result, dto::*};

use crate::{
    access::{Visit, caller},
    gate::Gate,
    read::refuse_version,
};

/// The gate as the codec sees it.
pub(crate) struct Operations(pub(crate) Arc<Gate>);

#[async_trait::async_trait]
impl S3 for Operations {
    async fn list_buckets(
        &self,
        request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        self.0.list_buckets(&caller(&request)?, request.input)
    }

    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        self.0
            .create_bucket(&caller(&request)?, request.input)
            .await
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.0.head_bucket(&caller(&request)?, &request.input)
    }

    async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        let call = caller(&request)?;
        self.0.delete_bucket(&call, request.input).await?;
        Ok(S3Response::new(DeleteBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.0
            .get_bucket_location(&caller(&request)?, &request.input)
    }

    async fn put_bucket_policy(
        &self,
        request: S3Request<PutBucketPolicyInput>,
    ) -> S3Result<S3Response<PutBucketPolicyOutput>> {
        let call = caller(&request)?;
        self.0.put_bucket_policy(&call, request.input).await?;
        Ok(S3Response::new(PutBucketPolicyOutput::default()))
    }

    async fn get_bucket_policy(
        &self,
        request: S3Request<GetBucketPolicyInput>,
    ) -> S3Result<S3Response<GetBucketPolicyOutput>> {
        self.0.get_bucket_policy(&caller(&request)?, &request.input)
    }

    async fn delete_bucket_policy(
        &self,
        request: S3Request<DeleteBucketPolicyInput>,
    ) -> S3Result<S3Response<DeleteBucketPolicyOutput>> {
        let call = caller(&request)?;
        self.0.delete_bucket_policy(&call, request.input).await?;
        Ok(S3Response::new(DeleteBucketPolicyOutput::default()))
    }

    async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        self.0.list_objects(&caller(&request)?, request.input)
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.0.list_objects_v2(&caller(&request)?, request.input)
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let call = caller(&request)?;
        let input = request.input;
        let owner = input.expected_bucket_owner.clone();
        let visit = Visit::new(&self.0, &call, &input.bucket, owner.as_deref())?;
        self.0.get_object(&visit, input).await
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let call = caller(&request)?;
        let input = request.input;
        let owner = input.expected_bucket_owner.clone();
        let visit = Visit::new(&self.0, &call, &input.bucket, owner.as_deref())?;
        self.0.head_object(&visit, input)
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let call = caller(&request)?;
        self.0.put_object(&call, request).await
    }

    async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        self.0.copy_object(&caller(&request)?, request.input).await
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let call = caller(&request)?;
        let input = request.input;
        refuse_version(input.version_id.as_deref())?;
        let visit = Visit::new(
            &self.0,
            &call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let permit = visit.write(&self.0, "s3:DeleteObject", &input.key, Context::new())?;
        self.0.delete_object(permit, input.if_match).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.0
            .delete_objects(&caller(&request)?, request.input)
            .await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.0
            .create_multipart_upload(&caller(&request)?, request.input)
            .await
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let call = caller(&request)?;
        self.0.upload_part(&call, request).await
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        self.0
            .upload_part_copy(&caller(&request)?, request.input)
            .await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.0
            .complete_multipart_upload(&caller(&request)?, request.input)
            .await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let call = caller(&request)?;
        self.0.abort_multipart_upload(&call, &request.input).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        self.0.list_parts(&caller(&request)?, request.input)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.0
            .list_multipart_uploads(&caller(&request)?, request.input)
    }
}
