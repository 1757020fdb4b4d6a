//! What a write may ask for beside its bytes. An option that the gate lacks is refused: one that is
//! ignored would be a false promise.

use std::collections::BTreeMap;

use s3s::{S3Result, s3_error};

use crate::{error::not_implemented, record::ObjectHeaders};

/// User metadata that one object may carry, in bytes of names and values.
const MAX_METADATA: usize = 2048;
/// Refuses the first option that was used: one that is ignored would be a false promise.
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
