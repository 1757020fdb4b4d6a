//! Buckets and their policies.

use lakeward_identity::{Call, StoredPolicy};
use lakeward_policy::Context;
use s3s::{
    S3Error, S3Response, S3Result,
    dto::{
        self, BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketInput,
        DeleteBucketPolicyInput, GetBucketLocationInput, GetBucketLocationOutput,
        GetBucketPolicyInput, GetBucketPolicyOutput, HeadBucketInput, HeadBucketOutput,
        ListBucketsInput, ListBucketsOutput, Owner, PutBucketPolicyInput,
    },
    s3_error,
};

use crate::{
    access::Visit,
    error::{from_aws, no_such_bucket},
    gate::Gate,
    list::owner_id,
    option::{refuse, refuse_acl},
    read::timestamp,
    record::{Bucket, StoredObject, Upload},
    write::this_second,
};

/// The region that S3 does not name as a location.
const UNNAMED_REGION: &str = "us-east-1";
/// The longest bucket policy, in bytes.
const MAX_POLICY: usize = 20 << 10;
/// Buckets on one page.
const MAX_BUCKETS: usize = 10_000;

impl Gate {
    pub(crate) fn list_buckets(
        &self,
        call: &Call,
        input: ListBucketsInput,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let _permit = call
            .authorize("s3:ListAllMyBuckets", "*", Context::new())
            .map_err(|error| from_aws(&error))?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input.continuation_token.unwrap_or_default();
        let limit = input.max_buckets.and_then(|max| usize::try_from(max).ok());
        let limit = limit.filter(|limit| *limit > 0).unwrap_or(MAX_BUCKETS);
        let mut buckets = self.store.snapshot().scan::<Bucket>(&prefix);
        buckets.retain(|bucket| bucket.account == call.account() && bucket.name > after);
        if let Some(region) = &input.bucket_region {
            buckets.retain(|bucket| bucket.region == *region);
        }
        let truncated = buckets.len() > limit;
        buckets.truncate(limit);
        let next = buckets.last().filter(|_| truncated);
        Ok(S3Response::new(ListBucketsOutput {
            continuation_token: next.map(|bucket| bucket.name.clone()),
            buckets: Some(buckets.iter().map(|bucket| entry(bucket)).collect()),
            owner: Some(Owner {
                id: Some(owner_id(call.account())),
                display_name: None,
            }),
            prefix: input.prefix,
        }))
    }

    pub(crate) async fn create_bucket(
        &self,
        call: &Call,
        input: CreateBucketInput,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        refuse_options(&input)?;
        let visit = Visit::new(self, call, &input.bucket, None)?;
        let _permit = visit.bucket("s3:CreateBucket", Context::new())?;
        let bucket = Bucket {
            name: input.bucket.clone(),
            account: call.account().to_owned(),
            region: region(call, &input)?,
            created: this_second(),
            policy: None,
        };
        self.commit(move |change| {
            if let Some(existing) = change.get::<Bucket>(&bucket.name) {
                return Err(taken(&existing, &bucket.account).into());
            }
            change.put(bucket);
            Ok(())
        })
        .await?;
        Ok(S3Response::new(CreateBucketOutput {
            location: Some(format!("/{}", input.bucket)),
        }))
    }

    pub(crate) fn head_bucket(
        &self,
        call: &Call,
        input: &HeadBucketInput,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let permit = visit.bucket("s3:ListBucket", Context::new())?;
        let bucket = visit.existing(&permit)?;
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region: Some(bucket.region.clone()),
            ..HeadBucketOutput::default()
        }))
    }

    pub(crate) async fn delete_bucket(
        &self,
        call: &Call,
        input: DeleteBucketInput,
    ) -> S3Result<()> {
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let permit = visit.bucket("s3:DeleteBucket", Context::new())?;
        visit.existing(&permit)?;
        let name = input.bucket;
        self.commit(move |change| {
            if change.get::<Bucket>(&name).is_none() {
                return Err(no_such_bucket().into());
            }
            let prefix = format!("{name}/");
            let empty = change.page::<StoredObject>(&prefix, "", 1).is_empty()
                && change.page::<Upload>(&prefix, "", 1).is_empty();
            if !empty {
                return Err(s3_error!(
                    BucketNotEmpty,
                    "The bucket you tried to delete is not empty"
                )
                .into());
            }
            change.delete::<Bucket>(&name);
            Ok(())
        })
        .await
    }

    pub(crate) fn get_bucket_location(
        &self,
        call: &Call,
        input: &GetBucketLocationInput,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let permit = visit.bucket("s3:GetBucketLocation", Context::new())?;
        let bucket = visit.existing(&permit)?;
        let named = (bucket.region != UNNAMED_REGION).then(|| bucket.region.clone());
        Ok(S3Response::new(GetBucketLocationOutput {
            location_constraint: named.map(BucketLocationConstraint::from),
        }))
    }

    pub(crate) async fn put_bucket_policy(
        &self,
        call: &Call,
        input: PutBucketPolicyInput,
    ) -> S3Result<()> {
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let permit = visit.bucket("s3:PutBucketPolicy", Context::new())?;
        visit.existing(&permit)?;
        if input.policy.len() > MAX_POLICY {
            return Err(malformed(
                "Policy exceeds the maximum allowed document size.",
            ));
        }
        let policy =
            StoredPolicy::resource(input.policy).map_err(|error| malformed(&error.message))?;
        self.set_policy(input.bucket, Some(policy)).await
    }

    pub(crate) fn get_bucket_policy(
        &self,
        call: &Call,
        input: &GetBucketPolicyInput,
    ) -> S3Result<S3Response<GetBucketPolicyOutput>> {
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let permit = visit.bucket("s3:GetBucketPolicy", Context::new())?;
        let bucket = visit.existing(&permit)?;
        match &bucket.policy {
            Some(policy) => Ok(S3Response::new(GetBucketPolicyOutput {
                policy: Some(policy.shown(call.snapshot())),
            })),
            None => Err(s3_error!(
                NoSuchBucketPolicy,
                "The bucket policy does not exist"
            )),
        }
    }

    pub(crate) async fn delete_bucket_policy(
        &self,
        call: &Call,
        input: DeleteBucketPolicyInput,
    ) -> S3Result<()> {
        let visit = Visit::new(
            self,
            call,
            &input.bucket,
            input.expected_bucket_owner.as_deref(),
        )?;
        let permit = visit.bucket("s3:DeleteBucketPolicy", Context::new())?;
        visit.existing(&permit)?;
        self.set_policy(input.bucket, None).await
    }

    /// Whom the policy names is bound as of now: see [`StoredPolicy::bind_principals`].
    async fn set_policy(&self, name: String, policy: Option<StoredPolicy>) -> S3Result<()> {
        self.commit(move |change| {
            let bucket = change.get::<Bucket>(&name).ok_or_else(no_such_bucket)?;
            let policy = policy
                .map(|policy| policy.bind_principals(change))
                .transpose()
                .map_err(|_| malformed("Invalid principal in policy"))?;
            change.put(Bucket {
                policy,
                ..(*bucket).clone()
            });
            Ok(())
        })
        .await
    }
}

fn entry(bucket: &Bucket) -> dto::Bucket {
    dto::Bucket {
        name: Some(bucket.name.clone()),
        creation_date: Some(timestamp(bucket.created)),
        bucket_region: Some(bucket.region.clone()),
    }
}

/// The region that a bucket is made in: the one asked for, which must be the endpoint's.
fn region(call: &Call, input: &CreateBucketInput) -> S3Result<String> {
    let here = call.region();
    let asked = input
        .create_bucket_configuration
        .as_ref()
        .and_then(|configuration| configuration.location_constraint.as_ref())
        .map(BucketLocationConstraint::as_str);
    match asked {
        None => Ok(here.to_owned()),
        Some(asked) if asked == here => Ok(here.to_owned()),
        Some(asked) => Err(s3_error!(
            IllegalLocationConstraintException,
            "The {asked} location constraint is incompatible for the region specific endpoint this request was sent to."
        )),
    }
}

fn taken(existing: &Bucket, account: &str) -> S3Error {
    if existing.account == account {
        s3_error!(
            BucketAlreadyOwnedByYou,
            "Your previous request to create the named bucket succeeded and you already own it."
        )
    } else {
        s3_error!(
            BucketAlreadyExists,
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."
        )
    }
}

fn malformed(message: &str) -> S3Error {
    s3_error!(MalformedPolicy, "{message}")
}

fn refuse_options(input: &CreateBucketInput) -> S3Result<()> {
    refuse(&[(
        input.object_lock_enabled_for_bucket.unwrap_or(false),
        "object lock",
    )])?;
    if input
        .object_ownership
        .as_ref()
        .is_some_and(|o| o.as_str() != "BucketOwnerEnforced")
    {
        return Err(crate::error::not_implemented(
            "object ownership other than BucketOwnerEnforced",
        ));
    }
    let grants = [
        &input.grant_full_control,
        &input.grant_read,
        &input.grant_read_acp,
        &input.grant_write,
        &input.grant_write_acp,
    ];
    refuse_acl(
        input.acl.as_ref().map(|acl| acl.as_str()),
        grants.into_iter().any(Option::is_some),
    )
}
