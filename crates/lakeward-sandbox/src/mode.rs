use std::fmt;
use std::str::FromStr;

/// How much stands between untrusted code and the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Everything: namespaces, system call filter, Landlock where there, control groups.
    #[default]
    Full,
    /// All but control groups. Memory and processor time are then not bounded, and the number of
    /// processes only by `RLIMIT_NPROC`.
    Namespaces,
    /// Nothing: the code runs as the daemon's user and reads what that may read.
    None,
}

impl Mode {
    /// The word for it on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Namespaces => "namespaces",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::Full, Self::Namespaces, Self::None]
            .into_iter()
            .find(|mode| mode.as_str() == word)
            .ok_or_else(|| format!("`{word}` is not one of full, namespaces, none"))
    }
}
