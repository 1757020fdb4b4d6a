use http::{HeaderMap, request::Parts};
use percent_encoding::percent_encode;

use super::{
    incomplete,
    query::{Query, RESERVED},
};
use crate::AwsError;

/// A request as the signing process sees it.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// The canonical path.
    pub(super) path: String,
    pub(super) query: Query,
    pub(super) headers: &'a HeaderMap,
    /// HTTP/2 carries the host in the request's target.
    pub(super) authority: Option<&'a str>,
}

impl<'a> From<&'a Parts> for Request<'a> {
    fn from(parts: &'a Parts) -> Self {
        Self {
            method: parts.method.as_str(),
            path: encoded(&normalized(parts.uri.path())),
            query: Query::read(parts.uri.query().unwrap_or_default()),
            headers: &parts.headers,
            authority: parts.uri.authority().map(http::uri::Authority::as_str),
        }
    }
}

impl Request<'_> {
    /// The canonical request, without some query parameters. Headers are bytes, so it is, too.
    pub(super) fn canonical(
        &self,
        signed: &[String],
        without: &[&str],
        payload: &str,
    ) -> Result<Vec<u8>, AwsError> {
        let query = self.query.canonical(without);
        let mut text = format!("{}\n{}\n{query}\n", self.method, self.path).into_bytes();
        for name in signed {
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            self.header(name, &mut text)?;
            text.push(b'\n');
        }
        text.extend_from_slice(format!("\n{}\n{payload}", signed.join(";")).as_bytes());
        Ok(text)
    }

    fn header(&self, name: &str, text: &mut Vec<u8>) -> Result<(), AwsError> {
        let mut values = self.headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            let Some(authority) = self.authority.filter(|_| name == "host") else {
                return Err(incomplete(format!(
                    "the signed header '{name}' is not in the request"
                )));
            };
            text.extend_from_slice(authority.as_bytes());
        }
        for (index, value) in values.enumerate() {
            if index > 0 {
                text.push(b',');
            }
            collapse(value.as_bytes(), text);
        }
        Ok(())
    }
}

/// The words of a header's value, with one space between them.
fn collapse(value: &[u8], text: &mut Vec<u8>) {
    let words = value.split(u8::is_ascii_whitespace);
    for (index, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if index > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
}

/// A path without empty, `.` and `..` segments (RFC 3986, 5.2.4), as every service but S3 has it.
pub(super) fn normalized(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    let end = if folder && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

/// Every service but S3 encodes the already encoded path once more.
pub(super) fn encoded(path: &str) -> String {
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| percent_encode(segment.as_bytes(), RESERVED).to_string())
        .collect();
    segments.join("/")
}
