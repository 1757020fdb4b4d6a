use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::audit::{Filter, Place};

/// Where the next page begins.
pub(super) struct Token {
    pub(super) place: Place,
}

#[derive(Serialize, Deserialize)]
struct Content {
    file: u64,
    offset: u64,
    /// Of the filter: a token is good for the request it was given out for.
    digest: String,
}

impl Token {
    pub(super) fn text(&self, filter: &Filter) -> String {
        let content = Content {
            file: self.place.file,
            offset: self.place.offset,
            digest: digest(filter),
        };
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&content).unwrap_or_default())
    }

    /// Reads a token.
    ///
    /// # Errors
    /// `InvalidNextTokenException`: it is none, or belongs to another request.
    pub(super) fn read(text: &str, filter: &Filter) -> Result<Self, AwsError> {
        let content = BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Content>(&bytes).ok())
            .filter(|content| content.digest == digest(filter))
            .ok_or_else(invalid)?;
        Ok(Self {
            place: Place {
                file: content.file,
                offset: content.offset,
            },
        })
    }
}

pub(super) fn invalid() -> AwsError {
    AwsError::new(
        400,
        "InvalidNextTokenException",
        "The token was not given out for this request, or what it points to is no longer kept.",
    )
}

fn digest(filter: &Filter) -> String {
    let bytes = Sha256::digest(format!("{filter:?}"));
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
