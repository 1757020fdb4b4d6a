//! Pages of IAM's lists: `MaxItems`, `Marker`, `IsTruncated`.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error;

/// How many items a page has when the caller doesn't say ("MaxItems" of any list operation).
const USUAL: u32 = 100;
const MOST: u32 = 1000;
/// Bytes of a marker that tell whether it was made for this list.
const SEAL: usize = 8;

/// What a list operation is asked for, with its path prefix.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Page {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<u32>,
}

impl Page {
    pub(crate) fn prefix(&self) -> &str {
        self.path_prefix.as_deref().unwrap_or("/")
    }

    /// The page of `items`, which have this prefix and are in the order of their keys.
    pub(crate) fn cut<T>(
        &self,
        list: &str,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Cut<T>, AwsError> {
        let list = format!("{list} {}", self.prefix());
        cut(&list, self.marker.as_deref(), self.max_items, items, key)
    }
}

/// One page of a list.
pub(crate) struct Cut<T> {
    pub(crate) items: Vec<T>,
    pub(crate) end: End,
}

impl<T> Cut<T> {
    /// The page with its items as they are shown.
    pub(crate) fn show<V>(self, view: impl FnMut(T) -> V) -> (Vec<V>, End) {
        (self.items.into_iter().map(view).collect(), self.end)
    }
}

/// How a page ends.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct End {
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

/// Cuts a page out of `items`, which are in the order of their keys. `list` names the operation
/// and what it is asked of, so that one list's markers aren't another's.
///
/// # Errors
/// `ValidationError`: the marker is not one of this list, or `MaxItems` is out of bounds.
pub(crate) fn cut<T>(
    list: &str,
    marker: Option<&str>,
    max_items: Option<u32>,
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
) -> Result<Cut<T>, AwsError> {
    let limit = limit(max_items)?;
    let after = marker.map(|marker| open(list, marker)).transpose()?;
    let rest = items
        .into_iter()
        .filter(|item| after.as_ref().is_none_or(|after| key(item) > *after));
    let mut items: Vec<T> = rest.take(limit + 1).collect();
    let is_truncated = items.len() > limit;
    items.truncate(limit);
    let marker = items
        .last()
        .filter(|_| is_truncated)
        .map(|last| seal(list, &key(last)));
    Ok(Cut {
        items,
        end: End {
            is_truncated,
            marker,
        },
    })
}

fn limit(max_items: Option<u32>) -> Result<usize, AwsError> {
    let asked = max_items.unwrap_or(USUAL);
    let bound = match asked {
        0 => "greater than or equal to 1",
        1..=MOST => return Ok(asked as usize),
        _ => "less than or equal to 1000",
    };
    Err(error::invalid(format!(
        "1 validation error detected: Value '{asked}' at 'maxItems' failed to satisfy constraint: Member must have value {bound}"
    )))
}

fn seal(list: &str, key: &str) -> String {
    let mut bytes = sum(list, key);
    bytes.extend_from_slice(key.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn open(list: &str, marker: &str) -> Result<String, AwsError> {
    let opened = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(marker).ok()?;
        let (sealed, key) = bytes.split_at_checked(SEAL)?;
        let key = std::str::from_utf8(key).ok()?;
        (sum(list, key) == sealed).then(|| key.to_owned())
    };
    opened().ok_or_else(|| error::invalid("Invalid Marker."))
}

fn sum(list: &str, key: &str) -> Vec<u8> {
    let digest = Sha256::new()
        .chain_update(list)
        .chain_update([0])
        .chain_update(key)
        .finalize();
    digest.into_iter().take(SEAL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(marker: Option<&str>, size: u32) -> Cut<u32> {
        cut("l", marker, Some(size), 10..20, u32::to_string).unwrap()
    }

    #[test]
    fn pages_join_to_the_whole_list() {
        for size in 1..12 {
            let (mut found, mut marker) = (Vec::new(), None);
            loop {
                let page = page(marker.as_deref(), size);
                assert!(page.items.len() <= size as usize);
                assert_eq!(page.end.is_truncated, page.end.marker.is_some());
                found.extend(page.items);
                marker = page.end.marker;
                if marker.is_none() {
                    break;
                }
            }
            assert_eq!(found, (10..20).collect::<Vec<_>>(), "{size}");
        }
    }

    #[test]
    fn other_lists_markers_and_other_texts_are_refused() {
        let marker = page(None, 3).end.marker.unwrap();
        assert!(cut("m", Some(&marker), None, 10..20, u32::to_string).is_err());
        for marker in ["", "x", "AAAA", "äöü", &"A".repeat(5000)] {
            assert!(cut("l", Some(marker), None, 10..20, u32::to_string).is_err());
        }
        for size in [0, 1001] {
            assert!(cut("l", None, Some(size), 10..20, u32::to_string).is_err());
        }
    }
}
