//! Listing keys: prefix, delimiter, pages, and which of them the caller may know of.

use jiff::Timestamp;
use lakeward_store::Snapshot;

use crate::record::StoredObject;

/// The most keys that one answer holds, as in S3.
pub(crate) const MAX_KEYS: usize = 1000;
/// Records looked at per step.
const STEP: usize = 1000;

/// A question about a bucket's keys.
pub(crate) struct Query<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: &'a str,
    /// Keys and common prefixes up to and including this one were answered before.
    pub(crate) after: &'a str,
    pub(crate) limit: usize,
}

/// One key, as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) last_modified: Timestamp,
    pub(crate) owner: String,
}

impl From<&StoredObject> for Entry {
    fn from(object: &StoredObject) -> Self {
        Self {
            key: object.key.clone(),
            size: object.size,
            etag: object.etag.clone(),
            last_modified: object.last_modified,
            owner: object.owner.clone(),
        }
    }
}

/// An answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    pub(crate) common_prefixes: Vec<String>,
    /// The last key or common prefix of this page, when another page follows.
    pub(crate) next: Option<String>,
}

impl Page {
    pub(crate) fn count(&self) -> usize {
        self.entries.len() + self.common_prefixes.len()
    }
}

/// Lists keys. `see` turns an object into what the caller may see of it; `None` hides the key, so
/// that it counts nowhere, not even in a common prefix.
pub(crate) fn list(
    snapshot: &Snapshot,
    query: &Query<'_>,
    mut see: impl FnMut(&StoredObject) -> Option<Entry>,
) -> Page {
    let mut page = Page::default();
    if query.limit == 0 {
        return page;
    }
    let mut last = None;
    let mut cursor = query.after.to_owned();
    loop {
        let objects = step(snapshot, query, &cursor);
        let Some(end) = objects.last() else {
            return page;
        };
        cursor.clone_from(&end.key);
        for object in &objects {
            let group = common_prefix(query, &object.key);
            if let Some(group) = group.filter(|group| answered(query, &page, group)) {
                // The rest of the group need not be looked at.
                cursor = past(group).max(cursor);
                continue;
            }
            let Some(entry) = see(object) else { continue };
            if page.count() == query.limit {
                page.next = last;
                return page;
            }
            match group {
                Some(group) => {
                    page.common_prefixes.push(group.to_owned());
                    last = Some(group.to_owned());
                }
                None => {
                    last = Some(entry.key.clone());
                    page.entries.push(entry);
                }
            }
        }
    }
}

fn step(snapshot: &Snapshot, query: &Query<'_>, cursor: &str) -> Vec<std::sync::Arc<StoredObject>> {
    snapshot.page::<StoredObject>(
        &StoredObject::record_key(query.bucket, query.prefix),
        &StoredObject::record_key(query.bucket, cursor),
        STEP,
    )
}

/// The common prefix that `key` rolls up into.
fn common_prefix<'k>(query: &Query<'_>, key: &'k str) -> Option<&'k str> {
    if query.delimiter.is_empty() {
        return None;
    }
    let rest = key.strip_prefix(query.prefix)?;
    let end = query.prefix.len() + rest.find(query.delimiter)? + query.delimiter.len();
    key.get(..end)
}

fn answered(query: &Query<'_>, page: &Page, group: &str) -> bool {
    query.after.starts_with(group)
        || page
            .common_prefixes
            .last()
            .is_some_and(|last| last == group)
}

/// A cursor behind every key that begins with `group`.
fn past(group: &str) -> String {
    format!("{group}{}", char::MAX)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use lakeward_store::{Schema, Store};
    use proptest::prelude::*;

    use super::*;
    use crate::record::{Format, ObjectHeaders};

    fn object(key: &str) -> StoredObject {
        StoredObject {
            bucket: "b".into(),
            key: key.into(),
            blob: String::new(),
            size: key.len() as u64,
            etag: String::new(),
            last_modified: Timestamp::UNIX_EPOCH,
            owner: String::new(),
            format: Format::Other,
            headers: ObjectHeaders::default(),
        }
    }

    async fn snapshot(keys: &BTreeSet<String>) -> Arc<Snapshot> {
        let folder = tempfile::tempdir().unwrap();
        let schema = crate::schema(Schema::new());
        let store = Store::open(&folder.path().join("state"), schema)
            .await
            .unwrap();
        store
            .change(|change| {
                keys.iter().for_each(|key| change.put(object(key)));
                change.put(StoredObject {
                    bucket: "b0".into(),
                    ..object("elsewhere")
                });
                Ok::<_, lakeward_store::StoreError>(())
            })
            .await
            .unwrap();
        store.snapshot()
    }

    fn visible(key: &str) -> bool {
        !key.contains('h')
    }

    /// All pages of a listing, each key or common prefix once.
    fn pages(snapshot: &Snapshot, prefix: &str, delimiter: &str, limit: usize) -> Vec<String> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let query = Query {
                bucket: "b",
                prefix,
                delimiter,
                after: &after,
                limit,
            };
            let page = list(snapshot, &query, |object| {
                visible(&object.key).then(|| Entry::from(object))
            });
            assert!(page.count() <= limit);
            let mut names: Vec<_> = page.entries.into_iter().map(|entry| entry.key).collect();
            names.extend(page.common_prefixes);
            names.sort();
            all.extend(names);
            match page.next {
                Some(next) => {
                    assert_eq!(all.last(), Some(&next));
                    after = next;
                }
                None => return all,
            }
        }
    }

    /// The same, without pages.
    fn naive(keys: &BTreeSet<String>, prefix: &str, delimiter: &str) -> Vec<String> {
        let mut out = BTreeSet::new();
        for key in keys.iter().filter(|key| visible(key)) {
            let Some(rest) = key.strip_prefix(prefix) else {
                continue;
            };
            match (delimiter.is_empty(), rest.find(delimiter)) {
                (false, Some(at)) => out.insert(format!("{prefix}{}{delimiter}", &rest[..at])),
                _ => out.insert(key.clone()),
            };
        }
        out.into_iter().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pages_add_up_to_the_whole(
            keys in prop::collection::btree_set("[abh/]{1,6}", 0..60),
            prefix in "[ab/]{0,2}",
            delimiter in prop_oneof![Just(""), Just("/"), Just("a/")],
            limit in 1_usize..8,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let snapshot = runtime.block_on(snapshot(&keys));
            prop_assert_eq!(
                pages(&snapshot, &prefix, delimiter, limit),
                naive(&keys, &prefix, delimiter)
            );
        }
    }

    #[tokio::test]
    async fn a_large_group_is_one_step() {
        let keys: BTreeSet<String> = (0..2500)
            .map(|n| format!("a/{n}"))
            .chain(["z".into()])
            .collect();
        let snapshot = snapshot(&keys).await;
        let query = Query {
            bucket: "b",
            prefix: "",
            delimiter: "/",
            after: "",
            limit: 10,
        };
        let mut seen = 0;
        let page = list(&snapshot, &query, |object| {
            seen += 1;
            Some(Entry::from(object))
        });
        assert_eq!(page.common_prefixes, ["a/"]);
        assert_eq!(page.entries.len(), 1);
        assert_eq!(seen, 2);
        assert_eq!(page.next, None);
    }
}
