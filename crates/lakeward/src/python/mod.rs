//! The managed Python environments: what sessions run on, and what the acceptance run uses.
//!
//! Each is made from a hashed lock file, once per machine and user, under the cache folder
//! (`LAKEWARD_CACHE`, else `$XDG_CACHE_HOME/lakeward`, else `~/.cache/lakeward`).

mod interpreter;
mod kit;

pub use kit::{Kit, ensure};

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use include_dir::{Dir, include_dir};

// `build.rs` puts the sources there.
static SESSION_PACKAGE: Dir<'_> = include_dir!("$OUT_DIR/python/lakeward_session");
static CHECK_PACKAGE: Dir<'_> = include_dir!("$OUT_DIR/python/lakeward_check");

/// Writes the interpreter package of sessions to `folder/lakeward_session`.
///
/// # Errors
/// The disk refuses.
pub fn unpack_session_package(folder: &Path) -> Result<()> {
    unpack(&SESSION_PACKAGE, &folder.join("lakeward_session"))?;
    open_to_all(folder, 0o755).with_context(|| format!("{} can't be opened", folder.display()))
}

/// Where sessions find the CA certificate: beside their package, since enclosed ones see nothing
/// else of the state folder.
#[must_use]
pub fn session_ca(folder: &Path) -> PathBuf {
    folder.join("ca.pem")
}

/// Writes the CA certificate to where sessions find it.
///
/// # Errors
/// The disk refuses.
pub fn put_session_ca(folder: &Path, pem: &str) -> Result<()> {
    let path = session_ca(folder);
    std::fs::write(&path, pem)
        .and_then(|()| open_to_all(&path, 0o644))
        .with_context(|| format!("{} can't be written", path.display()))
}

/// Sessions may be other users of the system than the daemon, whose umask may be strict.
fn open_to_all(path: &Path, mode: u32) -> std::io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Writes the acceptance scenario's package to `folder/lakeward_check`.
///
/// # Errors
/// The disk refuses.
pub fn unpack_check_package(folder: &Path) -> Result<()> {
    unpack(&CHECK_PACKAGE, &folder.join("lakeward_check"))
}

/// The engine of sessions dies without a word when the machine has no time zone.
///
/// # Errors
/// Neither file that would name one is there.
pub fn check_time_zone() -> Result<()> {
    let known = ["/etc/localtime", "/etc/timezone"]
        .iter()
        .any(|path| std::fs::symlink_metadata(path).is_ok());
    anyhow::ensure!(
        known,
        "the machine has no time zone, which sessions need: install tzdata, or run `ln -s /usr/share/zoneinfo/Etc/UTC /etc/localtime`"
    );
    Ok(())
}

fn unpack(package: &Dir<'_>, folder: &Path) -> Result<()> {
    let say = || format!("the package {} can't be written", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(say)?;
    }
    std::fs::create_dir_all(folder)
        .and_then(|()| open_to_all(folder, 0o755))
        .with_context(say)?;
    let sources = package
        .files()
        .filter(|file| file.path().extension().is_some_and(|kind| kind == "py"));
    for file in sources {
        let path = folder.join(file.path().file_name().unwrap_or_default());
        std::fs::write(&path, file.contents())
            .and_then(|()| open_to_all(&path, 0o644))
            .with_context(say)?;
    }
    for inner in package.dirs() {
        unpack(
            inner,
            &folder.join(inner.path().file_name().unwrap_or_default()),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_carries_no_compiled_python() {
        for package in [&SESSION_PACKAGE, &CHECK_PACKAGE] {
            assert!(package.get_file("__main__.py").is_some());
            assert!(
                package
                    .dirs()
                    .all(|inner| !inner.path().ends_with("__pycache__"))
            );
        }
    }
}
