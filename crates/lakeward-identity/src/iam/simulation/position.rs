//! Where in its text a statement stands.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A place in a text, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, rename = "Statement")]
    statement: &'a RawValue,
}

/// The places of the first and the last character of the statement of this index.
pub(super) fn of_statement(text: &str, index: usize) -> Option<(Position, Position)> {
    let document: Document<'_> = serde_json::from_str(text).ok()?;
    let element = document.statement.get();
    let statement = if element.starts_with('[') {
        let statements: Vec<&RawValue> = serde_json::from_str(element).ok()?;
        statements.get(index)?.get()
    } else {
        Some(element).filter(|_| index == 0)?
    };
    let start = (statement.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let last = start + statement.len().checked_sub(1)?;
    Some((place(text, start)?, place(text, last)?))
}

fn place(text: &str, at: usize) -> Option<Position> {
    let before = text.get(..at)?;
    let line = before.matches('\n').count() + 1;
    let row = before.rsplit('\n').next().unwrap_or_default();
    Some(Position {
        line,
        column: row.chars().count() + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"Version\": \"2012-10-17\", \"Statement\": [\n  {\"Effect\": \"Allow\"},\n  {\"Sid\": \"ä\",\n   \"Effect\": \"Deny\"}]}";

    #[test]
    fn the_lines_and_columns_of_statements() {
        let at = |line, column| Position { line, column };
        assert_eq!(of_statement(TEXT, 0), Some((at(2, 3), at(2, 21))));
        assert_eq!(of_statement(TEXT, 1), Some((at(3, 3), at(4, 20))));
        assert_eq!(of_statement(TEXT, 2), None);
        let single = r#"{"Statement": {"Effect": "Deny"}}"#;
        assert_eq!(of_statement(single, 0), Some((at(1, 15), at(1, 32))));
        assert_eq!(of_statement(single, 1), None);
        assert_eq!(of_statement("{", 0), None);
    }
}
