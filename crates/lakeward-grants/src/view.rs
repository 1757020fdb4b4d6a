//! What one principal sees of one table: the union of its grants.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{
    Column, ColumnSelection, DataCellsFilter, Grant, Permission, Resource, TableSchema, same_name,
};
use crate::predicate::{Literal, Predicate};
use crate::row_filter::{RowFilterError, parse_row_filter};
use crate::visibility::principal_matches;

/// What a principal sees of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableView {
    /// The columns that show at all.
    pub columns: VisibleColumns,
    /// The rows that show at all.
    pub rows: Rows,
    /// Column → the rows in which its value shows, for each visible column that shows in fewer rows
    /// than `rows`. Elsewhere the value is NULL.
    pub cells: BTreeMap<String, Predicate>,
}

/// The columns that show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VisibleColumns {
    /// All of them, also those that only the data files know.
    All,
    /// These, lower case, in table order (partition keys last).
    Only(Vec<String>),
}

/// The rows that show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rows {
    /// All of them.
    All,
    /// Those for which the predicate is TRUE.
    Where(Predicate),
}

/// What `principal` (the ARN of a role or user) sees of a table; `None` when it may select nothing.
///
/// The grants and filters may be those of the whole account: what concerns others is skipped.
/// A grant on a filter that no longer exists gives nothing.
///
/// # Errors
/// A granted filter's row expression doesn't fit the table. The caller must deny: leaving the filter
/// out could be mistaken for what its author meant.
pub fn table_view<'a>(
    principal: &str,
    database: &str,
    table: &str,
    schema: &TableSchema,
    grants: impl Iterator<Item = &'a Grant>,
    filters: impl Iterator<Item = &'a DataCellsFilter>,
) -> Result<Option<TableView>, RowFilterError> {
    let selecting: Vec<&Resource> = grants
        .filter(|grant| principal_matches(&grant.principal, principal))
        .filter(|grant| grant.resource.concerns_table(database, table))
        .filter(|grant| allows_select(&grant.permissions))
        .map(|grant| &grant.resource)
        .collect();
    if selecting.iter().any(|resource| is_whole_table(resource)) {
        return Ok(Some(TableView::full()));
    }
    let filters: Vec<&DataCellsFilter> = filters
        .filter(|filter| same_name(&filter.database, database) && same_name(&filter.table, table))
        .collect();
    let mut rectangles = Vec::new();
    for resource in selecting {
        rectangles.extend(rectangle(resource, &filters, schema)?);
    }
    Ok(union(&rectangles, schema))
}

impl TableView {
    /// The view that hides nothing.
    pub fn full() -> Self {
        Self {
            columns: VisibleColumns::All,
            rows: Rows::All,
            cells: BTreeMap::new(),
        }
    }

    /// Whether the view hides nothing, so that the original bytes may be served.
    pub fn is_full(&self) -> bool {
        self.columns == VisibleColumns::All && self.rows == Rows::All && self.cells.is_empty()
    }

    /// Whether `column` shows in some row.
    pub fn shows(&self, column: &str) -> bool {
        match &self.columns {
            VisibleColumns::All => true,
            VisibleColumns::Only(names) => names.iter().any(|name| same_name(name, column)),
        }
    }

    /// Bytes that are equal exactly for equal views, for digests. The encoding is prefix-free and
    /// begins with its version.
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = b"lakeward-view-1".to_vec();
        match &self.columns {
            VisibleColumns::All => out.push(0),
            VisibleColumns::Only(names) => {
                out.push(1);
                encode_length(&mut out, names.len());
                for name in names {
                    encode_text(&mut out, name);
                }
            }
        }
        match &self.rows {
            Rows::All => out.push(0),
            Rows::Where(predicate) => {
                out.push(1);
                encode_predicate(&mut out, predicate);
            }
        }
        encode_length(&mut out, self.cells.len());
        for (column, predicate) in &self.cells {
            encode_text(&mut out, column);
            encode_predicate(&mut out, predicate);
        }
        out
    }
}

/// One grant's share of the table.
struct Rectangle<'a> {
    columns: &'a ColumnSelection,
    rows: Predicate,
}

impl Rectangle<'_> {
    /// Whether the rectangle shows the column. Column selections don't apply to partition keys, whose
    /// values the object names tell, unless one is left out by name.
    fn covers(&self, column: &Column, schema: &TableSchema) -> bool {
        let included_with_the_rest = matches!(self.columns, ColumnSelection::Include(_))
            && schema.is_partition_key(&column.name);
        included_with_the_rest || self.columns.covers(&column.name)
    }

    /// Whether the rectangle shows a stored column; one that doesn't tells nothing, not even how many
    /// rows there are.
    fn is_empty(&self, schema: &TableSchema) -> bool {
        let mut stored = schema.columns.iter();
        !self.columns.is_everything() && !stored.any(|column| self.columns.covers(&column.name))
    }
}

fn allows_select(permissions: &BTreeSet<Permission>) -> bool {
    permissions.contains(&Permission::Select) || permissions.contains(&Permission::All)
}

fn is_whole_table(resource: &Resource) -> bool {
    match resource {
        Resource::Table { .. } | Resource::AllTables { .. } => true,
        Resource::Columns { columns, .. } => columns.is_everything(),
        _ => false,
    }
}

/// The rectangle that a grant on `resource` opens, if it opens one.
fn rectangle<'a>(
    resource: &'a Resource,
    filters: &[&'a DataCellsFilter],
    schema: &TableSchema,
) -> Result<Option<Rectangle<'a>>, RowFilterError> {
    let rectangle = match resource {
        Resource::Columns { columns, .. } => Some(Rectangle {
            columns,
            rows: Predicate::always(),
        }),
        Resource::DataCellsFilter { name, .. } => {
            let named = filters.iter().find(|filter| same_name(&filter.name, name));
            named
                .map(|filter| filter_rectangle(filter, schema))
                .transpose()?
        }
        _ => None,
    };
    Ok(rectangle.filter(|rectangle| !rectangle.is_empty(schema)))
}

fn filter_rectangle<'a>(
    filter: &'a DataCellsFilter,
    schema: &TableSchema,
) -> Result<Rectangle<'a>, RowFilterError> {
    let rows = match &filter.rows {
        None => Predicate::always(),
        Some(text) => parse_row_filter(text, schema)?,
    };
    Ok(Rectangle {
        columns: &filter.columns,
        rows,
    })
}

fn union(rectangles: &[Rectangle<'_>], schema: &TableSchema) -> Option<TableView> {
    if rectangles.is_empty() {
        return None;
    }
    let rows = any_of(rectangles.iter().map(|rectangle| &rectangle.rows));
    let mut names = Vec::new();
    let mut cells = BTreeMap::new();
    for column in schema.all() {
        let covering = rectangles
            .iter()
            .filter(|rectangle| rectangle.covers(column, schema));
        let Some(shown_in) = any_of_some(covering.map(|rectangle| &rectangle.rows)) else {
            continue;
        };
        let name = column.name.to_lowercase();
        if shown_in != rows {
            cells.insert(name.clone(), shown_in);
        }
        names.push(name);
    }
    Some(TableView {
        columns: if covers_undeclared(rectangles, &rows) {
            VisibleColumns::All
        } else {
            VisibleColumns::Only(names)
        },
        rows: if rows.is_always() {
            Rows::All
        } else {
            Rows::Where(rows)
        },
        cells,
    })
}

/// Whether a column that only the data files know shows wherever a row does. If not, it must not show
/// at all: `cells` has no name for it.
fn covers_undeclared(rectangles: &[Rectangle<'_>], rows: &Predicate) -> bool {
    let open = rectangles
        .iter()
        .filter(|rectangle| rectangle.columns.is_everything());
    any_of_some(open.map(|rectangle| &rectangle.rows)).as_ref() == Some(rows)
}

fn any_of_some<'a>(predicates: impl Iterator<Item = &'a Predicate>) -> Option<Predicate> {
    let mut predicates = predicates.peekable();
    predicates.peek()?;
    Some(any_of(predicates))
}

/// The OR of the predicates in a form that doesn't depend on their order.
fn any_of<'a>(predicates: impl Iterator<Item = &'a Predicate>) -> Predicate {
    let mut parts = BTreeSet::new();
    for predicate in predicates {
        match predicate {
            Predicate::Or(inner) => parts.extend(inner.iter().cloned()),
            other => {
                parts.insert(other.clone());
            }
        }
    }
    if parts.iter().any(Predicate::is_always) {
        return Predicate::always();
    }
    let mut parts: Vec<Predicate> = parts.into_iter().collect();
    match parts.len() {
        1 => parts.pop().unwrap_or_else(Predicate::always),
        _ => Predicate::Or(parts),
    }
}

fn encode_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&(length as u64).to_be_bytes());
}

fn encode_text(out: &mut Vec<u8>, text: &str) {
    encode_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn encode_literal(out: &mut Vec<u8>, literal: &Literal) {
    match literal {
        Literal::String(text) => {
            out.push(b's');
            encode_text(out, text);
        }
        Literal::Number(text) => {
            out.push(b'n');
            encode_text(out, text);
        }
        Literal::Boolean(value) => out.extend_from_slice(&[b'b', u8::from(*value)]),
    }
}

fn encode_predicates(out: &mut Vec<u8>, tag: u8, parts: &[Predicate]) {
    out.push(tag);
    encode_length(out, parts.len());
    for part in parts {
        encode_predicate(out, part);
    }
}

fn encode_predicate(out: &mut Vec<u8>, predicate: &Predicate) {
    match predicate {
        Predicate::And(parts) => encode_predicates(out, b'&', parts),
        Predicate::Or(parts) => encode_predicates(out, b'|', parts),
        Predicate::Not(inner) => {
            out.push(b'!');
            encode_predicate(out, inner);
        }
        Predicate::Compare { column, op, value } => {
            out.push(b'=');
            encode_text(out, column);
            encode_text(out, op.symbol());
            encode_literal(out, value);
        }
        Predicate::Between { column, low, high } => {
            out.push(b'~');
            encode_text(out, column);
            encode_literal(out, low);
            encode_literal(out, high);
        }
        Predicate::In { column, values } => {
            out.push(b'i');
            encode_text(out, column);
            encode_length(out, values.len());
            for value in values {
                encode_literal(out, value);
            }
        }
        Predicate::Like { column, pattern } => {
            out.push(b'l');
            encode_text(out, column);
            encode_text(out, pattern);
        }
        Predicate::IsNull { column } => {
            out.push(b'0');
            encode_text(out, column);
        }
    }
}
