//! Bucket policies, for questions that are asked and not tried.

use lakeward_identity::{
    StoredPolicy,
    explain::{DoorAnswer, Doors, Foreign, ResourcePolicy},
};
use lakeward_policy::{Arn, PolicyDocument, Usage};
use lakeward_store::Snapshot;

use crate::record::Bucket;

/// A policy that can't be read lets nobody in, here as for a request.
const UNREADABLE: &str = r#"{"Version":"2012-10-17","Statement":{"Sid":"ThePolicyCannotBeRead","Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}"#;

/// The policies of this instance's buckets.
#[derive(Debug, Clone, Copy, Default)]
pub struct BucketPolicies;

impl Doors for BucketPolicies {
    fn names(&self) -> Vec<&'static str> {
        vec!["bucket policy"]
    }

    fn resource_policy(&self, snapshot: &Snapshot, resource: &str) -> Option<ResourcePolicy> {
        let arn = Arn::parse(resource)
            .ok()
            .filter(|arn| arn.service == "s3")?;
        let name = arn.resource.split('/').next()?;
        let bucket = snapshot.get::<Bucket>(name)?;
        let document = match bucket.policy.as_ref().map(StoredPolicy::document) {
            None => None,
            Some(Ok(document)) => Some(document.clone()),
            Some(Err(_)) => PolicyDocument::parse(UNREADABLE, Usage::Resource).ok(),
        };
        Some(ResourcePolicy {
            document,
            account: bucket.account.clone(),
        })
    }

    fn ask(&self, _: &Snapshot, _: Foreign<'_>) -> Vec<DoorAnswer> {
        Vec::new()
    }
}
