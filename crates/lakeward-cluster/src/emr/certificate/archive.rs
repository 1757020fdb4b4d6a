//! The zip: three names, each at most once, plain files, nothing large. It is anyone's upload.

use std::io::{Cursor, Read as _};

use lakeward_wire::Secret;
use zip::{ZipArchive, read::ZipFile};

use super::error::Fault;

/// The most that one PEM file may unpack to, in bytes.
pub(super) const LARGEST_FILE: usize = 128 << 10;

pub(super) const PRIVATE_KEY: &str = "privateKey.pem";
pub(super) const CHAIN: &str = "certificateChain.pem";
pub(super) const TRUSTED: &str = "trustedCertificates.pem";

/// The end of a zip's directory, without its comment.
const DIRECTORY_END: usize = 22;
const ENTRY_COUNT: std::ops::Range<usize> = 10..12;

/// The PEM files.
#[derive(Debug)]
pub(super) struct PemFiles {
    pub private_key: Secret,
    pub chain: Vec<u8>,
    pub trusted: Option<Vec<u8>>,
}

/// Unpacks a zip of certificates.
pub(super) fn read(bytes: &[u8]) -> Result<PemFiles, Fault> {
    let fault = |error: zip::result::ZipError| Fault::NotAnArchive(error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(fault)?;
    check_entries(&archive, bytes)?;
    let mut file = |name: &'static str| match archive.by_name(name) {
        Ok(entry) => unpack(name, entry).map(Some),
        Err(zip::result::ZipError::FileNotFound) => Ok(None),
        Err(error) => Err(fault(error)),
    };
    let private_key = file(PRIVATE_KEY)?.ok_or(Fault::Missing(PRIVATE_KEY))?;
    let chain = file(CHAIN)?.ok_or(Fault::Missing(CHAIN))?;
    let trusted = file(TRUSTED)?;
    let private_key = String::from_utf8(private_key).map_err(|_| Fault::NotPem {
        file: PRIVATE_KEY,
        what: "private key",
        why: "it is not text".to_owned(),
    })?;
    Ok(PemFiles {
        private_key: Secret::new(private_key),
        chain,
        trusted,
    })
}

fn check_entries(archive: &ZipArchive<Cursor<&[u8]>>, bytes: &[u8]) -> Result<(), Fault> {
    let known = [PRIVATE_KEY, CHAIN, TRUSTED];
    let counted = counted(archive, bytes);
    if counted > known.len() {
        return Err(Fault::TooManyEntries(counted));
    }
    for name in archive.file_names() {
        let name = name.map_err(|error| Fault::NotAnArchive(error.to_string()))?;
        if !known.contains(&&*name) {
            return Err(Fault::Stranger(name.escape_debug().take(80).collect()));
        }
    }
    // The reader keeps one entry of each name, and two readers may keep different ones.
    if counted != archive.len() {
        return Err(Fault::Duplicate);
    }
    Ok(())
}

/// How many entries the zip says it has.
fn counted(archive: &ZipArchive<Cursor<&[u8]>>, bytes: &[u8]) -> usize {
    let end = DIRECTORY_END + archive.comment().len();
    let record = bytes.len().checked_sub(end).and_then(|at| bytes.get(at..));
    match record.and_then(|record| record.get(ENTRY_COUNT)) {
        Some([low, high]) => usize::from(u16::from_le_bytes([*low, *high])),
        _ => usize::MAX,
    }
}

fn unpack(name: &'static str, entry: ZipFile<'_, Cursor<&[u8]>>) -> Result<Vec<u8>, Fault> {
    if !entry.is_file() || entry.is_symlink() {
        return Err(Fault::NotAFile(name));
    }
    let mut content = Vec::new();
    // What the entry says of its size is not believed.
    let most = LARGEST_FILE as u64 + 1;
    entry
        .take(most)
        .read_to_end(&mut content)
        .map_err(|error| Fault::NotAnArchive(error.to_string()))?;
    if content.len() > LARGEST_FILE {
        return Err(Fault::TooLarge(name));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emr::certificate::fixture::{linked, renamed, zip};

    const PEM: &[u8] = b"-----BEGIN";

    #[test]
    fn the_three_files_are_found_by_their_names() {
        let files = read(&zip(&[(PRIVATE_KEY, PEM), (CHAIN, b"chain")])).unwrap();
        assert_eq!(files.private_key.expose(), "-----BEGIN");
        assert_eq!(files.chain, b"chain");
        assert_eq!(files.trusted, None);
        let files = read(&zip(&[(TRUSTED, b"t"), (CHAIN, PEM), (PRIVATE_KEY, PEM)])).unwrap();
        assert_eq!(files.trusted.as_deref(), Some(&b"t"[..]));
    }

    #[test]
    fn a_hostile_zip_is_refused() {
        let whole = [(PRIVATE_KEY, PEM), (CHAIN, PEM)];
        let with = |name: &str, content: &[u8]| zip(&[whole[0], whole[1], (name, content)]);
        let large = vec![0; LARGEST_FILE + 1];
        for (archive, fault) in [
            (zip(&whole[..1]), Fault::Missing(CHAIN)),
            (zip(&whole[1..]), Fault::Missing(PRIVATE_KEY)),
            (with("../x.pem", PEM), Fault::Stranger("../x.pem".into())),
            (
                with("/etc/passwd", PEM),
                Fault::Stranger("/etc/passwd".into()),
            ),
            (
                with("privatekey.pem", PEM),
                Fault::Stranger("privatekey.pem".into()),
            ),
            (with(TRUSTED, &large), Fault::TooLarge(TRUSTED)),
            (
                renamed(&with("privateKey.pen", PEM), "privateKey.pen", PRIVATE_KEY),
                Fault::Duplicate,
            ),
            (
                linked(PRIVATE_KEY, &[(CHAIN, PEM)]),
                Fault::NotAFile(PRIVATE_KEY),
            ),
            (
                zip(&[whole[0], whole[1], ("a", PEM), ("b", PEM)]),
                Fault::TooManyEntries(4),
            ),
        ] {
            assert_eq!(read(&archive).unwrap_err(), fault);
        }
        for archive in [&b""[..], b"PK", &zip(&whole)[4..40]] {
            assert!(matches!(read(archive), Err(Fault::NotAnArchive(_))));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(flips in proptest::collection::vec((0..600_usize, 0..=255_u8), 1..20)) {
            let mut archive = zip(&[(PRIVATE_KEY, PEM), (CHAIN, PEM)]);
            for (at, byte) in flips {
                let at = at % archive.len();
                archive[at] = byte;
            }
            if let Ok(files) = read(&archive) {
                assert!(files.chain.len() <= LARGEST_FILE);
            }
        }
    }
}
