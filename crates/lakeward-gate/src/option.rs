//! What a write may ask for beside its bytes. An option that the gate lacks is refused: one that is
//! ignored would be a false promise.

use std::collections::BTreeMap;

use s3s::{S3Result, s3_error};

use crate::{error::not_implemented, record::ObjectHeaders};

/// User metadata that one object may carry, in bytes of names and values.
const MAX_METADATA: usize = 2048;

/// The headers that an input asks to keep with its object. Put, copy and multipart inputs have the
/// same fields but share no type.
macro_rules! object_headers {
    ($input:expr) => {
        $crate::record::ObjectHeaders {
            content_type: $input.content_type.clone(),
            content_encoding: $input.content_encoding.clone(),
            content_language: $input.content_language.clone(),
            content_disposition: $input.content_disposition.clone(),
            cache_control: $input.cache_control.clone(),
            metadata: $input
                .metadata
                .clone()
                .unwrap_or_default()
                .into_iter()
                .collect(),
        }
        .checked()
    };
}
pub(crate) use object_headers;

/// Refuses what an input asks for beside its bytes and the gate lacks; `more` are the options that
/// only this input has.
macro_rules! refuse_object_options {
    ($input:expr, $more:expr) => {{
        let (input, more): (_, &[(bool, &str)]) = ($input, $more);
        $crate::option::refuse(more)?;
        $crate::option::refuse(&[
            (input.tagging.is_some(), "object tagging"),
            (
                input.website_redirect_location.is_some(),
                "website redirects",
            ),
            (
                input.server_side_encryption.is_some(),
                "server-side encryption",
            ),
            (
                input.sse_customer_algorithm.is_some(),
                "server-side encryption with customer keys",
            ),
            (input.object_lock_mode.is_some(), "object lock"),
            (
                $crate::option::other_class(
                    input.storage_class.as_ref().map(|class| class.as_str()),
                ),
                "storage classes other than STANDARD",
            ),
        ])?;
        let grants = [
            &input.grant_full_control,
            &input.grant_read,
            &input.grant_read_acp,
            &input.grant_write_acp,
        ];
        $crate::option::refuse_acl(
            input.acl.as_ref().map(|acl| acl.as_str()),
            grants.into_iter().any(Option::is_some),
        )
    }};
}
pub(crate) use refuse_object_options;

/// Refuses the first option that was used.
pub(crate) fn refuse(options: &[(bool, &str)]) -> S3Result<()> {
    match options.iter().find(|(used, _)| *used) {
        Some((_, what)) => Err(not_implemented(what)),
        None => Ok(()),
    }
}

pub(crate) fn other_class(class: Option<&str>) -> bool {
    class.is_some_and(|class| class != "STANDARD")
}

/// Buckets enforce their owner, as S3's do by default: there are no ACLs to set.
pub(crate) fn refuse_acl(acl: Option<&str>, grants: bool) -> S3Result<()> {
    let owner_only = matches!(acl, None | Some("private" | "bucket-owner-full-control"));
    if owner_only && !grants {
        return Ok(());
    }
    Err(s3_error!(
        AccessControlListNotSupported,
        "The bucket does not allow ACLs"
    ))
}

impl ObjectHeaders {
    /// Drops the transfer's own encoding, and refuses metadata beyond S3's limit.
    pub(crate) fn checked(mut self) -> S3Result<Self> {
        self.content_encoding = self.content_encoding.and_then(|encoding| {
            let codings = encoding.split(',').map(str::trim);
            let kept: Vec<_> = codings
                .filter(|coding| !coding.eq_ignore_ascii_case("aws-chunked") && !coding.is_empty())
                .collect();
            (!kept.is_empty()).then(|| kept.join(","))
        });
        if metadata_bytes(&self.metadata) > MAX_METADATA {
            return Err(s3_error!(
                MetadataTooLarge,
                "Your metadata headers exceed the maximum allowed metadata size"
            ));
        }
        Ok(self)
    }
}

fn metadata_bytes(metadata: &BTreeMap<String, String>) -> usize {
    metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}
