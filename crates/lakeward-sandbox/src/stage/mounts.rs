//! Mounting things, and reading back what is mounted.

use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, mount, mount_bind, mount_bind_recursive, mount_remount};

/// A line of `/proc/self/mountinfo`.
#[derive(Debug, PartialEq)]
pub(super) struct Mounted {
    pub at: PathBuf,
    options: String,
}

impl Mounted {
    pub fn is(&self, option: &str) -> bool {
        self.options.split(',').any(|one| one == option)
    }

    /// Reads the mounts of this process.
    pub fn all() -> io::Result<Vec<Self>> {
        Ok(read(&std::fs::read("/proc/self/mountinfo")?))
    }
}

fn read(table: &[u8]) -> Vec<Mounted> {
    let lines = table.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b' ').skip(4);
            let at = unescape(fields.next()?);
            let options = String::from_utf8_lossy(fields.next()?).into_owned();
            Some(Mounted { at, options })
        })
        .collect()
}

/// The kernel writes space, tab, newline and backslash as `\` and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..3).filter(|_| *first == b'\\');
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = after.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// Shows `source`, and all that is mounted below it, at `target`: read-only, and without the power
/// of set-user-ID programs and devices.
pub(super) fn show(source: &Path, target: &Path) -> io::Result<()> {
    mount_bind_recursive(source, target)?;
    for mounted in Mounted::all()? {
        if mounted.at.starts_with(target) {
            let mut flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
            if mounted.is("noexec") {
                flags |= MountFlags::NOEXEC;
            }
            mount_remount(&mounted.at, MountFlags::BIND | flags, "")?;
        }
    }
    Ok(())
}

/// Shows one device.
pub(super) fn show_device(source: &Path, target: &Path) -> io::Result<()> {
    mount_bind(source, target)?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NOEXEC;
    Ok(mount_remount(target, MountFlags::BIND | flags, "")?)
}

/// Makes a tree that is in its place already read-only.
pub(super) fn freeze(place: &Path, flags: MountFlags) -> io::Result<()> {
    mount_bind_recursive(place, place)?;
    let flags = flags | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    Ok(mount_remount(place, MountFlags::BIND | flags, "")?)
}

/// A new file system in memory of at most `bytes`, whose root folder is `owner`'s, or else this
/// process's.
pub(super) fn memory(
    target: &Path,
    bytes: u64,
    owner: Option<u32>,
    flags: MountFlags,
) -> io::Result<()> {
    // One file costs the kernel about a kilobyte, however empty.
    let files = (bytes / 4096).clamp(1024, 4 << 20);
    let (mode, owner) = match owner {
        Some(owner) => ("700", format!(",uid={owner},gid={owner}")),
        None => ("755", String::new()),
    };
    let options = format!("size={bytes},nr_inodes={files},mode={mode}{owner}");
    let options = CString::new(options)?;
    let flags = flags | MountFlags::NOSUID | MountFlags::NODEV;
    Ok(mount("tmpfs", target, "tmpfs", flags, options.as_c_str())?)
}

/// The place that `path` of the enclosure has below `root`.
pub(super) fn below(root: &Path, path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let relative = bytes.strip_prefix(b"/").unwrap_or(bytes);
    root.join(OsString::from_vec(relative.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_mounts_is_read() {
        let table = b"23 28 0:21 / /proc rw,nosuid,nodev,noexec - proc proc rw\n\
            61 28 254:0 /a /with\\040space\\134 ro,relatime shared:1 - ext4 /dev/vda rw\n";
        let mounts = read(table);
        assert_eq!(mounts.len(), 2);
        assert!(mounts[0].is("noexec") && !mounts[0].is("ro"));
        assert_eq!(mounts[1].at, Path::new("/with space\\"));
        assert!(mounts[1].is("ro"));
    }
}
