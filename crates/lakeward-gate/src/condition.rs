//! Conditions and ranges of a read, both on the object as its reader sees it.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, header};
use s3s::{
    S3Error, S3Result,
    dto::{self, ETagCondition, GetObjectInput, HeadObjectInput, Timestamp},
    s3_error,
};

use crate::{error::precondition_failed, listing::Entry, read::timestamp};

/// The conditional headers of a read.
pub(crate) struct Conditions<'a> {
    matches: Option<&'a ETagCondition>,
    none_match: Option<&'a ETagCondition>,
    pub(crate) modified_since: Option<&'a Timestamp>,
    unmodified_since: Option<&'a Timestamp>,
}

impl<'a> From<&'a GetObjectInput> for Conditions<'a> {
    fn from(input: &'a GetObjectInput) -> Self {
        Self {
            matches: input.if_match.as_ref(),
            none_match: input.if_none_match.as_ref(),
            modified_since: input.if_modified_since.as_ref(),
            unmodified_since: input.if_unmodified_since.as_ref(),
        }
    }
}

impl<'a> From<&'a HeadObjectInput> for Conditions<'a> {
    fn from(input: &'a HeadObjectInput) -> Self {
        Self {
            matches: input.if_match.as_ref(),
            none_match: input.if_none_match.as_ref(),
            modified_since: input.if_modified_since.as_ref(),
            unmodified_since: input.if_unmodified_since.as_ref(),
        }
    }
}

impl Conditions<'_> {
    /// RFC 9110 section 13.2.2: an ETag condition takes precedence over a date.
    pub(crate) fn check(&self, entry: &Entry) -> S3Result<()> {
        let modified = timestamp(entry.last_modified);
        let holds = match (self.matches, self.unmodified_since) {
            (Some(condition), _) => names(condition, &entry.etag),
            (None, Some(since)) => modified <= *since,
            (None, None) => true,
        };
        if !holds {
            return Err(precondition_failed());
        }
        let unchanged = match (self.none_match, self.modified_since) {
            (Some(condition), _) => names(condition, &entry.etag),
            (None, Some(since)) => modified <= *since,
            (None, None) => false,
        };
        if unchanged {
            return Err(not_modified(entry));
        }
        Ok(())
    }
}

/// Whether a condition names this ETag.
pub(crate) fn names(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(given) => given.value() == etag,
    }
}

fn not_modified(entry: &Entry) -> S3Error {
    let mut error = s3_error!(NotModified, "Not Modified");
    let mut headers = HeaderMap::new();
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", entry.etag)) {
        headers.insert(header::ETAG, etag);
    }
    error.set_headers(headers);
    error
}

/// The bytes of an answer.
pub(crate) struct Part {
    pub(crate) range: Range<u64>,
    pub(crate) content_range: Option<String>,
}

/// The bytes that are asked for. An object is one part, however it was uploaded.
pub(crate) fn part(number: Option<i32>, range: Option<dto::Range>, size: u64) -> S3Result<Part> {
    let asked = match (number, range) {
        (Some(_), Some(_)) => Err(s3_error!(
            InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter"
        )),
        (Some(1), None) if size > 0 => Ok(Some(0..size)),
        (Some(1) | None, None) => Ok(None),
        (Some(_), None) => Err(invalid_part_number()),
        (None, Some(_)) if size == 0 => Err(unsatisfiable(size)),
        (None, Some(range)) => range.check(size).map(Some).map_err(|_| unsatisfiable(size)),
    }?;
    Ok(match asked {
        None => Part {
            range: 0..size,
            content_range: None,
        },
        Some(range) => Part {
            content_range: Some(format!("bytes {}-{}/{size}", range.start, range.end - 1)),
            range,
        },
    })
}

fn invalid_part_number() -> S3Error {
    let code = s3s::S3ErrorCode::Custom("InvalidPartNumber".into());
    let mut error = S3Error::with_message(code, "The requested partnumber is not satisfiable");
    error.set_status_code(http::StatusCode::RANGE_NOT_SATISFIABLE);
    error
}

fn unsatisfiable(size: u64) -> S3Error {
    let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/xml"),
    );
    if let Ok(range) = HeaderValue::from_str(&format!("bytes */{size}")) {
        headers.insert(header::CONTENT_RANGE, range);
    }
    error.set_headers(headers);
    error
}

#[cfg(test)]
mod tests {
    use s3s::{S3ErrorCode, dto::ETag};

    use super::*;

    fn asked(
        number: Option<i32>,
        range: Option<&str>,
        size: u64,
    ) -> Result<(u64, u64, bool), S3ErrorCode> {
        let range = range.map(|range| dto::Range::parse(range).unwrap());
        part(number, range, size)
            .map(|part| {
                (
                    part.range.start,
                    part.range.end,
                    part.content_range.is_some(),
                )
            })
            .map_err(|error| error.code().clone())
    }

    #[test]
    fn ranges_are_cut_to_the_object() {
        assert_eq!(asked(None, None, 10), Ok((0, 10, false)));
        assert_eq!(asked(None, Some("bytes=2-3"), 10), Ok((2, 4, true)));
        assert_eq!(asked(None, Some("bytes=2-"), 10), Ok((2, 10, true)));
        assert_eq!(asked(None, Some("bytes=2-99"), 10), Ok((2, 10, true)));
        assert_eq!(asked(None, Some("bytes=-3"), 10), Ok((7, 10, true)));
        assert_eq!(asked(None, Some("bytes=-99"), 10), Ok((0, 10, true)));
        assert_eq!(
            asked(None, Some("bytes=10-"), 10),
            Err(S3ErrorCode::InvalidRange)
        );
        assert_eq!(
            asked(None, Some("bytes=-0"), 10),
            Err(S3ErrorCode::InvalidRange)
        );
        assert_eq!(
            asked(None, Some("bytes=-5"), 0),
            Err(S3ErrorCode::InvalidRange)
        );
        assert_eq!(asked(Some(1), None, 10), Ok((0, 10, true)));
        assert_eq!(asked(Some(1), None, 0), Ok((0, 0, false)));
        assert_eq!(
            asked(Some(2), None, 10),
            Err(S3ErrorCode::Custom("InvalidPartNumber".into()))
        );
    }

    #[test]
    fn etag_conditions_take_precedence_over_dates() {
        let entry = Entry {
            key: "k".into(),
            size: 1,
            etag: "e".into(),
            last_modified: jiff::Timestamp::from_second(1000).unwrap(),
            owner: String::new(),
        };
        let etag = |value: &str| ETagCondition::ETag(ETag::Strong(value.into()));
        let at = |second| timestamp(jiff::Timestamp::from_second(second).unwrap());
        let (same, other, early, late) = (etag("e"), etag("f"), at(999), at(1000));
        let check = |matches, none_match, modified_since, unmodified_since| {
            Conditions {
                matches,
                none_match,
                modified_since,
                unmodified_since,
            }
            .check(&entry)
            .map_err(|error| error.code().clone())
        };
        assert_eq!(check(None, None, None, None), Ok(()));
        assert_eq!(check(Some(&same), None, None, Some(&early)), Ok(()));
        assert_eq!(
            check(Some(&other), None, None, None),
            Err(S3ErrorCode::PreconditionFailed)
        );
        assert_eq!(
            check(None, None, None, Some(&early)),
            Err(S3ErrorCode::PreconditionFailed)
        );
        assert_eq!(
            check(None, Some(&same), None, None),
            Err(S3ErrorCode::NotModified)
        );
        assert_eq!(
            check(None, Some(&ETagCondition::Any), None, None),
            Err(S3ErrorCode::NotModified)
        );
        assert_eq!(check(None, Some(&other), Some(&late), None), Ok(()));
        assert_eq!(
            check(None, None, Some(&late), None),
            Err(S3ErrorCode::NotModified)
        );
        assert_eq!(check(None, None, Some(&early), None), Ok(()));
    }
}
