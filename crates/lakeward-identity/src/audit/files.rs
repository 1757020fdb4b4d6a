//! The trail's files: `audit.jsonl`, which is written to, and those that were put aside, each named
//! after the moment that was.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};

/// The file that is written to.
pub(super) const ACTIVE: &str = "audit.jsonl";
const PREFIX: &str = "audit-";
const SUFFIX: &str = "Z.jsonl";
/// Six digits of a second keep the names of files apart and in order.
const FORMAT: &str = "%Y%m%dT%H%M%S.%6f";

/// A file that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Aside {
    pub path: PathBuf,
    /// No record in it is of a later answer.
    pub until: Option<Timestamp>,
}

/// The files put aside, oldest first.
pub(super) fn put_aside(folder: &Path) -> io::Result<Vec<Aside>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let stamp = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
        if let Some(stamp) = stamp {
            found.push(Aside {
                path: entry.path(),
                until: moment(stamp),
            });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// The path under which the active file is put aside now: after all the others.
pub(super) fn next_aside(folder: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let last = put_aside(folder)?.pop().and_then(|file| file.until);
    let stamp = match last {
        Some(last) => now.max(last + SignedDuration::from_micros(1)),
        None => now,
    };
    let stamp = stamp.strftime(FORMAT);
    Ok(folder.join(format!("{PREFIX}{stamp}{SUFFIX}")))
}

fn moment(stamp: &str) -> Option<Timestamp> {
    let parsed = jiff::civil::DateTime::strptime(FORMAT, stamp).ok()?;
    let zoned = parsed.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp())
}

/// Opens a file, if it is there.
pub(super) fn existing(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What stays the same when a file is renamed.
pub(super) fn identity(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_never_repeat() {
        let dir = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-22T02:31:06.25Z".parse().unwrap();
        let earlier = now - SignedDuration::from_hours(1);
        for at in [now, now, earlier] {
            let path = next_aside(dir.path(), at).unwrap();
            assert!(!path.exists());
            fs::write(path, "").unwrap();
        }
        let found = put_aside(dir.path()).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].until, Some(now));
        assert!(found[1].until < found[2].until);
    }
}
