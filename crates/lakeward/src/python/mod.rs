//! The managed Python environments: what sessions run on, and what the acceptance run uses.
//!
//! Each is made from a hashed lock file, once per machine and user, under the cache folder
//! (`LAKEWARD_CACHE`, else `$XDG_CACHE_HOME/lakeward`, else `~/.cache/lakeward`).

mod interpreter;
mod kit;

pub use kit::{Kit, ensure};

use std::path::Path;

use anyhow::{Context, Result};
use include_dir::{Dir, include_dir};

static SESSION_PACKAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../python/lakeward_session");
static CHECK_PACKAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../python/lakeward_check");

/// Writes the interpreter package of sessions to `folder/lakeward_session`.
///
/// # Errors
/// The disk refuses.
pub fn unpack_session_package(folder: &Path) -> Result<()> {
    unpack(&SESSION_PACKAGE, &folder.join("lakeward_session"))
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
    std::fs::create_dir_all(folder).with_context(say)?;
    let sources = package
        .files()
        .filter(|file| file.path().extension().is_some_and(|kind| kind == "py"));
    for file in sources {
        std::fs::write(
            folder.join(file.path().file_name().unwrap_or_default()),
            file.contents(),
        )
        .with_context(say)?;
    }
    for inner in package.dirs() {
        let name = inner.path().file_name().unwrap_or_default();
        if name != "__pycache__" {
            unpack(inner, &folder.join(name))?;
        }
    }
    Ok(())
}
