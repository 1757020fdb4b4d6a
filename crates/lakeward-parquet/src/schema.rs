//! A file's schema: its top-level columns, each a run of schema elements and of leaves.

use std::collections::BTreeSet;

use lakeward_grants::TableView;

use crate::ViewError;
use crate::limits::{PATH_BYTES, SCHEMA_DEPTH};
use crate::thrift::{Struct, Value};

/// The schema, in file order.
pub(crate) struct Schema<'a> {
    root: Struct<'a>,
    pub(crate) columns: Vec<Column<'a>>,
}

/// A top-level column: what grants are about.
pub(crate) struct Column<'a> {
    /// The name in lower case, as the catalog knows it.
    pub(crate) name: String,
    /// The schema elements of the column, depth first.
    pub(crate) elements: Vec<Struct<'a>>,
    /// The columns of values below it; one for a plain column.
    pub(crate) leaves: Vec<Leaf<'a>>,
}

/// A column of values.
pub(crate) struct Leaf<'a> {
    /// Names from the top-level column down.
    pub(crate) path: Vec<&'a str>,
    /// The physical type's number.
    pub(crate) physical: i32,
}

/// Repetition type REPEATED.
const REPEATED: i32 = 2;

impl<'a> Schema<'a> {
    /// Reads the flattened tree of schema elements.
    pub(crate) fn new(elements: Vec<Value<'a>>) -> Result<Self, ViewError> {
        let mut elements = elements.into_iter().filter_map(|element| match element {
            Value::Struct(element) => Some(element),
            _ => None,
        });
        let root = elements
            .next()
            .ok_or_else(|| ViewError::malformed("the schema is empty"))?;
        let mut budget = PATH_BYTES;
        let mut columns = Vec::new();
        for _ in 0..children(&root)?.unwrap_or(0) {
            columns.push(Column::read(&mut elements, &mut budget)?);
        }
        if elements.next().is_some() {
            return Err(ViewError::malformed("the schema has elements left over"));
        }
        refuse_ambiguity(&columns)?;
        Ok(Self { root, columns })
    }

    /// For each leaf of the file, whether the view shows it.
    pub(crate) fn visible_leaves(&self, view: &TableView) -> Vec<bool> {
        let leaves = |column: &Column<'_>| (view.shows(&column.name), column.leaves.len());
        self.columns
            .iter()
            .map(leaves)
            .flat_map(|(shown, count)| std::iter::repeat_n(shown, count))
            .collect()
    }

    pub(crate) fn leaves(&self) -> impl Iterator<Item = &Leaf<'a>> {
        self.columns.iter().flat_map(|column| &column.leaves)
    }

    /// The column named `name` in lower case, with the index of its first leaf.
    pub(crate) fn find(&self, name: &str) -> Option<(&Column<'a>, usize)> {
        let name = name.to_lowercase();
        let mut first = 0;
        for column in &self.columns {
            if column.name == name {
                return Some((column, first));
            }
            first += column.leaves.len();
        }
        None
    }

    /// The flattened tree with only the columns that `keep` picks.
    pub(crate) fn elements(&self, keep: impl Fn(&Column<'a>) -> bool) -> Vec<Value<'a>> {
        let kept: Vec<&Column<'a>> = self.columns.iter().filter(|column| keep(column)).collect();
        let mut root = self.root.clone();
        root.set(5, Value::I32(i32::try_from(kept.len()).unwrap_or(i32::MAX)));
        let below = kept.iter().flat_map(|column| &column.elements).cloned();
        std::iter::once(root)
            .chain(below)
            .map(Value::Struct)
            .collect()
    }
}

impl<'a> Column<'a> {
    fn read(
        elements: &mut impl Iterator<Item = Struct<'a>>,
        budget: &mut usize,
    ) -> Result<Self, ViewError> {
        let mut column = Self {
            name: String::new(),
            elements: Vec::new(),
            leaves: Vec::new(),
        };
        // The groups that are open, with the number of children that they still wait for.
        let mut open: Vec<(&'a str, usize)> = Vec::new();
        loop {
            let element = elements
                .next()
                .ok_or_else(|| ViewError::malformed("the schema ends too early"))?;
            let name = name(&element)?;
            let (physical, children) = (element.i32(1), children(&element)?);
            column.elements.push(element);
            match (physical, children.filter(|count| *count > 0)) {
                (Some(physical), None) => {
                    let path: Vec<&str> = open.iter().map(|group| group.0).chain([name]).collect();
                    let bytes = path.iter().map(|part| part.len() + 16).sum();
                    *budget = budget
                        .checked_sub(bytes)
                        .ok_or_else(|| ViewError::Limit("the schema's paths".into()))?;
                    column.leaves.push(Leaf { path, physical });
                }
                (None, Some(count)) if open.len() < SCHEMA_DEPTH => open.push((name, count)),
                (None, Some(_)) => return Err(ViewError::Limit("the schema's depth".into())),
                _ => {
                    return Err(ViewError::malformed(
                        "a schema element is neither group nor leaf",
                    ));
                }
            }
            if physical.is_some() && close_groups(&mut open) {
                break;
            }
        }
        let top = column.elements.first().map(name).transpose()?;
        column.name = top.unwrap_or_default().to_lowercase();
        Ok(column)
    }

    /// The only schema element of a column that holds at most one value per row.
    pub(crate) fn scalar(&self) -> Option<&Struct<'a>> {
        match self.elements.as_slice() {
            [element] if element.i32(3) != Some(REPEATED) => Some(element),
            _ => None,
        }
    }
}

/// Counts a finished child and closes the groups that it completes; true when none is left open.
fn close_groups(open: &mut Vec<(&str, usize)>) -> bool {
    while let Some((_, waiting)) = open.last_mut() {
        *waiting -= 1;
        if *waiting > 0 {
            return false;
        }
        open.pop();
    }
    true
}

fn name<'a>(element: &Struct<'a>) -> Result<&'a str, ViewError> {
    element
        .binary(4)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .ok_or_else(|| ViewError::malformed("a schema element has no name"))
}

fn children(element: &Struct<'_>) -> Result<Option<usize>, ViewError> {
    element
        .i32(5)
        .map(usize::try_from)
        .transpose()
        .map_err(|_| ViewError::malformed("a schema element has a negative number of children"))
}

fn refuse_ambiguity(columns: &[Column<'_>]) -> Result<(), ViewError> {
    let mut seen = BTreeSet::new();
    for column in columns {
        if !seen.insert(column.name.as_str()) {
            return Err(ViewError::AmbiguousColumn {
                name: column.name.clone(),
            });
        }
    }
    Ok(())
}
