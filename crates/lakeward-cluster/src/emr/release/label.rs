//! The releases that a cluster can be started with.
//!
//! A release label decides what a cluster's rules allow (runtime roles for steps from emr-6.7.0, for
//! sessions from emr-6.9.0, in a Studio from emr-6.11.0). It names no software here: every cluster
//! runs what this release of Lakeward has.

use crate::emr::{error::EmrError, release::Release};

/// Major, minor and patches (Amazon EMR Release Guide, the 5.x, 6.x and 7.x release versions).
/// Those before 5.30 aren't offered.
const PUBLISHED: [(u16, u16, &[u16]); 37] = [
    (7, 13, &[0]),
    (7, 12, &[0]),
    (7, 11, &[0]),
    (7, 10, &[0]),
    (7, 9, &[0]),
    (7, 8, &[0]),
    (7, 7, &[0]),
    (7, 6, &[0]),
    (7, 5, &[0]),
    (7, 4, &[0]),
    (7, 3, &[0]),
    (7, 2, &[0]),
    (7, 1, &[0]),
    (7, 0, &[0]),
    (6, 15, &[0]),
    (6, 14, &[0]),
    (6, 13, &[0]),
    (6, 12, &[0]),
    (6, 11, &[1, 0]),
    (6, 10, &[1, 0]),
    (6, 9, &[1, 0]),
    (6, 8, &[1, 0]),
    (6, 7, &[0]),
    (6, 6, &[0]),
    (6, 5, &[0]),
    (6, 4, &[0]),
    (6, 3, &[1, 0]),
    (6, 2, &[1, 0]),
    (6, 1, &[1, 0]),
    (6, 0, &[1, 0]),
    (5, 36, &[2, 1, 0]),
    (5, 35, &[0]),
    (5, 34, &[0]),
    (5, 33, &[1, 0]),
    (5, 32, &[1, 0]),
    (5, 31, &[1, 0]),
    (5, 30, &[2, 1, 0]),
];

/// All of them, the newest first.
pub(crate) fn published() -> impl Iterator<Item = Release> {
    PUBLISHED.iter().flat_map(|(major, minor, patches)| {
        patches.iter().map(move |patch| Release {
            major: *major,
            minor: *minor,
            patch: *patch,
        })
    })
}

impl Release {
    /// Reads the label of a published release. Of the newest series also later ones are taken: they
    /// were published after this version of Lakeward.
    ///
    /// # Errors
    /// No release has that label.
    pub(crate) fn known(label: &str) -> Result<Self, EmrError> {
        let release: Self = label.parse()?;
        let newest = published().next();
        let later = newest.is_some_and(|newest| {
            release.major == newest.major && release > newest && release.patch == 0
        });
        if later || published().any(|one| one == release) {
            Ok(release)
        } else {
            Err(EmrError::validation(format!(
                "The supplied release label is invalid: {label}."
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_without_repetition() {
        let all: Vec<Release> = published().collect();
        assert!(all.is_sorted_by(|newer, older| newer > older));
        assert!(all.len() > 40);
    }

    #[test]
    fn published_and_later_labels_are_known() {
        for good in ["emr-6.10.0", "emr-5.36.2", "emr-7.13.0", "emr-7.20.0"] {
            assert_eq!(Release::known(good).unwrap().to_string(), good);
        }
        for bad in [
            "emr-6.16.0",
            "emr-6.10.7",
            "emr-5.29.0",
            "emr-8.0.0",
            "emr-7.20.3",
            "emr-61.0.0",
            "6.10.0",
        ] {
            assert!(Release::known(bad).is_err(), "{bad}");
        }
    }
}
