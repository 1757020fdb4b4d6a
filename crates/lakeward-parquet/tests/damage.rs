//! Damaged files: refused or served right, without a panic, and never with hidden values.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::OnceLock;

use bytes::Bytes;
use lakeward_grants::{CompareOp, TableView};
use lakeward_parquet::plan;
use proptest::prelude::*;
use support::{Layout, columns, compare, contains, dense, number, people, rows_where, write};

fn views() -> [TableView; 2] {
    let shown = columns(&["id", "name", "tags", "price"]);
    let rows = rows_where(compare("age", CompareOp::GtEq, number("10")));
    [
        shown.clone(),
        TableView {
            columns: shown.columns,
            ..rows
        },
    ]
}

fn check(file: Vec<u8>) {
    let file = Bytes::from(file);
    for view in views() {
        if let Ok(served) = dense(&file, &view) {
            assert!(!contains(&served, "ssn#"), "a hidden value is served");
        }
    }
}

/// Files in eight layouts, made once.
fn original(number: u8) -> Bytes {
    static FILES: OnceLock<Vec<Bytes>> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        (0..8)
            .map(|kind| write(&people(60), &layout(kind)))
            .collect()
    });
    files[usize::from(number)].clone()
}

fn layout(number: u8) -> Layout {
    Layout {
        row_group: 30,
        codec: if number & 1 == 0 { 0 } else { 2 },
        version_2: number & 2 != 0,
        encodings: number & 4 != 0,
        ..Layout::default()
    }
}

fn footer_start(file: &[u8]) -> usize {
    let end = file.len() - 8;
    let length = u32::from_le_bytes(file[end..end + 4].try_into().unwrap());
    end - length as usize
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_damaged_footer_shows_nothing_hidden(
        kind in 0u8..8, at in any::<prop::sample::Index>(), byte: u8, more in option_of_change(),
    ) {
        let mut file = original(kind).to_vec();
        let start = footer_start(&file);
        let length = file.len() - start;
        file[start + at.index(length)] = byte;
        if let Some((at, byte)) = more {
            file[start + at.index(length)] = byte;
        }
        check(file);
    }

    #[test]
    fn damaged_data_shows_nothing_hidden(
        kind in 0u8..8, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut file = original(kind).to_vec();
        let length = footer_start(&file);
        for (at, byte) in changes {
            file[at.index(length)] = byte;
        }
        check(file);
    }

    #[test]
    fn a_cut_file_is_refused(at in any::<prop::sample::Index>()) {
        let file = original(0);
        let cut = file.slice(..at.index(file.len()));
        for view in views() {
            prop_assert!(plan(&cut, &view).is_err());
        }
    }

    #[test]
    fn a_footer_of_noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = b"PAR1".to_vec();
        file.extend_from_slice(&noise);
        file.extend_from_slice(&(noise.len() as u32).to_le_bytes());
        file.extend_from_slice(b"PAR1");
        for view in views() {
            prop_assert!(plan(&Bytes::from(file.clone()), &view).is_err());
        }
    }
}

fn option_of_change() -> impl Strategy<Value = Option<(prop::sample::Index, u8)>> {
    prop::option::of((any::<prop::sample::Index>(), any::<u8>()))
}
