//! Places in S3: a bucket and a prefix that ends at a slash.

use crate::error::CatalogError;

/// A bucket, or a folder of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// `bucket/` or `bucket/folder/…/`: one text, so that "lies in" is "begins with".
    path: String,
}

impl Location {
    /// Reads `s3://bucket/folder` (also `s3a` and `s3n`, which Hadoop writes).
    pub fn from_uri(uri: &str) -> Result<Self, CatalogError> {
        let rest = ["s3://", "s3a://", "s3n://"]
            .iter()
            .find_map(|scheme| uri.strip_prefix(scheme))
            .ok_or_else(|| {
                CatalogError::invalid(format!("Location `{uri}` is not an s3:// address"))
            })?;
        Self::canonical(rest).ok_or_else(|| {
            CatalogError::invalid(format!(
                "Location `{uri}` is not a bucket and a plain folder: empty parts, `.`, `..` and wildcards are refused"
            ))
        })
    }

    /// Reads `arn:aws:s3:::bucket/folder`.
    pub fn from_arn(arn: &str) -> Result<Self, CatalogError> {
        arn.strip_prefix("arn:aws:s3:::")
            .and_then(Self::canonical)
            .ok_or_else(|| {
                CatalogError::invalid(format!(
                    "ResourceArn `{arn}` is not of the form arn:aws:s3:::bucket/folder"
                ))
            })
    }

    fn canonical(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let plain = path.split('/').all(|part| {
            !matches!(part, "" | "." | "..")
                && !part.contains(['*', '?'])
                && !part.contains(char::is_control)
        });
        plain.then(|| Self {
            path: format!("{path}/"),
        })
    }

    /// The location's text within the store's keys.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The location's address, without the slash at its end.
    pub fn uri(&self) -> String {
        format!("s3://{}", self.path.trim_end_matches('/'))
    }

    /// The location's ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:s3:::{}", self.path.trim_end_matches('/'))
    }

    /// This location and those above it, the bucket last.
    pub fn upward(&self) -> impl Iterator<Item = &str> {
        folders(&self.path)
    }
}

/// The folders that hold the object, the innermost first. An object that has a folder's own name counts
/// as being in it.
pub(crate) fn folders_of_object(bucket: &str, key: &str) -> Vec<String> {
    folders(&format!("{bucket}/{key}/"))
        .map(str::to_owned)
        .collect()
}

/// The folders in which everything lies that begins with `prefix`, the innermost first.
pub(crate) fn folders_of_prefix(bucket: &str, prefix: &str) -> Vec<String> {
    folders(&format!("{bucket}/{prefix}"))
        .map(str::to_owned)
        .collect()
}

/// Every beginning of `path` that ends at a slash, the longest first.
pub(crate) fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/')
        .filter_map(|(at, slash)| path.get(..at + slash.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_arns_name_the_same_place() {
        let expected = "lake/tables/customer/";
        for uri in ["s3://lake/tables/customer", "s3a://lake/tables/customer/"] {
            assert_eq!(Location::from_uri(uri).unwrap().path(), expected);
        }
        let arn = Location::from_arn("arn:aws:s3:::lake/tables/customer").unwrap();
        assert_eq!(arn.path(), expected);
        assert_eq!(arn.uri(), "s3://lake/tables/customer");
        assert_eq!(arn.arn(), "arn:aws:s3:::lake/tables/customer");
    }

    #[test]
    fn crooked_places_are_refused() {
        for uri in [
            "s3://",
            "s3:///x",
            "s3://lake//x",
            "s3://lake/x//",
            "s3://lake/../other",
            "s3://lake/*",
            "hdfs://lake/x",
            "/lake/x",
        ] {
            assert!(Location::from_uri(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn upward_goes_to_the_bucket() {
        let location = Location::from_uri("s3://lake/a/b").unwrap();
        assert_eq!(
            location.upward().collect::<Vec<_>>(),
            ["lake/a/b/", "lake/a/", "lake/"]
        );
    }

    #[test]
    fn a_prefix_lies_in_whole_folders_only() {
        assert_eq!(
            folders_of_prefix("lake", "a/bc"),
            ["lake/a/".to_owned(), "lake/".to_owned()]
        );
        assert!(folders_of_object("lake", "a/bc").contains(&"lake/a/bc/".to_owned()));
        assert!(!folders_of_object("lake", "a/bcd").contains(&"lake/a/bc/".to_owned()));
    }
}
