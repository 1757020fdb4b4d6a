//! Row predicates, with SQL's three-valued logic.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A condition on a row. A row passes only when the condition is TRUE; FALSE and UNKNOWN hide it.
///
/// Column names are lower case and name top-level columns of the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Predicate {
    /// All of these; the empty list is TRUE.
    And(Vec<Predicate>),
    /// Any of these; the empty list is FALSE.
    Or(Vec<Predicate>),
    /// The opposite; UNKNOWN stays UNKNOWN.
    Not(Box<Predicate>),
    /// A column against a literal; UNKNOWN for NULL.
    Compare {
        /// The column.
        column: String,
        /// The comparison.
        op: CompareOp,
        /// The value on the right.
        value: Literal,
    },
    /// `low <= column AND column <= high`.
    Between {
        /// The column.
        column: String,
        /// The lower bound, included.
        low: Literal,
        /// The upper bound, included.
        high: Literal,
    },
    /// The column equals one of the values; UNKNOWN for NULL.
    In {
        /// The column.
        column: String,
        /// The values; never empty and never NULL.
        values: Vec<Literal>,
    },
    /// SQL's LIKE on the whole value, case-sensitive: `%` is any run, `_` any one character, and no
    /// character escapes.
    Like {
        /// The column.
        column: String,
        /// The pattern.
        pattern: String,
    },
    /// The column is NULL; never UNKNOWN.
    IsNull {
        /// The column.
        column: String,
    },
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `<>`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
}

/// A value that a column is compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Literal {
    /// Text, compared by code point.
    String(String),
    /// An exact decimal number in canonical text: no exponent, no sign for zero or above, no leading
    /// zero but a lone one, no trailing zero after the point (`-12.5`, `0`, `7`).
    Number(String),
    /// TRUE or FALSE.
    Boolean(bool),
}

impl Predicate {
    /// The predicate that every row passes.
    pub fn always() -> Self {
        Self::And(Vec::new())
    }

    /// Whether every row passes, by form.
    pub fn is_always(&self) -> bool {
        matches!(self, Self::And(parts) if parts.is_empty())
    }

    /// Calls `visit` with every column that the predicate reads.
    pub fn visit_columns<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.visit_columns(visit);
                }
            }
            Self::Not(inner) => inner.visit_columns(visit),
            Self::Compare { column, .. }
            | Self::Between { column, .. }
            | Self::In { column, .. }
            | Self::Like { column, .. }
            | Self::IsNull { column } => visit(column),
        }
    }
}

impl CompareOp {
    /// The operator's text.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::NotEq => "<>",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
        }
    }
}

/// Writes the predicate as row-filter text that parses back to it.
impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => write_joined(f, parts, " AND ", "TRUE"),
            Self::Or(parts) => write_joined(f, parts, " OR ", "FALSE"),
            Self::Not(inner) => write!(f, "NOT ({inner})"),
            Self::Compare { column, op, value } => {
                write!(f, "{} {} {value}", Quoted(column), op.symbol())
            }
            Self::Between { column, low, high } => {
                write!(f, "{} BETWEEN {low} AND {high}", Quoted(column))
            }
            Self::In { column, values } => {
                write!(f, "{} IN (", Quoted(column))?;
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{value}")?;
                }
                f.write_str(")")
            }
            Self::Like { column, pattern } => {
                let pattern = Literal::String(pattern.clone());
                write!(f, "{} LIKE {pattern}", Quoted(column))
            }
            Self::IsNull { column } => write!(f, "{} IS NULL", Quoted(column)),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Number(text) => f.write_str(text),
            Self::Boolean(true) => f.write_str("TRUE"),
            Self::Boolean(false) => f.write_str("FALSE"),
        }
    }
}

/// An identifier in double quotes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

fn write_joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Predicate],
    separator: &str,
    empty: &str,
) -> fmt::Result {
    if parts.is_empty() {
        return f.write_str(empty);
    }
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "({part})")?;
    }
    Ok(())
}
