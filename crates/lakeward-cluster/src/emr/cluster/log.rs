//! Where a cluster's logs go.

use crate::emr::error::EmrError;

const LONGEST_URI: usize = 10_280;

/// A `LogUri` that names a folder of a bucket: `s3://bucket/folder/`, or `s3n://` as the console
/// writes it. An empty one is none.
pub(crate) fn uri(given: Option<String>) -> Result<Option<String>, EmrError> {
    let Some(uri) = given.filter(|uri| !uri.is_empty()) else {
        return Ok(None);
    };
    let path = ["s3://", "s3n://", "s3a://"]
        .iter()
        .find_map(|scheme| uri.strip_prefix(scheme));
    let bucket = path.map(|path| path.split('/').next().unwrap_or_default());
    if uri.len() <= LONGEST_URI && bucket.is_some_and(is_bucket) {
        Ok(Some(uri))
    } else {
        Err(EmrError::validation(format!(
            "LogUri '{}' is not valid. It must have the form s3://bucket/folder/.",
            uri.chars().take(300).collect::<String>()
        )))
    }
}

/// The form of bucket names (S3 User Guide, "General purpose bucket naming rules").
fn is_bucket(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = name.bytes().next().is_some_and(plain) && name.bytes().last().is_some_and(plain);
    let inner = |byte: u8| plain(byte) || byte == b'-' || byte == b'.';
    (3..=63).contains(&name.len()) && ends && name.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_a_bucket_is_taken() {
        for good in ["s3://logs", "s3://logs/emr/", "s3n://my.logs-1/a b/c"] {
            assert_eq!(uri(Some(good.to_owned())).unwrap().as_deref(), Some(good));
        }
        assert_eq!(uri(Some(String::new())).unwrap(), None);
        assert_eq!(uri(None).unwrap(), None);
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "logs",
            "/var/log",
            "https://logs.s3.amazonaws.com/",
            "s3://",
            "s3:///folder",
            "s3://LOGS/",
            "s3://a/",
            "s3://-logs/",
            "s3://lo_gs/",
            "file:///tmp",
        ] {
            let error = uri(Some(bad.to_owned())).unwrap_err();
            assert!(matches!(error, EmrError::Validation(_)), "{bad}");
            assert!(error.to_string().contains(bad), "{error}");
        }
        let long = format!("s3://logs/{}", "x".repeat(LONGEST_URI));
        assert!(uri(Some(long)).is_err());
    }
}
