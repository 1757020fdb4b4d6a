//! Objects for clusters: certificates come and logs go through the instance's own endpoint, so the
//! gate decides about them as about anyone's.

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use lakeward_client::{Client, ClientError, Credentials};
use lakeward_cluster::emr::{LakeObjects, ObjectAddress, ObjectError};
use lakeward_identity::RoleCredentials;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a path: AWS's unreserved characters and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// The instance's endpoint, as a client sees it.
pub(super) struct Objects {
    pub(super) endpoint: String,
    pub(super) ca_pem: String,
    pub(super) region: String,
}

impl Objects {
    fn client(&self, keys: &RoleCredentials) -> Result<Client, ObjectError> {
        let credentials = Credentials::temporary(
            &keys.access_key_id,
            keys.secret_access_key.expose(),
            keys.session_token.expose(),
        );
        Client::new(&self.endpoint, &self.ca_pem, &self.region, credentials).map_err(failure)
    }
}

#[async_trait]
impl LakeObjects for Objects {
    async fn get(
        &self,
        keys: &RoleCredentials,
        object: &ObjectAddress,
        most: usize,
    ) -> Result<Vec<u8>, ObjectError> {
        let client = self.client(keys)?;
        let read = client.s3_object(&path(object), most).await;
        read.map_err(failure)
    }

    async fn put(
        &self,
        keys: &RoleCredentials,
        object: &ObjectAddress,
        content: Vec<u8>,
    ) -> Result<(), ObjectError> {
        let client = self.client(keys)?;
        let path = path(object);
        let written = client.s3(Method::PUT, &path, Bytes::from(content)).await;
        written.map(drop).map_err(failure)
    }
}

fn path(object: &ObjectAddress) -> String {
    let key = utf8_percent_encode(&object.key, PATH);
    format!("/{}/{key}", object.bucket)
}

fn failure(error: ClientError) -> ObjectError {
    match error {
        ClientError::Refused { code, message, .. } => ObjectError { code, message },
        other => ObjectError {
            code: "Unreachable".to_owned(),
            message: other.to_string(),
        },
    }
}
