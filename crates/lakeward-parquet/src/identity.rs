//! Size and ETag of a filtered object: functions of the original's listing entry and the view, so
//! that a listing, HEAD and GET agree without reading the original.

use hmac::{Hmac, KeyInit, Mac};
use lakeward_grants::{Rows, TableView};
use sha2::{Digest, Sha256};

/// Version of the transformation, part of every ETag: it changes whenever the same original and view
/// give other bytes than before.
pub const TRANSFORM_VERSION: u32 = 2;

/// Room that a row-filtered object has beyond its share of the original, in bytes.
const ROW_VIEW_ROOM: u64 = 4 << 20;

/// The size in bytes of the filtered object that `view` gives of an original of `original_size`
/// bytes: the same for a view of whole rows, which can only shrink a file, and 2.5 times that plus
/// 4 MiB where rows are filtered, since re-encoding what is left may take more than it did.
pub fn virtual_size(original_size: u64, view: &TableView) -> u64 {
    if view.rows == Rows::All && view.cells.is_empty() {
        return original_size;
    }
    original_size
        .saturating_mul(2)
        .saturating_add(original_size / 2)
        .saturating_add(ROW_VIEW_ROOM)
}

/// The ETag of the filtered object, without quotes: 64 hexadecimal digits, an HMAC-SHA-256 under the
/// deployment's `key` of the original's ETag, the view and [`TRANSFORM_VERSION`]. It tells nothing
/// about the original's bytes, and its length keeps clients from taking it for an MD5.
pub fn virtual_etag(key: &[u8], original_etag: &str, view: &TableView) -> String {
    let etag = original_etag.trim_matches('"').as_bytes();
    let message = [
        b"lakeward-parquet".as_slice(),
        &TRANSFORM_VERSION.to_be_bytes(),
        &(etag.len() as u64).to_be_bytes(),
        etag,
        &view.canonical(),
    ];
    hex::encode(authenticate(key, &message))
}

/// HMAC-SHA-256. The key is brought to the block size here (RFC 2104, section 2), which leaves
/// nothing that could fail.
fn authenticate(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    let digest;
    let key = if key.len() > 64 {
        digest = Sha256::digest(key);
        digest.as_slice()
    } else {
        key
    };
    let mut block = [0u8; 64];
    for (target, byte) in block.iter_mut().zip(key) {
        *target = *byte;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in message {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use lakeward_grants::{Predicate, VisibleColumns};

    use super::*;

    fn some_rows() -> TableView {
        TableView {
            rows: Rows::Where(Predicate::always()),
            ..TableView::full()
        }
    }

    #[test]
    fn size_depends_on_rows_alone() {
        assert_eq!(virtual_size(1000, &TableView::full()), 1000);
        assert_eq!(virtual_size(1000, &some_rows()), 2500 + (4 << 20));
        assert_eq!(virtual_size(u64::MAX, &some_rows()), u64::MAX);
    }

    #[test]
    fn authentication_is_that_of_rfc_4231() {
        let case_2 = authenticate(b"Jefe", &[b"what do ya ", b"want for nothing?"]);
        assert_eq!(
            hex::encode(case_2),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let case_6 = authenticate(
            &[0xaa; 131],
            &[b"Test Using Larger Than Block-Size Key - Hash Key First"],
        );
        assert_eq!(
            hex::encode(case_6),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn etag_depends_on_everything() {
        let columns = TableView {
            columns: VisibleColumns::Only(vec!["a".into()]),
            ..TableView::full()
        };
        let tags = [
            virtual_etag(b"k", "e", &TableView::full()),
            virtual_etag(b"k", "e", &some_rows()),
            virtual_etag(b"k", "e", &columns),
            virtual_etag(b"k", "f", &columns),
            virtual_etag(b"l", "f", &columns),
        ];
        for (index, tag) in tags.iter().enumerate() {
            assert_eq!(tag.len(), 64);
            assert!(tags.iter().skip(index + 1).all(|other| other != tag));
        }
        assert_eq!(
            virtual_etag(b"k", "\"e\"", &columns),
            virtual_etag(b"k", "e", &columns)
        );
    }
}
