//! The Lake Formation model: who was granted what, and what of a table that lets them see.
//!
//! This crate is pure: it takes grants, data cells filters and a table's schema and answers with a
//! [`TableView`], the one decision that the catalog's answers and the lake's bytes both follow.
//!
//! Permissions only add up. Several grants are a union of *rectangles* (rows × columns), evaluated
//! per cell: a row is visible when any grant's predicate holds for it, and a cell is visible when a
//! grant that covers its column holds for its row. A hidden cell of a visible row is NULL.
#![forbid(unsafe_code)]

mod model;
mod predicate;
mod row_filter;
mod view;
mod visibility;

pub use model::{
    Column, ColumnSelection, DataCellsFilter, Grant, IAM_ALLOWED_PRINCIPALS, Permission, Resource,
    TableSchema, same_name,
};
pub use predicate::{CompareOp, Literal, Predicate};
pub use row_filter::{MAX_FILTER_CHARS, RowFilterError, parse_row_filter};
pub use view::{Rows, TableView, VisibleColumns, table_view};
pub use visibility::{
    holds, holds_grantable, may_describe_database, may_describe_table, principal_matches,
};
