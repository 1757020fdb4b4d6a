//! A row predicate made ready for one file: columns found, literals brought to the columns' types.

use std::cmp::Ordering;

use lakeward_grants::{CompareOp, Literal, Predicate};
use parquet::data_type::ByteArray;
use parquet::schema::types::ColumnDescPtr;

use crate::ViewError;
use crate::column_kind::{Kind, kind};
use crate::decode::schema_descriptor;
use crate::limits::PREDICATE_DEPTH;
use crate::number::{Bound, days};
use crate::schema::Schema;
use crate::work::wide;

/// A predicate over the columns of one file.
pub(crate) struct Filter {
    pub(crate) columns: Vec<FilterColumn>,
    test: Test,
}

/// A column that a filter reads.
pub(crate) struct FilterColumn {
    /// Its position among the leaves of the file.
    pub(crate) leaf: usize,
    pub(crate) kind: Kind,
    pub(crate) descriptor: ColumnDescPtr,
}

/// Decoded values of a column for some rows; `None` is NULL.
#[derive(Debug)]
pub(crate) enum Values {
    Whole(Vec<Option<i128>>),
    Single(Vec<Option<f32>>),
    Double(Vec<Option<f64>>),
    Text(Vec<Option<ByteArray>>),
    Boolean(Vec<Option<bool>>),
    Opaque(Vec<Option<()>>),
}

enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Null {
        column: usize,
    },
    Compare {
        column: usize,
        op: CompareOp,
        with: Operand,
    },
    Like {
        column: usize,
        pattern: Vec<Wildcard>,
    },
}

/// A literal in a column's type.
enum Operand {
    Whole(Bound),
    Single(f32),
    Double(f64),
    Text(String),
    Boolean(bool),
}

/// A part of a LIKE pattern.
#[derive(Clone, Copy, PartialEq)]
enum Wildcard {
    AnyRun,
    AnyOne,
    One(char),
}

impl Filter {
    /// Makes `predicate` ready for a file with `schema`.
    pub(crate) fn compile(predicate: &Predicate, schema: &Schema<'_>) -> Result<Self, ViewError> {
        let mut columns = Vec::new();
        let test = Compiler {
            schema,
            columns: &mut columns,
        }
        .compile(predicate, 0)?;
        Ok(Self { columns, test })
    }

    /// Whether a row passes: the predicate is TRUE on it.
    pub(crate) fn passes(&self, columns: &[Values], row: usize) -> bool {
        self.test.truth(columns, row) == Some(true)
    }
}

struct Compiler<'c, 's, 'a> {
    schema: &'s Schema<'a>,
    columns: &'c mut Vec<FilterColumn>,
}

impl Compiler<'_, '_, '_> {
    fn compile(&mut self, predicate: &Predicate, depth: usize) -> Result<Test, ViewError> {
        if depth > PREDICATE_DEPTH {
            return Err(unsupported("", "it is nested too deeply"));
        }
        let depth = depth + 1;
        Ok(match predicate {
            Predicate::And(parts) => Test::All(self.compile_all(parts, depth)?),
            Predicate::Or(parts) => Test::Any(self.compile_all(parts, depth)?),
            Predicate::Not(inner) => Test::Not(Box::new(self.compile(inner, depth)?)),
            Predicate::Compare { column, op, value } => self.compare(column, *op, value)?,
            Predicate::Between { column, low, high } => Test::All(vec![
                self.compare(column, CompareOp::GtEq, low)?,
                self.compare(column, CompareOp::LtEq, high)?,
            ]),
            Predicate::In { column, values } => Test::Any(
                values
                    .iter()
                    .map(|value| self.compare(column, CompareOp::Eq, value))
                    .collect::<Result<_, _>>()?,
            ),
            Predicate::Like { column, pattern } => self.like(column, pattern)?,
            Predicate::IsNull { column } => Test::Null {
                column: self.column(column)?.0,
            },
        })
    }

    fn compile_all(&mut self, parts: &[Predicate], depth: usize) -> Result<Vec<Test>, ViewError> {
        parts.iter().map(|part| self.compile(part, depth)).collect()
    }

    fn compare(
        &mut self,
        column: &str,
        op: CompareOp,
        literal: &Literal,
    ) -> Result<Test, ViewError> {
        let (index, kind) = self.column(column)?;
        let with = operand(kind, literal).ok_or_else(|| {
            unsupported(
                column,
                "its type in this file doesn't compare with the literal",
            )
        })?;
        Ok(Test::Compare {
            column: index,
            op,
            with,
        })
    }

    fn like(&mut self, column: &str, pattern: &str) -> Result<Test, ViewError> {
        let (index, kind) = self.column(column)?;
        if kind != Kind::Text {
            return Err(unsupported(column, "it is not text in this file"));
        }
        let pattern = pattern.chars().map(|symbol| match symbol {
            '%' => Wildcard::AnyRun,
            '_' => Wildcard::AnyOne,
            other => Wildcard::One(other),
        });
        Ok(Test::Like {
            column: index,
            pattern: pattern.collect(),
        })
    }

    /// The index among the filter's columns, and the kind, of the column named `name`.
    fn column(&mut self, name: &str) -> Result<(usize, Kind), ViewError> {
        let missing = || ViewError::FilterColumnMissing {
            column: name.to_owned(),
        };
        let (column, leaf) = self.schema.find(name).ok_or_else(missing)?;
        let found = self.columns.iter().position(|known| known.leaf == leaf);
        if let Some((index, known)) = found.and_then(|at| Some((at, self.columns.get(at)?))) {
            return Ok((index, known.kind));
        }
        let element = column
            .scalar()
            .ok_or_else(|| unsupported(name, "it is not a plain column in this file"))?;
        let kind = kind(element);
        let alone = self.schema.elements(|other| other.name == column.name);
        let descriptor = schema_descriptor(&alone)?
            .columns()
            .first()
            .cloned()
            .ok_or_else(missing)?;
        self.columns.push(FilterColumn {
            leaf,
            kind,
            descriptor,
        });
        Ok((self.columns.len() - 1, kind))
    }
}

fn unsupported(column: &str, reason: &str) -> ViewError {
    ViewError::FilterUnsupported {
        column: column.to_owned(),
        reason: reason.to_owned(),
    }
}

fn operand(kind: Kind, literal: &Literal) -> Option<Operand> {
    match (kind, literal) {
        (Kind::Whole { scale, .. }, Literal::Number(text)) => {
            Bound::parse(text, scale).map(Operand::Whole)
        }
        (Kind::Single, Literal::Number(text)) => text.parse().ok().map(Operand::Single),
        (Kind::Double, Literal::Number(text)) => text.parse().ok().map(Operand::Double),
        (Kind::Date, Literal::String(text)) => {
            let floor = i128::from(days(text)?);
            Some(Operand::Whole(Bound::At {
                floor,
                above: false,
            }))
        }
        (Kind::Text, Literal::String(text)) => Some(Operand::Text(text.clone())),
        (Kind::Boolean, Literal::Boolean(value)) => Some(Operand::Boolean(*value)),
        _ => None,
    }
}

impl Test {
    /// The truth on a row; `None` is UNKNOWN.
    fn truth(&self, columns: &[Values], row: usize) -> Option<bool> {
        match self {
            Self::All(tests) => all(tests.iter().map(|test| test.truth(columns, row))),
            Self::Any(tests) => {
                let negated = tests.iter().map(|test| not(test.truth(columns, row)));
                not(all(negated))
            }
            Self::Not(test) => not(test.truth(columns, row)),
            Self::Null { column } => columns.get(*column)?.is_null(row),
            Self::Compare { column, op, with } => {
                let ordering = columns.get(*column)?.compare(row, with)?;
                Some(holds(*op, ordering))
            }
            Self::Like { column, pattern } => match columns.get(*column)? {
                Values::Text(values) => {
                    let value = values.get(row)?.as_ref()?;
                    // What isn't text matches no pattern, and no opposite of one either.
                    let text = std::str::from_utf8(value.data()).ok()?;
                    Some(like(pattern, text))
                }
                _ => None,
            },
        }
    }
}

fn not(truth: Option<bool>) -> Option<bool> {
    truth.map(|truth| !truth)
}

fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(true);
    for truth in truths {
        match truth {
            Some(false) => return Some(false),
            Some(true) => {}
            None => result = None,
        }
    }
    result
}

fn holds(op: CompareOp, ordering: Ordering) -> bool {
    match op {
        CompareOp::Eq => ordering.is_eq(),
        CompareOp::NotEq => ordering.is_ne(),
        CompareOp::Lt => ordering.is_lt(),
        CompareOp::LtEq => ordering.is_le(),
        CompareOp::Gt => ordering.is_gt(),
        CompareOp::GtEq => ordering.is_ge(),
    }
}

impl Values {
    /// What it costs to look at the values beyond their number, in bytes.
    pub(crate) fn wide_bytes(&self) -> u64 {
        match self {
            Self::Text(values) => values.iter().flatten().map(|text| wide(text.len())).sum(),
            _ => 0,
        }
    }

    fn is_null(&self, row: usize) -> Option<bool> {
        match self {
            Self::Whole(values) => values.get(row).map(Option::is_none),
            Self::Single(values) => values.get(row).map(Option::is_none),
            Self::Double(values) => values.get(row).map(Option::is_none),
            Self::Text(values) => values.get(row).map(Option::is_none),
            Self::Boolean(values) => values.get(row).map(Option::is_none),
            Self::Opaque(values) => values.get(row).map(Option::is_none),
        }
    }

    /// How the value of a row compares; `None` for NULL, and for NaN, which engines order differently.
    fn compare(&self, row: usize, with: &Operand) -> Option<Ordering> {
        match (self, with) {
            (Self::Whole(values), Operand::Whole(bound)) => {
                Some(bound.compare((*values.get(row)?)?))
            }
            (Self::Single(values), Operand::Single(other)) => {
                (*values.get(row)?)?.partial_cmp(other)
            }
            (Self::Double(values), Operand::Double(other)) => {
                (*values.get(row)?)?.partial_cmp(other)
            }
            (Self::Text(values), Operand::Text(other)) => {
                Some(values.get(row)?.as_ref()?.data().cmp(other.as_bytes()))
            }
            (Self::Boolean(values), Operand::Boolean(other)) => {
                Some((*values.get(row)?)?.cmp(other))
            }
            _ => None,
        }
    }
}

/// SQL's LIKE. On a mismatch only the last `%` takes another character, which is enough and keeps the
/// time within pattern times text.
fn like(pattern: &[Wildcard], text: &str) -> bool {
    let mut rest = text.chars();
    let mut at = 0;
    let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        let mut next = rest.clone();
        let symbol = next.next();
        match (pattern.get(at), symbol) {
            (Some(Wildcard::AnyRun), _) => {
                at += 1;
                retry = Some((at, rest.clone()));
                continue;
            }
            (None, None) => return true,
            (Some(Wildcard::AnyOne), Some(_)) => {
                at += 1;
                rest = next;
                continue;
            }
            (Some(Wildcard::One(wanted)), Some(found)) if *wanted == found => {
                at += 1;
                rest = next;
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = &mut retry else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        at = *after;
        rest = from.clone();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        let pattern: Vec<Wildcard> = pattern
            .chars()
            .map(|symbol| match symbol {
                '%' => Wildcard::AnyRun,
                '_' => Wildcard::AnyOne,
                other => Wildcard::One(other),
            })
            .collect();
        like(&pattern, text)
    }

    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('%', rest)), Some((_, after))) => naive(rest, text) || naive(pattern, after),
            (Some(('%', rest)), None) => naive(rest, text),
            (Some(('_', rest)), Some((_, after))) => naive(rest, after),
            (Some((wanted, rest)), Some((found, after))) => wanted == found && naive(rest, after),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn like_is_that_of_sql(pattern in "[ab%_é]{0,8}", text in "[abé]{0,10}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), naive(&p, &t));
        }
    }

    #[test]
    fn like_takes_characters_not_bytes() {
        assert!(matches("_%", "é"));
        assert!(!matches("__", "é"));
        assert!(matches("%", ""));
    }
}
