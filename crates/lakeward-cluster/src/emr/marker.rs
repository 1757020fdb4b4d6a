//! Paging: a `Marker` names the last item of the page before, so a page stays right when items
//! come and go between two calls.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::emr::error::EmrError;

/// One page of a listing.
pub(crate) struct Page<T> {
    /// At most as many as asked for.
    pub items: Vec<Arc<T>>,
    /// Where the next page begins, when there is one.
    pub marker: Option<String>,
}

/// The first `limit` items whose sort key comes after `marker`.
pub(crate) fn page<T>(
    mut sorted: BTreeMap<String, Arc<T>>,
    marker: Option<&str>,
    limit: usize,
) -> Result<Page<T>, EmrError> {
    if let Some(marker) = marker.filter(|marker| !marker.is_empty()) {
        let last_seen = decode(marker)?;
        sorted = sorted.split_off(&last_seen);
        sorted.remove(&last_seen);
    }
    let more = sorted.len() > limit;
    let mut last = None;
    let items = sorted
        .into_iter()
        .take(limit)
        .map(|(key, item)| {
            last = Some(key);
            item
        })
        .collect();
    Ok(Page {
        items,
        marker: last.filter(|_| more).map(|key| URL_SAFE_NO_PAD.encode(key)),
    })
}

fn decode(marker: &str) -> Result<String, EmrError> {
    URL_SAFE_NO_PAD
        .decode(marker)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| EmrError::InvalidMarker(marker.to_owned()))
}

/// For listings that always fit one page: no marker was ever given out.
pub(crate) fn refuse(marker: Option<&str>) -> Result<(), EmrError> {
    match marker {
        None | Some("") => Ok(()),
        Some(marker) => Err(EmrError::InvalidMarker(marker.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(count: usize) -> BTreeMap<String, Arc<usize>> {
        (0..count)
            .map(|n| (format!("{n:04}"), Arc::new(n)))
            .collect()
    }

    #[test]
    fn pages_cover_everything_once() {
        for count in [0, 1, 9, 10, 11, 35] {
            let mut seen = Vec::new();
            let mut marker: Option<String> = None;
            loop {
                let page = page(items(count), marker.as_deref(), 10).unwrap();
                assert!(page.items.len() <= 10);
                seen.extend(page.items.iter().map(|item| **item));
                marker = page.marker;
                if marker.is_none() {
                    break;
                }
            }
            assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_vanished_item_still_marks_its_place() {
        let first = page(items(15), None, 10).unwrap();
        let mut later = items(15);
        later.remove("0009");
        let second = page(later, first.marker.as_deref(), 10).unwrap();
        assert_eq!(second.items.first().map(|item| **item), Some(10));
    }

    #[test]
    fn rubbish_is_refused() {
        assert!(page(items(1), Some("%%"), 10).is_err());
        assert!(refuse(Some("x")).is_err());
        assert!(refuse(None).is_ok());
    }
}
