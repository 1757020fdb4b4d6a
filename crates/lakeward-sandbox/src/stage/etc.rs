//! `/etc` of an enclosure: made for it, but for a few files about the system's libraries.

use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::mounts::{self, below};
use super::privilege::UNPRIVILEGED_ID;

/// What is shown as the host has it, where it has it.
const SHOWN: [&str; 12] = [
    "ld.so.cache",
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "fonts",
    "mime.types",
    // Beside these lie private keys.
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "protocols",
    "services",
    "ssl/certs",
];

/// Makes `/etc` below `root`.
pub(super) fn make(root: &Path, home: &Path) -> io::Result<()> {
    let etc = root.join("etc");
    std::fs::create_dir_all(&etc)?;
    for name in SHOWN {
        let source = Path::new("/etc").join(name);
        if source.exists() {
            super::tree::place_for(&source, &etc.join(name))?;
            mounts::show(&source.canonicalize()?, &etc.join(name))?;
        }
    }
    time_zone(&etc)?;
    let id = UNPRIVILEGED_ID;
    let home = home.display();
    let texts = [
        (
            "passwd",
            format!(
                "root:x:0:0:root:/:/usr/sbin/nologin\nsession:x:{id}:{id}:session:{home}:/bin/sh\n\
                 nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
            ),
        ),
        (
            "group",
            format!("root:x:0:\nsession:x:{id}:\nnogroup:x:65534:\n"),
        ),
        ("hosts", "127.0.0.1 localhost session\n".to_owned()),
        ("hostname", "session\n".to_owned()),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n"
                .to_owned(),
        ),
    ];
    for (name, text) in texts {
        std::fs::write(etc.join(name), text)?;
    }
    Ok(())
}

/// Sail answers no session without both of these.
fn time_zone(etc: &Path) -> io::Result<()> {
    let zone = std::fs::read_to_string("/etc/timezone").unwrap_or_default();
    let zone = match zone.trim() {
        "" => "Etc/UTC",
        zone => zone,
    };
    std::fs::write(etc.join("timezone"), format!("{zone}\n"))?;
    let local = etc.join("localtime");
    match std::fs::read_link("/etc/localtime") {
        Ok(target) => symlink(target, local),
        Err(_) if Path::new("/etc/localtime").exists() => {
            std::fs::copy("/etc/localtime", local).map(drop)
        }
        Err(_) => symlink(
            below(Path::new("/usr/share/zoneinfo"), zone.as_ref()),
            local,
        ),
    }
}
