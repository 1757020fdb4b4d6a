use std::{fs, io, path::Path, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::files;

/// How much of the audit trail is kept. Only whole files are ever deleted, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// A file that has grown to this many bytes is put aside and a new one begun.
    pub file_bytes: u64,
    /// The most bytes of files put aside.
    pub total_bytes: u64,
    /// The longest time a file that was put aside is kept.
    pub age: SignedDuration,
}

/// A text doesn't say how much to keep.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is neither an age such as 90d nor a size such as 10GiB, or both as 90d,10GiB")]
pub struct KeepError(String);

impl Default for Keep {
    /// Files of 64 MiB, together 8 GiB, for 90 days, the time that CloudTrail's event history
    /// covers.
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
            total_bytes: 8 << 30,
            age: days(90),
        }
    }
}

impl FromStr for Keep {
    type Err = KeepError;

    /// Reads `90d`, `10GiB`, or both with a comma between.
    fn from_str(text: &str) -> Result<Self, KeepError> {
        let mut keep = Self::default();
        for part in text.split(',') {
            let part = part.trim();
            let digits = part.find(|c: char| !c.is_ascii_digit());
            let (number, unit) = part.split_at(digits.unwrap_or(part.len()));
            let number: u32 = number.parse().map_err(|_| KeepError(text.to_owned()))?;
            match unit {
                "d" => keep.age = days(number),
                "MiB" => keep.total_bytes = u64::from(number) << 20,
                "GiB" => keep.total_bytes = u64::from(number) << 30,
                _ => return Err(KeepError(text.to_owned())),
            }
        }
        Ok(keep)
    }
}

fn days(count: u32) -> SignedDuration {
    SignedDuration::from_hours(i64::from(count) * 24)
}

impl Keep {
    /// Deletes the files that are too old or too many.
    pub(super) fn prune(&self, folder: &Path, now: Timestamp) -> io::Result<()> {
        let mut left = self.total_bytes;
        for file in files::put_aside(folder)?.into_iter().rev() {
            let size = fs::metadata(&file.path)?.len();
            let fits = left.checked_sub(size);
            let young = file.until.is_none_or(|until| until + self.age > now);
            match fits {
                Some(rest) if young => left = rest,
                _ => {
                    left = 0;
                    fs::remove_file(&file.path)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_read() {
        let keep: Keep = "7d, 10GiB".parse().unwrap();
        assert_eq!((keep.age, keep.total_bytes), (days(7), 10 << 30));
        let keep: Keep = "500MiB".parse().unwrap();
        assert_eq!((keep.age, keep.total_bytes), (days(90), 500 << 20));
        for text in ["", "d", "7", "7w", "-7d", "7d,"] {
            assert!(text.parse::<Keep>().is_err(), "{text}");
        }
    }
}
