use lakeward_grants::{TableView, VisibleColumns};

use super::*;
use crate::plan;

fn list<'a>(items: impl IntoIterator<Item = Struct<'a>>) -> Value<'a> {
    Value::List(items.into_iter().map(Value::Struct).collect())
}

fn leaf(name: &str) -> Struct<'_> {
    Struct::default()
        .with(1, Value::I32(1))
        .with(3, Value::I32(0))
        .with(4, Value::Binary(name.as_bytes()))
}

fn root(children: i32) -> Struct<'static> {
    Struct::default()
        .with(4, Value::Binary(b"root"))
        .with(5, Value::I32(children))
}

fn metadata(name: &str, offset: i64, length: i64) -> Struct<'_> {
    Struct::default()
        .with(1, Value::I32(1))
        .with(2, Value::List(vec![Value::I32(0)]))
        .with(3, Value::List(vec![Value::Binary(name.as_bytes())]))
        .with(4, Value::I32(0))
        .with(5, Value::I64(10))
        .with(6, Value::I64(length))
        .with(7, Value::I64(length))
        .with(9, Value::I64(offset))
}

fn chunk(metadata: Struct<'_>) -> Struct<'_> {
    Struct::default()
        .with(2, Value::I64(0))
        .with(3, Value::Struct(metadata))
}

fn group<'a>(rows: i64, chunks: impl IntoIterator<Item = Struct<'a>>) -> Struct<'a> {
    Struct::default()
        .with(1, list(chunks))
        .with(2, Value::I64(0))
        .with(3, Value::I64(rows))
}

fn file_metadata<'a>(
    names: [&'a str; 2],
    groups: impl IntoIterator<Item = Struct<'a>>,
) -> Struct<'a> {
    let [first, second] = names;
    Struct::default()
        .with(1, Value::I32(1))
        .with(2, list([root(2), leaf(first), leaf(second)]))
        .with(3, Value::I64(10))
        .with(4, list(groups))
}

/// A file with 100 bytes of data.
fn file(footer: &Struct<'_>) -> Bytes {
    let footer = footer.to_bytes();
    let mut file = b"PAR1".to_vec();
    file.extend([7; 96]);
    file.extend_from_slice(&footer);
    file.extend_from_slice(&(footer.len() as u32).to_le_bytes());
    file.extend_from_slice(MAGIC);
    Bytes::from(file)
}

fn plan_first(footer: &Struct<'_>) -> Result<crate::Plan, ViewError> {
    let view = TableView {
        columns: VisibleColumns::Only(vec!["a".into()]),
        ..TableView::full()
    };
    plan(&file(footer), &view)
}

fn with_first<'a>(first: Struct<'a>) -> Struct<'a> {
    let second = chunk(metadata("b", 50, 20));
    file_metadata(["a", "b"], [group(10, [first, second])])
}

#[test]
fn a_sound_file_is_planned() {
    assert!(plan_first(&with_first(chunk(metadata("a", 4, 46)))).is_ok());
}

#[test]
fn encrypted_files_are_refused() {
    let sound = || chunk(metadata("a", 4, 46));
    for footer in [
        with_first(sound()).with(8, Value::Struct(Struct::default())),
        with_first(sound().with(8, Value::Struct(Struct::default()))),
        with_first(sound().with(9, Value::Binary(b"x"))),
    ] {
        assert!(matches!(plan_first(&footer), Err(ViewError::Encrypted)));
    }
}

#[test]
fn chunks_elsewhere_are_refused() {
    let elsewhere = chunk(metadata("a", 4, 46)).with(1, Value::Binary(b"other.parquet"));
    assert!(matches!(
        plan_first(&with_first(elsewhere)),
        Err(ViewError::ExternalFile)
    ));
}

#[test]
fn names_that_differ_in_case_only_are_refused() {
    let groups = [group(
        10,
        [chunk(metadata("a", 4, 46)), chunk(metadata("A", 50, 20))],
    )];
    assert!(matches!(
        plan_first(&file_metadata(["a", "A"], groups)),
        Err(ViewError::AmbiguousColumn { .. })
    ));
}

#[test]
fn ranges_that_reach_into_others_are_refused() {
    for first in [
        metadata("a", 4, 47),
        metadata("a", 60, 5),
        metadata("a", 45, 30),
        metadata("a", 4, 200),
        metadata("a", 2, 10),
        metadata("a", 4, -1),
        metadata("a", -4, 10),
        metadata("a", 4, i64::MAX),
        metadata("a", 4, 0),
        metadata("a", 4, 40)
            .with(14, Value::I64(48))
            .with(15, Value::I32(5)),
    ] {
        let planned = plan_first(&with_first(chunk(first.clone())));
        assert!(matches!(planned, Err(ViewError::Malformed(_))), "{first:?}");
    }
    let index = chunk(metadata("a", 4, 40))
        .with(6, Value::I64(60))
        .with(7, Value::I32(4));
    assert!(matches!(
        plan_first(&with_first(index)),
        Err(ViewError::Malformed(_))
    ));
}

#[test]
fn chunks_must_be_of_the_column_at_their_position() {
    for first in [
        metadata("b", 4, 46),
        metadata("a", 4, 46).with(1, Value::I32(2)),
        metadata("a", 4, 46).with(
            3,
            Value::List(vec![Value::Binary(b"a"), Value::Binary(b"x")]),
        ),
    ] {
        assert!(matches!(
            plan_first(&with_first(chunk(first))),
            Err(ViewError::Malformed(_))
        ));
    }
    let one = file_metadata(["a", "b"], [group(10, [chunk(metadata("a", 4, 46))])]);
    assert!(matches!(plan_first(&one), Err(ViewError::Malformed(_))));
}

#[test]
fn row_groups_without_rows_vanish_whatever_they_say() {
    let empty = || group(0, [chunk(metadata("a", 0, 0)), chunk(metadata("b", 0, -7))]);
    let full = group(
        10,
        [chunk(metadata("a", 4, 46)), chunk(metadata("b", 50, 20))],
    );
    let footer = file_metadata(["a", "b"], [empty(), full, empty()]);
    let bytes = footer.to_bytes();
    assert_eq!(Footer::parse(&bytes, 100).unwrap().row_groups.len(), 1);
    assert!(plan_first(&footer).is_ok());
}

#[test]
fn dictionary_offsets_are_believed_when_they_can_be_true() {
    for (told, believed) in [
        (0, None),
        (-3, None),
        (31, None),
        (10, Some(10)),
        (30, Some(30)),
    ] {
        let first = metadata("a", 30, 25).with(11, Value::I64(told));
        let bytes = with_first(chunk(first)).to_bytes();
        let footer = Footer::parse(&bytes, 100).unwrap();
        let chunk = footer.row_groups.first().unwrap().chunks.first().unwrap();
        assert_eq!(chunk.dictionary, believed);
        assert_eq!(chunk.range.start, believed.unwrap_or(30));
    }
}

#[test]
fn schemas_that_do_not_add_up_are_refused() {
    let group = || Struct::default().with(4, Value::Binary(b"g"));
    for elements in [
        vec![],
        vec![root(1)],
        vec![root(1), leaf("a"), leaf("b")],
        vec![root(-1)],
        vec![root(1), group()],
        vec![root(1), group().with(5, Value::I32(0))],
        vec![root(1), group().with(5, Value::I32(2)), leaf("a")],
        vec![root(1), leaf("a").with(5, Value::I32(1)), leaf("b")],
        vec![root(1), leaf("a").with(4, Value::Binary(b"\xff"))],
        vec![root(i32::MAX), leaf("a")],
    ] {
        let footer = Struct::default()
            .with(2, list(elements.clone()))
            .with(4, list([]));
        let parsed = Footer::parse(&footer.to_bytes(), 100).map(drop);
        assert!(
            matches!(parsed, Err(ViewError::Malformed(_))),
            "{elements:?}"
        );
    }
    let deep =
        std::iter::once(root(1)).chain(std::iter::repeat_n(group().with(5, Value::I32(1)), 1000));
    let footer = Struct::default().with(2, list(deep)).with(4, list([]));
    assert!(matches!(
        Footer::parse(&footer.to_bytes(), 100),
        Err(ViewError::Limit(_))
    ));
}
