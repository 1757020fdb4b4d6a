//! Filtered Parquet objects: what a principal with a partial view of a table reads in the place of
//! the table's files.
//!
//! [`plan`] takes the original file and a [`TableView`](lakeward_grants::TableView) and gives a
//! [`Plan`]: a list of pieces (ranges of the original, bytes made here, zeros) that together are a
//! valid, seekable Parquet file that holds the visible columns and rows and nothing else. The size
//! and ETag of that file, [`virtual_size`] and [`virtual_etag`], need no look at the original: they
//! are functions of its listing entry and the view, so that listings, HEAD and GET agree. Zeros
//! before the footer make up the difference; every reader skips them.
//!
//! - A view of whole rows *relocates*: the column chunks of visible columns are packed behind each
//!   other unread, and a new footer is written from an allow-list of the old one's fields.
//! - A view of some rows *decides* by decoding the columns that its predicate reads. A row group
//!   without a visible row vanishes, one whose every row is visible is relocated, and a mixed one is
//!   re-encoded at the level of Parquet's own values, so physical types stay as they were.
//!
//! Both are pure: the same original and view give the same bytes on every node.
//!
//! # Hostile files
//!
//! A file is refused, never served, when anything in it is doubtful. Footers and page headers are
//! read by a reader of our own that bounds depth, counts and sizes. Values are decoded by the
//! `parquet` crate, which panics on some malformed pages; those calls are made under `catch_unwind`
//! (see `decode::guarded`), so that a panic is an ordinary refusal. Sizes and counts that decoders
//! would take on trust are checked before; pages whose decoder can't be held to a size, those of brotli,
//! are not decoded at all. What is decoded and re-encoded is counted, and ends a plan that costs far
//! more than the file's size. Callers should still run [`plan`] in a blocking task of a bounded pool and
//! turn a panic of that task into an error.
//!
//! # Errors tell about the file
//!
//! A [`ViewError`] may name hidden columns. It belongs in the owner's log, not in an answer to the
//! one who holds the view.
#![forbid(unsafe_code)]

mod assemble;
mod column_kind;
mod decide;
mod decode;
mod delta;
mod encode;
mod error;
mod filter;
mod footer;
mod identity;
mod limits;
mod number;
mod page_index;
mod pages;
mod plan;
mod schema;
mod shapes;
mod source;
mod statistics;
mod thrift;
mod verify;
mod view;
mod work;

pub use error::ViewError;
pub use identity::{TRANSFORM_VERSION, virtual_etag, virtual_size};
pub use plan::{Piece, Plan};
pub use source::Source;
pub use view::{materialize, plan};
