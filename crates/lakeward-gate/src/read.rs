//! GET and HEAD: raw bytes for those who may read the object, a filtered object for those who see
//! its table in part.

use std::{ops::Range, sync::Arc};

use http::{HeaderMap, HeaderValue, header};
use lakeward_grants::TableView;
use lakeward_parquet::Plan;
use s3s::{
    S3Response, S3Result,
    dto::{ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Timestamp},
    s3_error,
};

use crate::{
    access::{ReadObject, ReadView, Reading, Visit},
    blob::Blob,
    condition::{Conditions, part},
    error::{GateError, internal, no_such_key, not_implemented},
    gate::Gate,
    listing::Entry,
    record::{ObjectHeaders, StoredObject},
    segment::{Segment, SegmentStream},
    view,
};

/// How often a read starts over because the object was replaced under it.
const ATTEMPTS: usize = 4;

/// An object as its reader sees it.
pub(crate) struct Seen {
    pub(crate) object: Arc<StoredObject>,
    pub(crate) entry: Entry,
    /// The view it is filtered through; `None` where all of it shows.
    view: Option<TableView>,
}

/// An object's bytes, opened for one reader.
pub(crate) struct Content {
    pub(crate) blob: Blob,
    plan: Option<Arc<Plan>>,
}

impl Content {
    /// The bytes of `range`, which lies within the size that the reader was told.
    pub(crate) fn stream(&self, range: Range<u64>) -> SegmentStream {
        match &self.plan {
            None => SegmentStream::range(&self.blob, range.start, range.end - range.start),
            Some(plan) => {
                let pieces = plan.pieces(range).into_iter().map(Segment::from);
                SegmentStream::new(&self.blob, pieces)
            }
        }
    }
}

impl Gate {
    /// The object as its reader sees it, from its record alone.
    pub(crate) fn look(&self, visit: &Visit<'_>, key: &str, reading: &Reading) -> S3Result<Seen> {
        match reading {
            Reading::Raw(permit) => self.raw(permit).ok_or_else(|| visit.missing(key)),
            // The caller may list the table, so it may know what isn't there; what is hidden from
            // it isn't there either.
            Reading::View(permit) => self.filtered(permit).ok_or_else(no_such_key),
        }
    }

    fn raw(&self, permit: &ReadObject) -> Option<Seen> {
        let record = StoredObject::record_key(permit.bucket(), permit.key());
        let object = self.store.snapshot().get::<StoredObject>(&record)?;
        Some(Seen {
            entry: Entry::from(&*object),
            object,
            view: None,
        })
    }

    fn filtered(&self, permit: &ReadView) -> Option<Seen> {
        let record = StoredObject::record_key(permit.bucket(), permit.key());
        let object = self.store.snapshot().get::<StoredObject>(&record)?;
        let view = (!permit.view().is_full()).then(|| permit.view().clone());
        let entry = match &view {
            None => Entry::from(&*object),
            Some(view) => view::filtered(&self.view_key, &object, view)?,
        };
        Some(Seen {
            object,
            entry,
            view,
        })
    }

    /// The object and its bytes. The two belong together even while it is being replaced.
    pub(crate) async fn open_object(
        &self,
        visit: &Visit<'_>,
        key: &str,
        reading: &Reading,
    ) -> S3Result<(Seen, Content)> {
        for _ in 0..ATTEMPTS {
            let seen = self.look(visit, key, reading)?;
            let blob = match self.blobs.open(&seen.object.blob).await {
                Ok(blob) => blob,
                Err(GateError::Storage(object_store::Error::NotFound { .. })) => continue,
                Err(error) => return Err(error.into()),
            };
            let plan = match &seen.view {
                None => None,
                Some(view) => Some(self.plans.plan(&seen.object, &blob, view).await?),
            };
            return Ok((seen, Content { blob, plan }));
        }
        Err(internal(format!(
            "the bytes of {key} are not where its record says"
        )))
    }

    pub(crate) async fn get_object(
        &self,
        visit: &Visit<'_>,
        input: GetObjectInput,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        refuse_version(input.version_id.as_deref())?;
        refuse_customer_key(input.sse_customer_algorithm.as_deref())?;
        let reading = visit.read(self, &input.key)?;
        let (seen, content) = self.open_object(visit, &input.key, &reading).await?;
        seen.check(Conditions::from(&input))?;
        let part = part(input.part_number, input.range, seen.entry.size)?;
        let served = match content.plan {
            None => &self.traffic.raw,
            Some(_) => &self.traffic.filtered,
        };
        let body = content.stream(part.range.clone()).counted_by(served);
        let ObjectHeaders {
            content_type,
            content_encoding,
            content_language,
            content_disposition,
            cache_control,
            metadata,
        } = seen.headers();
        let output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(body.into_body()),
            cache_control,
            content_disposition,
            content_encoding,
            content_language,
            content_length: Some(signed(part.range.end - part.range.start)),
            content_range: part.content_range,
            content_type,
            e_tag: Some(ETag::Strong(seen.entry.etag.clone())),
            last_modified: Some(timestamp(seen.entry.last_modified)),
            metadata: (!metadata.is_empty()).then(|| metadata.into_iter().collect()),
            ..GetObjectOutput::default()
        };
        Ok(S3Response::with_headers(output, seen.guarded()))
    }

    pub(crate) fn head_object(
        &self,
        visit: &Visit<'_>,
        input: HeadObjectInput,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        refuse_version(input.version_id.as_deref())?;
        refuse_customer_key(input.sse_customer_algorithm.as_deref())?;
        let reading = visit.read(self, &input.key)?;
        let seen = self.look(visit, &input.key, &reading)?;
        seen.check(Conditions::from(&input))?;
        let part = part(input.part_number, input.range, seen.entry.size)?;
        let headers = seen.headers();
        let output = HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            content_length: Some(signed(part.range.end - part.range.start)),
            content_range: part.content_range,
            content_type: headers.content_type,
            e_tag: Some(ETag::Strong(seen.entry.etag.clone())),
            last_modified: Some(timestamp(seen.entry.last_modified)),
            metadata: (!headers.metadata.is_empty())
                .then(|| headers.metadata.into_iter().collect()),
            ..HeadObjectOutput::default()
        };
        Ok(S3Response::with_headers(output, seen.guarded()))
    }
}

impl Seen {
    /// Checks a read's conditions. The date of a filtered object tells its version but not its age,
    /// so a reader who asks for anything newer gets it all.
    fn check(&self, mut conditions: Conditions<'_>) -> S3Result<()> {
        if self.view.is_some() {
            conditions.modified_since = None;
        }
        conditions.check(&self.entry)
    }

    /// What the writer said about the object. Through a view that may tell about hidden data, so
    /// only the type is said.
    fn headers(&self) -> ObjectHeaders {
        let mut headers = match self.view {
            None => self.object.headers.clone(),
            Some(_) => ObjectHeaders::default(),
        };
        headers
            .content_type
            .get_or_insert_with(|| "binary/octet-stream".to_owned());
        headers
    }

    /// A filtered object is for its reader alone, and may change with the next grant.
    fn guarded(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.view.is_some() {
            let private = HeaderValue::from_static("private, no-store");
            headers.insert(header::CACHE_CONTROL, private);
        }
        headers
    }
}

fn refuse_customer_key(algorithm: Option<&str>) -> S3Result<()> {
    match algorithm {
        None => Ok(()),
        Some(_) => Err(not_implemented("server-side encryption with customer keys")),
    }
}

/// There is one version of everything, which S3 calls `null`.
pub(crate) fn refuse_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null" | "") => Ok(()),
        Some(_) => Err(s3_error!(
            NoSuchVersion,
            "The specified version does not exist."
        )),
    }
}

pub(crate) fn timestamp(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from(std::time::SystemTime::from(at))
}

/// A size as S3's types have it.
pub(crate) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
