//! Release labels.

pub(crate) mod label;
pub(crate) mod operation;

use std::{fmt, str::FromStr};

use crate::emr::error::EmrError;

/// An EMR release, as in `emr-6.10.0`. Ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    major: u16,
    minor: u16,
    patch: u16,
}

impl Release {
    /// The first release of the 6.x series whose clusters can end when they are idle. Of the 5.x
    /// series it is 5.30.0.
    const FIRST_WITH_AUTO_TERMINATION: Self = Self {
        major: 6,
        minor: 1,
        patch: 0,
    };
    const FIRST_5_WITH_AUTO_TERMINATION: Self = Self {
        major: 5,
        minor: 30,
        patch: 0,
    };
    /// The first release whose steps take runtime roles.
    pub const FIRST_WITH_RUNTIME_ROLES: Self = Self {
        major: 6,
        minor: 7,
        patch: 0,
    };
    /// The first release that hands out session credentials for runtime roles.
    pub const FIRST_WITH_SESSION_CREDENTIALS: Self = Self {
        major: 6,
        minor: 9,
        patch: 0,
    };
    /// The first release to whose clusters a workspace is attached under a runtime role.
    pub const FIRST_WITH_WORKSPACES: Self = Self {
        major: 6,
        minor: 11,
        patch: 0,
    };

    /// Whether a cluster can end when it is idle (EMR Management Guide, "Using an auto-termination
    /// policy").
    #[must_use]
    pub fn has_auto_termination(self) -> bool {
        match self.major {
            5 => self >= Self::FIRST_5_WITH_AUTO_TERMINATION,
            _ => self >= Self::FIRST_WITH_AUTO_TERMINATION,
        }
    }
}

impl FromStr for Release {
    type Err = EmrError;

    /// Reads `emr-MAJOR.MINOR.PATCH`.
    fn from_str(label: &str) -> Result<Self, EmrError> {
        parse(label).ok_or_else(|| {
            EmrError::validation(format!("The supplied release label is invalid: {label}."))
        })
    }
}

fn parse(label: &str) -> Option<Release> {
    let mut numbers = label.strip_prefix("emr-")?.split('.').map(number);
    let release = Release {
        major: numbers.next()??,
        minor: numbers.next()??,
        patch: numbers.next()??,
    };
    numbers.next().is_none().then_some(release)
}

/// A decimal number without sign or needless zeros.
fn number(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "emr-{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_ordered_by_number_not_by_text() {
        let ten: Release = "emr-6.10.0".parse().unwrap();
        assert!(ten > Release::FIRST_WITH_SESSION_CREDENTIALS);
        assert!("emr-6.8.1".parse::<Release>().unwrap() < Release::FIRST_WITH_SESSION_CREDENTIALS);
        assert_eq!(ten.to_string(), "emr-6.10.0");
    }

    #[test]
    fn idle_clusters_end_since_one_release_of_each_series() {
        for (label, has) in [
            ("emr-5.29.0", false),
            ("emr-5.30.0", true),
            ("emr-5.36.2", true),
            ("emr-6.0.1", false),
            ("emr-6.1.0", true),
            ("emr-7.0.0", true),
        ] {
            let release: Release = label.parse().unwrap();
            assert_eq!(release.has_auto_termination(), has, "{label}");
        }
    }

    #[test]
    fn must_be_three_plain_numbers() {
        for label in [
            "",
            "emr-",
            "emr-6",
            "emr-6.10",
            "emr-6.10.0.0",
            "emr-6.+1.0",
            "emr-06.1.0",
            "6.10.0",
            "emr-6.10.x",
            "emr-99999.0.0",
            "EMR-6.10.0",
            "emr-6.10.0 ",
        ] {
            assert!(label.parse::<Release>().is_err(), "{label}");
        }
    }
}
