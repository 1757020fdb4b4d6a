use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The folder that holds everything an instance keeps. Only its owner can enter it.
#[derive(Debug, Clone)]
pub struct StateFolder {
    root: PathBuf,
}

impl StateFolder {
    /// Opens the folder, making it and its rooms if needed.
    ///
    /// # Errors
    /// The folder can't be made or entered.
    pub fn open(root: &Path) -> Result<Self> {
        let say = || format!("the state folder {} can't be used", root.display());
        make(root).with_context(say)?;
        let folder = Self {
            root: root.canonicalize().with_context(say)?,
        };
        for room in [
            folder.audit(),
            folder.tls(),
            folder.objects(),
            folder.sessions(),
            folder.homes(),
        ] {
            make(&room).with_context(say)?;
        }
        Ok(folder)
    }

    /// Opens the folder of an instance that was started, and makes nothing where there is none.
    ///
    /// # Errors
    /// There is no state in the folder, or it can't be entered.
    pub fn existing(root: &Path) -> Result<Self> {
        anyhow::ensure!(
            root.join("state.db").exists(),
            "no instance was started in {}; start one with `lakeward demo` or `lakeward serve`",
            root.display()
        );
        Self::open(root)
    }

    /// Deletes a state folder, if it is one.
    ///
    /// # Errors
    /// The folder is something else, or can't be deleted.
    pub fn reset(root: &Path) -> Result<()> {
        if !root.exists() {
            return Ok(());
        }
        if let Some(foreign) = foreign_entry(root)? {
            anyhow::bail!(
                "{} is not a Lakeward state folder (it holds `{foreign}` and no state.db), so --reset leaves it alone",
                root.display()
            );
        }
        fs::remove_dir_all(root).with_context(|| format!("{} can't be deleted", root.display()))
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The control state.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.root.join("state.db")
    }

    /// The audit trail's folder.
    #[must_use]
    pub fn audit(&self) -> PathBuf {
        self.root.join("audit")
    }

    /// The certificate authority's folder.
    #[must_use]
    pub fn tls(&self) -> PathBuf {
        self.root.join("tls")
    }

    /// The CA certificate that clients trust.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.tls().join("ca.pem")
    }

    /// The bytes of the lake.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    /// The working folders of sessions.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.root.join("sessions")
    }

    /// The home folders of profiles.
    #[must_use]
    pub fn homes(&self) -> PathBuf {
        self.root.join("homes")
    }

    /// The interpreter package that sessions run.
    #[must_use]
    pub fn packages(&self) -> PathBuf {
        self.root.join("packages")
    }

    /// Writes a file only the owner can read, whole or not at all.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write_private(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        use std::{io::Write, os::unix::fs::OpenOptionsExt};
        let (path, draft) = (
            self.root.join(name),
            self.root.join(format!("{name}.draft")),
        );
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(draft, path)?;
        fs::File::open(&self.root)?.sync_all()
    }
}

/// Something in a folder without state that Lakeward doesn't put there.
fn foreign_entry(root: &Path) -> io::Result<Option<String>> {
    const ROOMS: [&str; 6] = ["audit", "tls", "objects", "sessions", "homes", "packages"];
    if root.join("state.db").exists() {
        return Ok(None);
    }
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !ROOMS.contains(&name.as_str()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn make(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_leaves_other_folders_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
        assert!(StateFolder::reset(dir.path()).is_err());
        assert!(dir.path().join("thesis.txt").exists());
    }
}
