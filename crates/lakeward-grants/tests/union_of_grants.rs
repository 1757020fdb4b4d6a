//! `table_view` against a naive oracle that asks every grant about every cell.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use lakeward_grants::{
    Column, ColumnSelection, CompareOp, DataCellsFilter, Grant, IAM_ALLOWED_PRINCIPALS, Literal,
    Permission, Predicate, Resource, Rows, TableSchema, TableView, VisibleColumns, table_view,
};
use proptest::prelude::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/marketing";
const OTHER: &str = "arn:aws:iam::123456789012:role/sales";
const COLUMNS: [&str; 3] = ["a", "b", "c"];

type Row = [Option<i64>; 3];

fn schema() -> TableSchema {
    let column = |name: &&str| Column {
        name: (*name).into(),
        data_type: "int".into(),
    };
    TableSchema {
        columns: COLUMNS.iter().map(column).collect(),
        partition_keys: Vec::new(),
    }
}

fn view(principal: &str, grants: &[Grant], filters: &[DataCellsFilter]) -> Option<TableView> {
    table_view(
        principal,
        "tpc",
        "t",
        &schema(),
        grants.iter(),
        filters.iter(),
    )
    .unwrap()
}

fn select(principal: &str, resource: Resource) -> Grant {
    Grant {
        principal: principal.into(),
        resource,
        permissions: BTreeSet::from([Permission::Select]),
        grantable: BTreeSet::new(),
    }
}

fn columns(columns: ColumnSelection) -> Resource {
    Resource::Columns {
        database: "TPC".into(),
        table: "T".into(),
        columns,
    }
}

fn cells(name: &str) -> Resource {
    Resource::DataCellsFilter {
        database: "tpc".into(),
        table: "t".into(),
        name: name.into(),
    }
}

fn filter(name: &str, rows: Option<&str>, columns: ColumnSelection) -> DataCellsFilter {
    DataCellsFilter {
        database: "tpc".into(),
        table: "t".into(),
        name: name.into(),
        rows: rows.map(Into::into),
        columns,
    }
}

fn include(names: &[&str]) -> ColumnSelection {
    ColumnSelection::Include(names.iter().map(|name| (*name).into()).collect())
}

/// SQL's three-valued truth, on integer columns.
fn truth(predicate: &Predicate, row: &Row) -> Option<bool> {
    let value = |column: &str| {
        let index = COLUMNS.iter().position(|name| *name == column).unwrap();
        row[index]
    };
    let literal = |literal: &Literal| match literal {
        Literal::Number(text) => text.parse::<i64>().unwrap(),
        other => panic!("integer columns, but {other}"),
    };
    match predicate {
        Predicate::And(parts) => all(parts.iter().map(|part| truth(part, row))),
        Predicate::Or(parts) => {
            all(parts.iter().map(|part| truth(part, row).map(|t| !t))).map(|t| !t)
        }
        Predicate::Not(inner) => truth(inner, row).map(|t| !t),
        Predicate::Compare {
            column,
            op,
            value: right,
        } => value(column).map(|left| {
            let ordering = left.cmp(&literal(right));
            match op {
                CompareOp::Eq => ordering.is_eq(),
                CompareOp::NotEq => ordering.is_ne(),
                CompareOp::Lt => ordering.is_lt(),
                CompareOp::LtEq => ordering.is_le(),
                CompareOp::Gt => ordering.is_gt(),
                CompareOp::GtEq => ordering.is_ge(),
            }
        }),
        Predicate::Between { column, low, high } => {
            value(column).map(|v| (literal(low)..=literal(high)).contains(&v))
        }
        Predicate::In { column, values } => {
            value(column).map(|v| values.iter().any(|other| literal(other) == v))
        }
        Predicate::IsNull { column } => Some(value(column).is_none()),
        Predicate::Like { .. } => panic!("integer columns have no LIKE"),
    }
}

fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let parts: Vec<_> = parts.collect();
    if parts.contains(&Some(false)) {
        return Some(false);
    }
    if parts.contains(&None) {
        return None;
    }
    Some(true)
}

/// Whether the view shows the row.
fn row_shows(view: &TableView, row: &Row) -> bool {
    match &view.rows {
        Rows::All => true,
        Rows::Where(predicate) => truth(predicate, row) == Some(true),
    }
}

/// Whether the view shows the cell's value.
fn cell_shows(view: &TableView, row: &Row, column: &str) -> bool {
    let in_row = match view.cells.get(column) {
        Some(predicate) => truth(predicate, row) == Some(true),
        None => true,
    };
    row_shows(view, row) && view.shows(column) && in_row
}

/// Whether this one grant shows the cell, by the documentation's words.
fn granted(grant: &Grant, filters: &[DataCellsFilter], row: &Row, column: &str) -> bool {
    if grant.principal != ROLE || !grant.permissions.contains(&Permission::Select) {
        return false;
    }
    match &grant.resource {
        Resource::Columns { columns, .. } => columns.covers(column),
        Resource::DataCellsFilter { name, .. } => filters
            .iter()
            .filter(|filter| &filter.name == name)
            .any(|filter| {
                let passes = match &filter.rows {
                    None => true,
                    Some(text) => {
                        let predicate = lakeward_grants::parse_row_filter(text, &schema()).unwrap();
                        truth(&predicate, row) == Some(true)
                    }
                };
                filter.columns.covers(column) && passes
            }),
        Resource::Table { .. } | Resource::AllTables { .. } => true,
        _ => false,
    }
}

fn arbitrary_selection() -> impl Strategy<Value = ColumnSelection> {
    let names = || {
        proptest::collection::vec(proptest::sample::select(&COLUMNS[..]), 0..3)
            .prop_map(|names| names.into_iter().map(String::from).collect::<Vec<_>>())
    };
    prop_oneof![
        names().prop_map(ColumnSelection::Include),
        names().prop_map(ColumnSelection::AllExcept),
    ]
}

fn arbitrary_text() -> impl Strategy<Value = String> {
    let column = || proptest::sample::select(&COLUMNS[..]);
    let leaf = prop_oneof![
        (
            column(),
            proptest::sample::select(&["=", "<>", "<", ">="][..]),
            0..3
        )
            .prop_map(|(column, op, value)| format!("{column} {op} {value}")),
        column().prop_map(|column| format!("{column} IS NULL")),
        (column(), 0..3, 0..3).prop_map(|(column, x, y)| format!("{column} IN ({x}, {y})")),
        (column(), 0..3, 0..3).prop_map(|(column, x, y)| format!("{column} BETWEEN {x} AND {y}")),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("({x}) AND ({y})")),
            (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("({x}) OR ({y})")),
            inner.prop_map(|x| format!("NOT ({x})")),
        ]
    })
}

fn arbitrary_filters() -> impl Strategy<Value = Vec<DataCellsFilter>> {
    proptest::collection::vec(
        (
            proptest::option::of(arbitrary_text()),
            arbitrary_selection(),
        ),
        4,
    )
    .prop_map(|filters| {
        filters
            .into_iter()
            .enumerate()
            .map(|(index, (rows, columns))| filter(&format!("f{index}"), rows.as_deref(), columns))
            .collect()
    })
}

fn arbitrary_grants() -> impl Strategy<Value = Vec<Grant>> {
    let resource = prop_oneof![
        4 => arbitrary_selection().prop_map(columns),
        8 => (0..5).prop_map(|index| cells(&format!("f{index}"))),
        1 => Just(Resource::Table { database: "tpc".into(), name: "t".into() }),
        1 => Just(Resource::Table { database: "tpc".into(), name: "u".into() }),
        1 => Just(Resource::Database { name: "tpc".into() }),
    ];
    let grant = (
        prop_oneof![4 => Just(ROLE), 1 => Just(OTHER)],
        resource,
        prop_oneof![6 => Just(Permission::Select), 1 => Just(Permission::Describe)],
    )
        .prop_map(|(principal, resource, permission)| Grant {
            principal: principal.into(),
            resource,
            permissions: BTreeSet::from([permission]),
            grantable: BTreeSet::new(),
        });
    proptest::collection::vec(grant, 0..5)
}

/// Every row over NULL, 0, 1 and 2.
fn rows() -> Vec<Row> {
    let values = [None, Some(0), Some(1), Some(2)];
    let mut rows = Vec::new();
    for a in values {
        for b in values {
            rows.extend(values.map(|c| [a, b, c]));
        }
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_cell_is_shown_exactly_when_a_grant_shows_it(
        grants in arbitrary_grants(),
        filters in arbitrary_filters(),
    ) {
        let grants: Vec<Grant> = grants
            .into_iter()
            .filter(|grant| !matches!(&grant.resource, Resource::Table { name, .. } if name == "u"))
            .collect();
        let view = view(ROLE, &grants, &filters);
        for row in rows() {
            let cells = COLUMNS.map(|column| {
                grants.iter().any(|grant| granted(grant, &filters, &row, column))
            });
            for (column, expected) in COLUMNS.iter().zip(cells) {
                let shown = view.as_ref().is_some_and(|view| cell_shows(view, &row, column));
                prop_assert_eq!(shown, expected, "{} of {:?} in {:?}", column, row, view);
            }
            let row_shown = view.as_ref().is_some_and(|view| row_shows(view, &row));
            prop_assert_eq!(row_shown, cells.contains(&true), "{:?} in {:?}", row, view);
        }
    }

    #[test]
    fn a_column_that_only_files_know_shows_only_where_an_open_grant_shows_it(
        grants in arbitrary_grants(),
        filters in arbitrary_filters(),
    ) {
        let grants: Vec<Grant> = grants
            .into_iter()
            .filter(|grant| !matches!(&grant.resource, Resource::Table { .. }))
            .collect();
        let Some(view) = view(ROLE, &grants, &filters) else { return Ok(()) };
        if view.columns != VisibleColumns::All { return Ok(()) }
        for row in rows().into_iter().filter(|row| row_shows(&view, row)) {
            let open = grants.iter().any(|grant| {
                let everything = match &grant.resource {
                    Resource::Columns { columns, .. } => columns.is_everything(),
                    Resource::DataCellsFilter { name, .. } => filters
                        .iter()
                        .any(|filter| &filter.name == name && filter.columns.is_everything()),
                    _ => false,
                };
                everything && granted(grant, &filters, &row, "a")
            });
            prop_assert!(open, "{:?} in {:?}", row, view);
        }
    }

    #[test]
    fn the_order_of_grants_changes_nothing(
        grants in arbitrary_grants(),
        filters in arbitrary_filters(),
    ) {
        let mut reversed = grants.clone();
        reversed.reverse();
        let forward = view(ROLE, &grants, &filters);
        let backward = view(ROLE, &reversed, &filters);
        prop_assert_eq!(
            forward.as_ref().map(TableView::canonical),
            backward.as_ref().map(TableView::canonical)
        );
        prop_assert_eq!(forward, backward);
    }

    #[test]
    fn canonical_bytes_differ_when_views_differ(
        left in (arbitrary_grants(), arbitrary_filters()),
        right in (arbitrary_grants(), arbitrary_filters()),
    ) {
        let left = view(ROLE, &left.0, &left.1);
        let right = view(ROLE, &right.0, &right.1);
        if let (Some(left), Some(right)) = (left, right) {
            prop_assert_eq!(left == right, left.canonical() == right.canonical());
        }
    }
}

#[test]
fn the_documentations_example_hides_one_cell() {
    let filters = [
        filter("names", None, include(&["a"])),
        filter("ids", Some("b <> 5"), include(&["b"])),
    ];
    let grants = [select(ROLE, cells("names")), select(ROLE, cells("ids"))];
    let view = view(ROLE, &grants, &filters).unwrap();
    assert_eq!(
        view.columns,
        VisibleColumns::Only(vec!["a".into(), "b".into()])
    );
    assert_eq!(view.rows, Rows::All);
    assert_eq!(view.cells.keys().collect::<Vec<_>>(), ["b"]);
    assert!(!cell_shows(&view, &[Some(1), Some(5), None], "b"));
    assert!(cell_shows(&view, &[Some(1), Some(6), None], "b"));
}

#[test]
fn whole_table_grants_are_full() {
    let whole = [
        Resource::Table {
            database: "tpc".into(),
            name: "t".into(),
        },
        Resource::AllTables {
            database: "tpc".into(),
        },
        columns(ColumnSelection::AllExcept(Vec::new())),
    ];
    for resource in whole {
        let all = Grant {
            permissions: BTreeSet::from([Permission::All]),
            ..select(ROLE, resource.clone())
        };
        assert!(
            view(ROLE, &[select(ROLE, resource)], &[])
                .unwrap()
                .is_full()
        );
        assert!(view(ROLE, &[all], &[]).unwrap().is_full());
    }
    let for_everyone = select(
        IAM_ALLOWED_PRINCIPALS,
        Resource::Table {
            database: "tpc".into(),
            name: "t".into(),
        },
    );
    assert!(view(ROLE, &[for_everyone], &[]).unwrap().is_full());
}

#[test]
fn naming_every_column_is_not_full() {
    let view = view(ROLE, &[select(ROLE, columns(include(&COLUMNS)))], &[]).unwrap();
    assert!(!view.is_full());
    assert!(!view.shows("only_in_the_files"));
}

#[test]
fn what_selects_nothing_gives_no_view() {
    let describe = Grant {
        permissions: BTreeSet::from([Permission::Describe]),
        ..select(
            ROLE,
            Resource::Table {
                database: "tpc".into(),
                name: "t".into(),
            },
        )
    };
    for grants in [
        vec![],
        vec![describe],
        vec![select(OTHER, columns(include(&["a"])))],
        vec![select(ROLE, columns(include(&["dropped_long_ago"])))],
        vec![select(ROLE, cells("deleted"))],
    ] {
        assert_eq!(view(ROLE, &grants, &[]), None);
    }
}

#[test]
fn a_filter_that_no_longer_fits_is_an_error() {
    let filters = [filter(
        "gone",
        Some("dropped = 1"),
        ColumnSelection::AllExcept(Vec::new()),
    )];
    let grants = [
        select(ROLE, columns(include(&["a"]))),
        select(ROLE, cells("gone")),
    ];
    let answer = table_view(ROLE, "tpc", "t", &schema(), grants.iter(), filters.iter());
    assert!(answer.is_err());
}

#[test]
fn partition_keys_come_with_any_column() {
    let mut schema = schema();
    schema.partition_keys.push(Column {
        name: "Year".into(),
        data_type: "int".into(),
    });
    let grants = [select(ROLE, columns(include(&["B"])))];
    let view = table_view(ROLE, "tpc", "t", &schema, grants.iter(), std::iter::empty());
    assert_eq!(
        view.unwrap().unwrap().columns,
        VisibleColumns::Only(vec!["b".into(), "year".into()])
    );
}

#[test]
fn the_wire_names_survive_serde() {
    let grant = select(ROLE, columns(include(&["a"])));
    let json = serde_json::to_value(&grant).unwrap();
    assert_eq!(json["permissions"], serde_json::json!(["SELECT"]));
    assert_eq!(serde_json::from_value::<Grant>(json).unwrap(), grant);
    let tag = serde_json::to_value(Permission::CreateLfTag).unwrap();
    assert_eq!(tag, "CREATE_LF_TAG");
}
