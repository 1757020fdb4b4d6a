//! Views of handmade files: what shows, what doesn't, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use bytes::Bytes;
use lakeward_grants::{CompareOp, Literal, Predicate, Rows, TableView, VisibleColumns};
use lakeward_parquet::{Piece, ViewError, materialize, plan, virtual_size};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use support::{
    Layout, columns, compare, contains, dense, expected, number, people, read, rows_where, same,
    string, write,
};

fn metadata(file: &Bytes) -> ParquetMetaData {
    ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .parse_and_finish(file)
        .unwrap()
}

fn serve(original: &Bytes, view: &TableView) -> Bytes {
    let file = Bytes::from(materialize(original, view).unwrap());
    assert_eq!(file.len() as u64, virtual_size(original.len() as u64, view));
    assert_eq!(materialize(original, view).unwrap(), file);
    file
}

const BROTLI: u8 = 4;

/// Every way of writing a file.
fn layouts() -> impl Iterator<Item = Layout> {
    (0..7u8).flat_map(|codec| {
        [(false, false), (false, true), (true, false), (true, true)].map(
            |(version_2, encodings)| Layout {
                codec,
                version_2,
                encodings,
                dictionary: codec % 2 == 0,
                page_index: codec % 3 != 0,
                bloom: codec % 2 == 1,
                ..Layout::default()
            },
        )
    })
}

#[test]
fn columns_show_as_they_are_in_every_layout() {
    let rows = people(250);
    for layout in layouts() {
        let original = write(&rows, &layout);
        for names in [
            &["id"][..],
            &["name", "seen", "tags"],
            &["price", "address"],
        ] {
            let view = columns(names);
            let file = serve(&original, &view);
            let expected = expected(original.clone(), &view, |_| true);
            assert!(same(&read(file), &expected), "{layout:?} {names:?}");
        }
    }
}

#[test]
fn rows_show_as_they_are_in_every_layout() {
    let rows = people(250);
    let predicate = Predicate::Or(vec![
        compare("age", CompareOp::Lt, number("30")),
        compare("ssn", CompareOp::Eq, string("ssn#0249")),
    ]);
    for layout in layouts().filter(|layout| layout.codec != BROTLI) {
        let original = write(&rows, &layout);
        for shown in [
            VisibleColumns::All,
            columns(&["name", "tags", "seen", "address"]).columns,
        ] {
            let view = TableView {
                columns: shown,
                ..rows_where(predicate.clone())
            };
            let passes = |index: usize| index == 249 || rows[index].age.is_some_and(|age| age < 30);
            let file = serve(&original, &view);
            let expected = expected(original.clone(), &view, passes);
            assert!(same(&read(file), &expected), "{layout:?}");
        }
    }
}

#[test]
fn hidden_columns_leave_no_trace() {
    let original = write(&people(250), &Layout::default());
    let hidden = [
        "ssn",
        "salary",
        "ssn#",
        "ARROW",
        "ratio",
        "street-0001",
        "door",
        "level",
    ];
    assert!(hidden.iter().all(|word| contains(&original, word)));
    let file = serve(&original, &columns(&["id", "name", "age", "tags"]));
    for word in hidden {
        assert!(!contains(&file, word), "{word}");
    }
    assert!(contains(&file, "name-0001"));
    assert!(contains(&file, "tests version 1"));
}

#[test]
fn hidden_rows_leave_no_trace() {
    for layout in [
        Layout::default(),
        Layout {
            encodings: true,
            version_2: true,
            ..Layout::default()
        },
    ] {
        let original = write(&people(250), &layout);
        let view = TableView {
            columns: columns(&["name", "tags", "address"]).columns,
            ..rows_where(compare("id", CompareOp::GtEq, number("130")))
        };
        let file = dense(&original, &view).unwrap();
        assert!(!contains(&file, "ssn"));
        for id in 0..250 {
            let shown = id >= 130;
            for word in [
                format!("name-{id:04}"),
                format!("door-{id:04}"),
                format!("tag-{id:04}-"),
            ] {
                let there = contains(&original, &word);
                if !layout.encodings {
                    assert_eq!(contains(&file, &word), shown && there, "{word}");
                } else if !shown {
                    assert!(!contains(&file, &word), "{word}");
                }
            }
        }
    }
}

#[test]
fn statistics_are_of_visible_rows() {
    let original = write(&people(250), &Layout::default());
    let view = rows_where(compare("id", CompareOp::GtEq, number("130")));
    let metadata = metadata(&serve(&original, &view));
    assert_eq!(metadata.num_row_groups(), 2);
    assert_eq!(metadata.file_metadata().num_rows(), 120);
    let first = metadata.row_group(0);
    assert_eq!(first.num_rows(), 70);
    assert_eq!(first.ordinal(), Some(0));
    let id = first.column(0).statistics().unwrap();
    assert_eq!(id.min_bytes_opt(), Some(&130i64.to_le_bytes()[..]));
    assert_eq!(id.max_bytes_opt(), Some(&199i64.to_le_bytes()[..]));
    for group in metadata.row_groups() {
        for column in group.columns() {
            assert_eq!(column.bloom_filter_offset(), None);
            assert_eq!(column.offset_index_offset(), None);
            assert_eq!(column.column_index_offset(), None);
        }
    }
}

#[test]
fn statistics_come_for_all_row_groups_or_for_none() {
    let mut rows = people(200);
    for row in &mut rows[..100] {
        row.salary = Some(f64::NAN);
    }
    let original = write(&rows, &Layout::default());
    // The first row group shows whole, with an original chunk that knows no bounds of its salaries.
    let view = rows_where(compare("id", CompareOp::Lt, number("150")));
    let metadata = metadata(&serve(&original, &view));
    assert_eq!(metadata.num_row_groups(), 2);
    for group in metadata.row_groups() {
        assert!(group.column(0).statistics().is_some());
        assert!(group.column(4).statistics().is_none());
        assert!(group.column(1).bloom_filter_offset().is_none());
    }
}

#[test]
fn indexes_and_bloom_filters_move_along() {
    let original = write(&people(250), &Layout::default());
    let before = metadata(&original);
    let after = metadata(&serve(&original, &columns(&["name", "age"])));
    assert_eq!(after.num_row_groups(), 3);
    for (group, old) in after.row_groups().iter().zip(before.row_groups()) {
        assert_eq!(group.ordinal(), old.ordinal());
        assert_eq!(
            group.file_offset(),
            Some(group.column(0).byte_range().0 as i64)
        );
        // `ssn`, the second sorting column, is hidden: what comes behind it sorts nothing visible.
        let sorting = group.sorting_columns().unwrap();
        assert_eq!(sorting.len(), 1);
        assert_eq!(sorting[0].column_idx, 0);
        for (column, old) in group.columns().iter().zip([old.column(1), old.column(3)]) {
            assert_eq!(column.statistics(), old.statistics());
            assert!(column.bloom_filter_offset().is_some());
            assert_eq!(column.bloom_filter_length(), old.bloom_filter_length());
            assert_eq!(column.compressed_size(), old.compressed_size());
        }
    }
    let (offsets, old) = (
        after.offset_index().unwrap(),
        before.offset_index().unwrap(),
    );
    for (group, old_group) in [0, 1, 2].map(|group| (&offsets[group], &old[group])) {
        for (index, old_index) in [(&group[0], &old_group[1]), (&group[1], &old_group[3])] {
            let sizes = |index: &parquet::file::page_index::offset_index::OffsetIndexMetaData| {
                let pages = index.page_locations().iter();
                pages
                    .map(|page| (page.compressed_page_size, page.first_row_index))
                    .collect::<Vec<_>>()
            };
            assert_eq!(sizes(index), sizes(old_index));
        }
    }
    assert_eq!(
        after.column_index().unwrap()[0][0],
        before.column_index().unwrap()[0][1]
    );
}

#[test]
fn pages_are_found_by_their_index() {
    use parquet::arrow::arrow_reader::{
        ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
    };
    let original = write(&people(250), &Layout::default());
    let file = serve(&original, &columns(&["id", "name"]));
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let selection = RowSelection::from(vec![RowSelector::skip(145), RowSelector::select(2)]);
    let rows: usize = reader
        .with_row_selection(selection)
        .build()
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .sum();
    assert_eq!(rows, 2);
}

#[test]
fn no_visible_row_is_a_file_without_rows() {
    let original = write(&people(50), &Layout::default());
    let view = rows_where(compare("id", CompareOp::Lt, number("0")));
    let file = serve(&original, &view);
    let metadata = metadata(&file);
    assert_eq!(metadata.num_row_groups(), 0);
    assert_eq!(metadata.file_metadata().schema_descr().num_columns(), 14);
    assert!(!contains(&file, "name-0001"));
}

#[test]
fn a_file_without_rows_stays_one() {
    let original = write(&[], &Layout::default());
    assert!(read(serve(&original, &columns(&["id"]))).is_empty());
    let view = rows_where(compare("id", CompareOp::Eq, number("1")));
    assert!(read(serve(&original, &view)).is_empty());
}

#[test]
fn whole_row_groups_are_not_encoded_again() {
    let original = write(&people(300), &Layout::default());
    let view = rows_where(compare("id", CompareOp::GtEq, number("100")));
    let plan = plan(&original, &view).unwrap();
    let originals: u64 = plan
        .pieces(0..plan.size())
        .iter()
        .filter(|piece| matches!(piece, Piece::Original { .. }))
        .map(Piece::len)
        .sum();
    assert!(originals > original.len() as u64 / 2);
    let metadata = metadata(&serve(&original, &view));
    assert!(
        metadata
            .row_group(0)
            .column(0)
            .bloom_filter_offset()
            .is_some()
    );
    assert!(metadata.offset_index().is_some());
}

#[test]
fn every_kind_of_column_compares() {
    let rows = people(250);
    let original = write(&rows, &Layout::default());
    let cases: [(Predicate, usize); 12] = [
        (compare("price", CompareOp::Lt, number("-4.75")), 1),
        (compare("price", CompareOp::LtEq, number("-4.75")), 2),
        (compare("price", CompareOp::LtEq, number("-4.7501")), 1),
        (compare("born", CompareOp::Lt, string("1970-01-03")), 2),
        (compare("salary", CompareOp::Lt, number("21")), 2),
        (compare("ratio", CompareOp::Eq, number("0.75")), 1),
        (compare("level", CompareOp::GtEq, number("200")), 50),
        (compare("NAME", CompareOp::Eq, string("name-0007")), 1),
        (
            compare("active", CompareOp::Eq, Literal::Boolean(true)),
            100,
        ),
        (
            Predicate::IsNull {
                column: "age".into(),
            },
            36,
        ),
        (
            Predicate::IsNull {
                column: "seen".into(),
            },
            0,
        ),
        (
            Predicate::Like {
                column: "name".into(),
                pattern: "%-00_7".into(),
            },
            10,
        ),
    ];
    for (predicate, count) in cases {
        let view = rows_where(predicate.clone());
        assert_eq!(read(serve(&original, &view)).len(), count, "{predicate}");
    }
}

#[test]
fn unknown_hides_a_row() {
    let rows = people(100);
    let original = write(&rows, &Layout::default());
    let young = compare("age", CompareOp::Lt, number("30"));
    for predicate in [young.clone(), Predicate::Not(Box::new(young))] {
        for row in read(serve(&original, &rows_where(predicate))) {
            assert!(rows.iter().any(|known| format!("{:?}", row[0].1)
                == format!("Long({})", known.id)
                && known.age.is_some()));
        }
    }
}

#[test]
fn nan_is_neither_equal_nor_unequal() {
    let mut rows = people(3);
    rows[1].salary = Some(f64::NAN);
    let original = write(&rows, &Layout::default());
    for op in [
        CompareOp::Eq,
        CompareOp::NotEq,
        CompareOp::Gt,
        CompareOp::LtEq,
    ] {
        let file = serve(&original, &rows_where(compare("salary", op, number("5"))));
        assert!(
            read(file)
                .iter()
                .all(|row| format!("{:?}", row[0].1) != "Long(1)")
        );
    }
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    let original = write(&people(10), &Layout::default());
    let like = |column: &str| Predicate::Like {
        column: column.into(),
        pattern: "%".into(),
    };
    for predicate in [
        compare("name", CompareOp::Eq, number("1")),
        compare("age", CompareOp::Eq, string("1")),
        compare("born", CompareOp::Eq, string("1970-02-30")),
        compare("born", CompareOp::Eq, number("1")),
        compare("seen", CompareOp::Eq, string("1970-01-01")),
        compare("active", CompareOp::Eq, string("true")),
        like("age"),
        compare("tags", CompareOp::Eq, string("x")),
        Predicate::IsNull {
            column: "address".into(),
        },
    ] {
        let error = plan(&original, &rows_where(predicate.clone())).unwrap_err();
        assert!(
            matches!(error, ViewError::FilterUnsupported { .. }),
            "{predicate}: {error}"
        );
    }
    let missing = rows_where(compare("nothing", CompareOp::Eq, number("1")));
    assert!(matches!(
        plan(&original, &missing),
        Err(ViewError::FilterColumnMissing { .. })
    ));
}

#[test]
fn views_without_columns_or_with_cells_are_refused() {
    let original = write(&people(10), &Layout::default());
    assert!(matches!(
        plan(&original, &columns(&["nothing"])),
        Err(ViewError::NothingGranted)
    ));
    let mut cells = TableView::full();
    cells.cells.insert("age".into(), Predicate::always());
    assert!(matches!(
        plan(&original, &cells),
        Err(ViewError::CellFilterUnsupported)
    ));
}

#[test]
fn what_is_no_parquet_is_refused() {
    for file in [
        &b""[..],
        b"PAR1",
        b"a,b\n1,2\n3,4\n5,6",
        b"PAR1\xff\xff\xff\x7fPAR1",
    ] {
        let file = Bytes::copy_from_slice(file);
        assert!(matches!(
            plan(&file, &TableView::full()),
            Err(ViewError::NotParquet)
        ));
    }
    let encrypted = Bytes::from_static(b"PARE........\x04\0\0\0PARE");
    assert!(matches!(
        plan(&encrypted, &TableView::full()),
        Err(ViewError::Encrypted)
    ));
}

#[test]
fn the_full_view_keeps_everything_but_foreign_metadata() {
    let original = write(&people(120), &Layout::default());
    let file = serve(&original, &TableView::full());
    assert!(same(&read(file.clone()), &read(original)));
    assert!(!contains(&file, "ARROW"));
    assert!(TableView::full().rows == Rows::All);
}
