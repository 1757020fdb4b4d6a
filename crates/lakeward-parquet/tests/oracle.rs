//! Random tables, layouts and views against a naive evaluation of the view.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use bytes::Bytes;
use lakeward_grants::{CompareOp, Literal, Predicate, Rows, TableView, VisibleColumns};
use lakeward_parquet::{materialize, virtual_size};
use proptest::option;
use proptest::prelude::*;
use support::{COLUMNS, Layout, Row, compare, expected, number, read, same, string, write};

fn word() -> impl Strategy<Value = String> {
    "[ab]{0,3}|[a-zé]{0,12}"
}

fn row() -> impl Strategy<Value = Row> {
    let first = (
        -20i64..20,
        option::of(word()),
        option::of(word()),
        option::of(-5i32..5),
        option::of(prop_oneof![
            Just(f64::NAN),
            Just(0.5),
            Just(-0.0),
            -3.0..3.0f64
        ]),
        option::of(any::<bool>()),
    );
    let second = (
        option::of(-3i32..3),
        option::of(-300i64..300),
        option::of(2_440_000u32..2_440_010),
        option::of(prop_oneof![Just(0.1f32), -1.0..1.0f32]),
        option::of(any::<u8>()),
        option::of(proptest::collection::vec(option::of(word()), 0..4)),
        option::of((option::of(word()), word())),
    );
    (first, second).prop_map(
        |(
            (id, name, ssn, age, salary, active),
            (born, price, seen, ratio, level, tags, address),
        )| Row {
            id,
            name,
            ssn,
            age,
            salary,
            active,
            born,
            price,
            seen,
            ratio,
            level,
            tags,
            address,
        },
    )
}

fn layout() -> impl Strategy<Value = Layout> {
    (1usize..60, 1usize..30, 0u8..7, any::<[bool; 5]>()).prop_map(
        |(row_group, page_rows, codec, flags)| {
            let [version_2, dictionary, encodings, page_index, bloom] = flags;
            Layout {
                row_group,
                page_rows,
                codec,
                version_2,
                dictionary,
                encodings,
                page_index,
                bloom,
            }
        },
    )
}

fn op() -> impl Strategy<Value = CompareOp> {
    use CompareOp::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    prop_oneof![
        Just(Eq),
        Just(NotEq),
        Just(Lt),
        Just(LtEq),
        Just(Gt),
        Just(GtEq)
    ]
}

/// A comparable column and a literal for it.
fn operand() -> impl Strategy<Value = (&'static str, Literal)> {
    prop_oneof![
        (-20i64..20).prop_map(|value| ("id", number(&value.to_string()))),
        word().prop_map(|value| ("name", string(&value))),
        word().prop_map(|value| ("ssn", string(&value))),
        (-5i32..5).prop_map(|value| ("age", number(&format!("{value}.5")))),
        Just(("salary", number("0.5"))),
        any::<bool>().prop_map(|value| ("active", Literal::Boolean(value))),
        (1u8..4).prop_map(|day| ("born", string(&format!("1970-01-0{day}")))),
        (-300i64..300).prop_map(|value| ("price", number(&hundredths(value)))),
        Just(("ratio", number("0.1"))),
        (0u8..255).prop_map(|value| ("level", number(&value.to_string()))),
    ]
}

fn hundredths(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", value.abs() / 100, value.abs() % 100)
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let leaf = prop_oneof![
        4 => (operand(), op()).prop_map(|((column, value), op)| compare(column, op, value)),
        1 => operand().prop_map(|(column, value)| Predicate::In { column: column.into(), values: vec![value] }),
        1 => (-5i64..5, -5i64..5).prop_map(|(low, high)| Predicate::Between {
            column: "age".into(), low: number(&low.to_string()), high: number(&high.to_string()),
        }),
        1 => "[ab%_]{0,4}".prop_map(|pattern| Predicate::Like { column: "name".into(), pattern }),
        1 => prop_oneof![Just("age"), Just("seen"), Just("name"), Just("id")]
            .prop_map(|column| Predicate::IsNull { column: column.into() }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Predicate::And),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Or),
            inner.prop_map(|inner| Predicate::Not(Box::new(inner))),
        ]
    })
}

fn visible() -> impl Strategy<Value = VisibleColumns> {
    prop_oneof![
        1 => Just(VisibleColumns::All),
        4 => proptest::sample::subsequence(COLUMNS.to_vec(), 1..COLUMNS.len())
            .prop_map(|names| VisibleColumns::Only(names.into_iter().map(Into::into).collect())),
    ]
}

/// The truth of a predicate, the slow and obvious way; `None` is UNKNOWN.
fn truth(predicate: &Predicate, row: &Row) -> Option<bool> {
    match predicate {
        Predicate::And(parts) => {
            let truths: Vec<_> = parts.iter().map(|part| truth(part, row)).collect();
            if truths.contains(&Some(false)) {
                Some(false)
            } else if truths.contains(&None) {
                None
            } else {
                Some(true)
            }
        }
        Predicate::Or(parts) => {
            let truths: Vec<_> = parts.iter().map(|part| truth(part, row)).collect();
            if truths.contains(&Some(true)) {
                Some(true)
            } else if truths.contains(&None) {
                None
            } else {
                Some(false)
            }
        }
        Predicate::Not(inner) => truth(inner, row).map(|truth| !truth),
        Predicate::Compare { column, op, value } => {
            let ordering = order(column, value, row)?;
            Some(match op {
                CompareOp::Eq => ordering.is_eq(),
                CompareOp::NotEq => ordering.is_ne(),
                CompareOp::Lt => ordering.is_lt(),
                CompareOp::LtEq => ordering.is_le(),
                CompareOp::Gt => ordering.is_gt(),
                CompareOp::GtEq => ordering.is_ge(),
            })
        }
        Predicate::Between { column, low, high } => {
            Some(order(column, low, row)?.is_ge() && order(column, high, row)?.is_le())
        }
        Predicate::In { column, values } => {
            let mut found = false;
            for value in values {
                found |= order(column, value, row)?.is_eq();
            }
            Some(found)
        }
        Predicate::Like { pattern, .. } => row.name.as_ref().map(|name| {
            let (pattern, name): (Vec<char>, Vec<char>) =
                (pattern.chars().collect(), name.chars().collect());
            like(&pattern, &name)
        }),
        Predicate::IsNull { column } => Some(match column.as_str() {
            "age" => row.age.is_none(),
            "seen" => row.seen.is_none(),
            "name" => row.name.is_none(),
            _ => false,
        }),
    }
}

fn order(column: &str, literal: &Literal, row: &Row) -> Option<std::cmp::Ordering> {
    match (column, literal) {
        ("name", Literal::String(text)) => Some(row.name.as_ref()?.as_bytes().cmp(text.as_bytes())),
        ("ssn", Literal::String(text)) => Some(row.ssn.as_ref()?.as_bytes().cmp(text.as_bytes())),
        ("born", Literal::String(text)) => {
            let day: i32 = text.strip_prefix("1970-01-0").unwrap().parse().unwrap();
            Some(row.born?.cmp(&(day - 1)))
        }
        ("active", Literal::Boolean(value)) => Some(row.active?.cmp(value)),
        ("ratio", Literal::Number(text)) => row.ratio?.partial_cmp(&text.parse().unwrap()),
        (_, Literal::Number(text)) => {
            let right: f64 = text.parse().unwrap();
            let left = match column {
                "id" => row.id as f64,
                "age" => f64::from(row.age?),
                "salary" => row.salary?,
                "price" => row.price? as f64,
                "level" => f64::from(row.level?),
                _ => panic!("no such column"),
            };
            let right = if column == "price" {
                (right * 100.0).round()
            } else {
                right
            };
            left.partial_cmp(&right)
        }
        _ => panic!("no such comparison"),
    }
}

fn like(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('%', rest)), Some((_, after))) => like(rest, text) || like(pattern, after),
        (Some(('%', rest)), None) => like(rest, text),
        (Some(('_', rest)), Some((_, after))) => like(rest, after),
        (Some((wanted, rest)), Some((found, after))) => wanted == found && like(rest, after),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn views_are_what_a_naive_reader_filters(
        table in proptest::collection::vec(row(), 0..150),
        layout in layout(),
        columns in visible(),
        filter in option::weighted(0.8, predicate()),
    ) {
        // Brotli is not decoded, which filters need.
        let codec = if layout.codec == 4 && filter.is_some() { 2 } else { layout.codec };
        let original = write(&table, &Layout { codec, ..layout });
        let rows = filter.clone().map_or(Rows::All, Rows::Where);
        let view = TableView { columns, rows, ..TableView::full() };
        let file = Bytes::from(materialize(&original, &view).unwrap());
        prop_assert_eq!(file.len() as u64, virtual_size(original.len() as u64, &view));
        let passes = |index: usize| filter.as_ref().is_none_or(|filter| truth(filter, &table[index]) == Some(true));
        let (found, expected) = (read(file), expected(original, &view, passes));
        prop_assert!(same(&found, &expected), "found {:?}\nexpected {:?}", found, expected);
    }
}
