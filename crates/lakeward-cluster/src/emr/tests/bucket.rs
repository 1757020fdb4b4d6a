//! Objects in place of a gate.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use lakeward_identity::RoleCredentials;

use crate::emr::{LakeObjects, ObjectAddress, ObjectError};

/// The only bucket there is.
pub(super) const NAME: &str = "lake";

/// Objects by key, and who asked for them.
#[derive(Default)]
pub(super) struct Bucket {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    visitors: Mutex<Vec<String>>,
    pub(super) closed: AtomicBool,
}

impl Bucket {
    pub(super) fn fill(&self, key: &str, content: Vec<u8>) {
        self.objects.lock().unwrap().insert(key.to_owned(), content);
    }

    pub(super) fn content(&self, key: &str) -> Option<Vec<u8>> {
        self.objects.lock().unwrap().get(key).cloned()
    }

    /// The sessions whose keys were used.
    pub(super) fn visitors(&self) -> Vec<String> {
        self.visitors.lock().unwrap().clone()
    }

    fn admit(&self, keys: &RoleCredentials, object: &ObjectAddress) -> Result<(), ObjectError> {
        let mut visitors = self.visitors.lock().unwrap();
        visitors.push(keys.assumed_role_arn.clone());
        if self.closed.load(Ordering::SeqCst) {
            return Err(error("AccessDenied"));
        }
        if object.bucket == NAME {
            Ok(())
        } else {
            Err(error("NoSuchBucket"))
        }
    }
}

fn error(code: &str) -> ObjectError {
    ObjectError {
        code: code.to_owned(),
        message: "the bucket says no".to_owned(),
    }
}

#[async_trait]
impl LakeObjects for Bucket {
    async fn get(
        &self,
        keys: &RoleCredentials,
        object: &ObjectAddress,
        most: usize,
    ) -> Result<Vec<u8>, ObjectError> {
        self.admit(keys, object)?;
        match self.content(&object.key) {
            Some(content) if content.len() > most => Err(error("TooLarge")),
            Some(content) => Ok(content),
            None => Err(error("NoSuchKey")),
        }
    }

    async fn put(
        &self,
        keys: &RoleCredentials,
        object: &ObjectAddress,
        content: Vec<u8>,
    ) -> Result<(), ObjectError> {
        self.admit(keys, object)?;
        self.fill(&object.key, content);
        Ok(())
    }
}
