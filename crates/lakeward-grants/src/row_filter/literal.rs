//! Column types, and the literals that fit them.

use super::lexer::TokenKind;
use crate::predicate::Literal;

/// The most digits that a decimal type holds.
const MAX_DIGITS: usize = 38;

/// The types that a row filter can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnType {
    Text,
    /// A signed integer of so many bits.
    Integer(u32),
    Fraction,
    Boolean,
}

impl ColumnType {
    /// Reads a Glue/Hive type; `None` for types that row filters don't know.
    pub fn parse(data_type: &str) -> Option<Self> {
        let base = data_type.split('(').next().unwrap_or_default().trim();
        match base.to_ascii_lowercase().as_str() {
            "string" | "char" | "varchar" => Some(Self::Text),
            "tinyint" | "byte" => Some(Self::Integer(8)),
            "smallint" | "short" => Some(Self::Integer(16)),
            "int" | "integer" => Some(Self::Integer(32)),
            "bigint" | "long" => Some(Self::Integer(64)),
            "float" | "double" | "decimal" => Some(Self::Fraction),
            "boolean" => Some(Self::Boolean),
            _ => None,
        }
    }

    fn expectation(self) -> &'static str {
        match self {
            Self::Text => "text in single quotes",
            Self::Integer(_) => "a whole number that its type can hold",
            Self::Fraction => "a number of at most 38 digits",
            Self::Boolean => "TRUE or FALSE",
        }
    }
}

/// The token as a literal of the column's type, or what is wrong with it. `calls` tells that an opening
/// parenthesis follows.
pub(super) fn of_type(
    token: &TokenKind,
    column_type: ColumnType,
    column: &str,
    calls: bool,
) -> Result<Literal, String> {
    let literal = match token {
        TokenKind::Text(text) => Literal::String(text.clone()),
        TokenKind::Number(number) => Literal::Number(number.clone()),
        TokenKind::Word(word) if word.eq_ignore_ascii_case("TRUE") => Literal::Boolean(true),
        TokenKind::Word(word) if word.eq_ignore_ascii_case("FALSE") => Literal::Boolean(false),
        TokenKind::Word(word) if word.eq_ignore_ascii_case("NULL") => {
            return Err(format!("nothing equals NULL; use `{column}` IS NULL"));
        }
        TokenKind::Word(word) if calls => {
            return Err(format!("functions such as `{word}` can't be used"));
        }
        TokenKind::Word(word) | TokenKind::Quoted(word) => {
            return Err(format!(
                "a literal is expected here, not `{word}`: columns can't be compared with columns, \
                 and text stands in single quotes"
            ));
        }
        other => return Err(format!("a literal is expected here, not {other}")),
    };
    if fits(&literal, column_type) {
        return Ok(literal);
    }
    Err(format!(
        "column `{column}` needs {}, not {literal}",
        column_type.expectation()
    ))
}

fn fits(literal: &Literal, column_type: ColumnType) -> bool {
    match (literal, column_type) {
        (Literal::String(_), ColumnType::Text) | (Literal::Boolean(_), ColumnType::Boolean) => true,
        (Literal::Number(number), ColumnType::Integer(bits)) => number
            .parse::<i64>()
            .is_ok_and(|value| (value << (64 - bits)) >> (64 - bits) == value),
        (Literal::Number(number), ColumnType::Fraction) => {
            number.chars().filter(char::is_ascii_digit).count() <= MAX_DIGITS
        }
        _ => false,
    }
}
