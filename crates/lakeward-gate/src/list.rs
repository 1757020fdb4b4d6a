//! ListObjects, both versions.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lakeward_catalog::ViewPermit;
use lakeward_grants::TableView;
use lakeward_identity::Call;
use lakeward_policy::Context;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{
    S3Response, S3Result,
    dto::{
        CommonPrefix, ETag, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
        ListObjectsV2Output, Object, ObjectStorageClass, Owner,
    },
    s3_error,
};
use sha2::{Digest, Sha256};

use crate::{
    access::{Listing, Reading, Visit},
    gate::Gate,
    listing::{Entry, MAX_KEYS, Page, Query, list},
    read::{signed, timestamp},
    record::StoredObject,
    view,
};

/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

impl Gate {
    pub(crate) fn list_objects_v2(
        &self,
        call: &Call,
        input: ListObjectsV2Input,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let after = match &input.continuation_token {
            Some(token) => resume(token)?,
            None => input.start_after.clone().unwrap_or_default(),
        };
        let asked = Asked {
            bucket: &input.bucket,
            owner: input.expected_bucket_owner.as_deref(),
            prefix: input.prefix.as_deref(),
            delimiter: input.delimiter.as_deref(),
            max_keys: input.max_keys,
        };
        let (page, limit) = self.page(call, &asked, &after)?;
        let text = Text::of(input.encoding_type.as_ref());
        let with_owner = input.fetch_owner.unwrap_or(false);
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: i32::try_from(page.count()).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_ref().map(|next| URL_SAFE_NO_PAD.encode(next)),
            contents: Some(text.objects(&page, with_owner)),
            common_prefixes: Some(text.prefixes(&page)),
            name: Some(input.bucket),
            prefix: Some(text.of_key(input.prefix.as_deref().unwrap_or_default())),
            delimiter: input
                .delimiter
                .as_deref()
                .map(|delimiter| text.of_key(delimiter)),
            start_after: input.start_after.as_deref().map(|after| text.of_key(after)),
            max_keys: Some(limit),
            continuation_token: input.continuation_token,
            encoding_type: input.encoding_type,
            request_charged: None,
        }))
    }

    pub(crate) fn list_objects(
        &self,
        call: &Call,
        input: ListObjectsInput,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let after = input.marker.clone().unwrap_or_default();
        let asked = Asked {
            bucket: &input.bucket,
            owner: input.expected_bucket_owner.as_deref(),
            prefix: input.prefix.as_deref(),
            delimiter: input.delimiter.as_deref(),
            max_keys: input.max_keys,
        };
        let (page, limit) = self.page(call, &asked, &after)?;
        let text = Text::of(input.encoding_type.as_ref());
        Ok(S3Response::new(ListObjectsOutput {
            is_truncated: Some(page.next.is_some()),
            next_marker: page.next.as_deref().map(|next| text.of_key(next)),
            contents: Some(text.objects(&page, true)),
            common_prefixes: Some(text.prefixes(&page)),
            name: Some(input.bucket),
            prefix: Some(text.of_key(input.prefix.as_deref().unwrap_or_default())),
            marker: Some(text.of_key(&after)),
            delimiter: input
                .delimiter
                .as_deref()
                .map(|delimiter| text.of_key(delimiter)),
            max_keys: Some(limit),
            encoding_type: input.encoding_type,
            request_charged: None,
        }))
    }

    fn page(&self, call: &Call, asked: &Asked<'_>, after: &str) -> S3Result<(Page, i32)> {
        let visit = Visit::new(self, call, asked.bucket, asked.owner)?;
        let prefix = asked.prefix.unwrap_or_default();
        let listing = visit.list(self, prefix, asked.context())?;
        if let Listing::Bucket(permit) = &listing {
            visit.existing(permit)?;
        }
        let limit = asked.limit()?;
        let query = Query {
            bucket: asked.bucket,
            prefix,
            delimiter: asked.delimiter.unwrap_or_default(),
            after,
            limit: usize::try_from(limit).unwrap_or(MAX_KEYS),
        };
        let snapshot = self.store.snapshot();
        let page = match listing {
            Listing::Table(permit) => list(&snapshot, &query, |object| self.shown(&permit, object)),
            Listing::Bucket(_) => {
                let mut sight = Sight::new(self, &visit);
                list(&snapshot, &query, |object| sight.of(object))
            }
        };
        Ok((page, limit))
    }

    /// What a permit shows of an object, which must be one of its table.
    fn shown(&self, permit: &ViewPermit, object: &StoredObject) -> Option<Entry> {
        if !is_of(permit, object) {
            return None;
        }
        self.through(permit.view(), object)
    }

    fn through(&self, view: &TableView, object: &StoredObject) -> Option<Entry> {
        if view.is_full() {
            Some(Entry::from(object))
        } else {
            view::filtered(&self.view_key, object, view)
        }
    }
}

fn is_of(permit: &ViewPermit, object: &StoredObject) -> bool {
    let folder = permit.location().strip_prefix("s3://");
    let key = folder
        .and_then(|folder| folder.strip_prefix(object.bucket.as_str()))
        .and_then(|folder| folder.strip_prefix('/'));
    key.is_some_and(|folder| object.key.starts_with(folder))
}

/// How one who may list the bucket sees its objects: as GET would serve them, so that a reader who
/// goes by a listing's sizes and ETags is not surprised. Found out once per folder.
struct Sight<'a> {
    gate: &'a Gate,
    visit: &'a Visit<'a>,
    folders: HashMap<String, Option<TableView>>,
}

impl<'a> Sight<'a> {
    fn new(gate: &'a Gate, visit: &'a Visit<'a>) -> Self {
        Self {
            gate,
            visit,
            folders: HashMap::new(),
        }
    }

    fn of(&mut self, object: &StoredObject) -> Option<Entry> {
        let folder = object.key.rsplit_once('/').map_or("", |(folder, _)| folder);
        let view = match self.folders.get(folder) {
            Some(view) => view,
            None => {
                let view = self.view(object);
                self.folders.entry(folder.to_owned()).or_insert(view)
            }
        };
        match view {
            Some(view) => self.gate.through(view, object),
            None => Some(Entry::from(object)),
        }
    }

    /// The view that GET would serve the object through; `None` where it is raw, or refused.
    fn view(&self, object: &StoredObject) -> Option<TableView> {
        match self.visit.read(self.gate, &object.key) {
            Ok(Reading::View(permit)) => Some(permit.view().clone()),
            Ok(Reading::Raw(_)) | Err(_) => None,
        }
    }
}

/// The parts of a request that both versions share.
struct Asked<'a> {
    bucket: &'a str,
    owner: Option<&'a str>,
    prefix: Option<&'a str>,
    delimiter: Option<&'a str>,
    max_keys: Option<i32>,
}

impl Asked<'_> {
    fn context(&self) -> Context {
        let max_keys = self.max_keys.map(|max| max.to_string());
        let keys = [
            ("s3:prefix", self.prefix),
            ("s3:delimiter", self.delimiter),
            ("s3:max-keys", max_keys.as_deref()),
        ];
        keys.into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .fold(Context::new(), |context, (key, value)| {
                context.with(key, value)
            })
    }

    fn limit(&self) -> S3Result<i32> {
        match self.max_keys {
            None => Ok(1000),
            Some(max) if max < 0 => Err(s3_error!(
                InvalidArgument,
                "Argument maxKeys must be an integer between 0 and 2147483647"
            )),
            Some(max) => Ok(max.min(1000)),
        }
    }
}

fn resume(token: &str) -> S3Result<String> {
    let key = URL_SAFE_NO_PAD.decode(token).ok();
    key.and_then(|key| String::from_utf8(key).ok())
        .ok_or_else(|| {
            s3_error!(
                InvalidArgument,
                "The continuation token provided is incorrect"
            )
        })
}

/// The identifier that S3 shows for an account: opaque, but the same every time.
pub(crate) fn owner_id(account: &str) -> String {
    hex::encode(Sha256::digest(account))
}

/// Percent-encodes a key as `encoding-type=url` does.
pub(crate) fn encode(key: &str) -> String {
    utf8_percent_encode(key, PLAIN).to_string()
}

/// How keys are written in an answer: XML can't hold every character that a key can.
struct Text {
    encoded: bool,
}

impl Text {
    fn of(encoding: Option<&EncodingType>) -> Self {
        Self {
            encoded: encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL),
        }
    }

    fn of_key(&self, key: &str) -> String {
        if self.encoded {
            encode(key)
        } else {
            key.to_owned()
        }
    }

    fn objects(&self, page: &Page, with_owner: bool) -> Vec<Object> {
        let object = |entry: &Entry| Object {
            e_tag: Some(ETag::Strong(entry.etag.clone())),
            key: Some(self.of_key(&entry.key)),
            last_modified: Some(timestamp(entry.last_modified)),
            owner: with_owner.then(|| Owner {
                id: Some(owner_id(&entry.owner)),
                display_name: None,
            }),
            size: Some(signed(entry.size)),
            storage_class: Some(ObjectStorageClass::from_static(
                ObjectStorageClass::STANDARD,
            )),
            ..Object::default()
        };
        page.entries.iter().map(object).collect()
    }

    fn prefixes(&self, page: &Page) -> Vec<CommonPrefix> {
        let prefix = |prefix: &String| CommonPrefix {
            prefix: Some(self.of_key(prefix)),
        };
        page.common_prefixes.iter().map(prefix).collect()
    }
}
