use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use lakeward_store::Location;

/// Held by the instance that uses the folder.
const LOCK: &str = "instance.lock";
/// Holds the node's name.
const NODE: &str = "node";

/// The folder that holds everything an instance keeps. Only its owner can enter it.
#[derive(Debug, Clone)]
pub struct StateFolder {
    root: PathBuf,
    store: Option<Location>,
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
            store: None,
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
            is_state_folder(root),
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

    /// Keeps other instances out of the folder as long as the file is held, wherever the control
    /// state is.
    ///
    /// # Errors
    /// Another instance holds it, or the folder can't be used.
    pub fn hold(&self) -> Result<fs::File> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.root.join(LOCK);
        let say = || format!("the state folder {} can't be used", self.root.display());
        let file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .with_context(say)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::Error(error)) => Err(error).with_context(say),
            Err(fs::TryLockError::WouldBlock) => anyhow::bail!(
                "the state folder {} is in use by another Lakeward; stop that one, or name another folder with --state-dir",
                self.root.display()
            ),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The same folder for an instance that keeps its control state elsewhere.
    #[must_use]
    pub fn with_store(mut self, store: Location) -> Self {
        self.store = Some(store);
        self
    }

    /// Where the control state is.
    #[must_use]
    pub fn store(&self) -> Location {
        let in_folder = || Location::File(self.database());
        self.store.clone().unwrap_or_else(in_folder)
    }

    /// The control state's file, unless it is kept elsewhere.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        Self::database_in(&self.root)
    }

    /// The control state's file in a folder that may not be there yet.
    #[must_use]
    pub fn database_in(root: &Path) -> PathBuf {
        root.join("state.db")
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

    /// The name of the node that lives here, among those that share a state: random, made when it
    /// is first asked for. A node that is given the file of one that is gone has its clusters.
    ///
    /// # Errors
    /// The file can't be read or made, or holds no name.
    pub fn node(&self) -> Result<String> {
        let path = self.root.join(NODE);
        let say = || format!("the node's name in {} can't be used", path.display());
        let name = match fs::read_to_string(&path) {
            Ok(name) => name.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = hex::encode(rand::random::<[u8; 16]>());
                self.write_private(NODE, name.as_bytes())
                    .with_context(say)?;
                name
            }
            Err(error) => return Err(error).with_context(say),
        };
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        anyhow::ensure!(
            is_name,
            "{} holds no name; restore it, or remove it for a new node without clusters",
            path.display()
        );
        Ok(name)
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

/// Whether an instance was started here: its state is here, or elsewhere and its certificates here.
fn is_state_folder(root: &Path) -> bool {
    StateFolder::database_in(root).exists() || root.join("tls/ca.pem").exists()
}

/// Something in a folder without state that Lakeward doesn't put there.
fn foreign_entry(root: &Path) -> io::Result<Option<String>> {
    const ROOMS: [&str; 8] = [
        "audit",
        "tls",
        "objects",
        "sessions",
        "homes",
        "packages",
        "state.db.lock",
        LOCK,
    ];
    if is_state_folder(root) {
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
    fn a_node_keeps_its_name() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let folder = |name: &str| StateFolder::open(&dir.path().join(name)).unwrap();
        let name = folder("one").node().unwrap();
        assert_eq!(folder("one").node().unwrap(), name);
        assert_ne!(folder("two").node().unwrap(), name);
        let file = folder("one").root().join(NODE);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&file, " \n").unwrap();
        let refused = folder("one").node().unwrap_err().to_string();
        assert!(refused.contains("holds no name"), "{refused}");
    }

    #[test]
    fn reset_leaves_other_folders_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
        assert!(StateFolder::reset(dir.path()).is_err());
        assert!(dir.path().join("thesis.txt").exists());
    }
}
