//! The row-filter grammar: the part of PartiQL that Lake Formation documents for data cells filters.
//!
//! ```text
//! filter    := TRUE | any
//! any       := all (OR all)*
//! all       := term (AND term)*
//! term      := NOT term | '(' any ')' | condition
//! condition := column (= | <> | != | < | <= | > | >=) literal
//!            | column [NOT] BETWEEN literal AND literal
//!            | column [NOT] IN '(' literal (, literal)* ')'
//!            | column [NOT] LIKE 'pattern'
//!            | column IS [NOT] NULL
//! ```
//!
//! A literal has its column's type; columns aren't compared with columns and there are no functions.
//! Nested columns and dates, which the grammar's page leaves open, are refused.

mod lexer;
mod literal;

use crate::model::{Column, TableSchema, same_name};
use crate::predicate::{CompareOp, Literal, Predicate};
use lexer::{Token, TokenKind, tokens};
use literal::ColumnType;

/// The longest filter text that Lake Formation takes, in characters.
pub const MAX_FILTER_CHARS: usize = 2048;

/// How deep parentheses and NOT may nest.
const MAX_DEPTH: usize = 64;

/// Column names that Lake Formation bars from row filters.
const BARRED_COLUMNS: [&str; 11] = [
    "ctid",
    "oid",
    "xmin",
    "cmin",
    "xmax",
    "cmax",
    "tableoid",
    "insertxid",
    "deletexid",
    "importoid",
    "redcatuniqueid",
];

/// A row filter that can't be applied to its table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row filter, character {position}: {message}")]
pub struct RowFilterError {
    /// Where, counting characters from 1.
    pub position: usize,
    /// What is wrong and what would fix it.
    pub message: String,
}

impl RowFilterError {
    fn at(position: usize, message: impl Into<String>) -> Self {
        Self {
            position,
            message: message.into(),
        }
    }
}

/// Parses a row filter against the table that it is for.
///
/// The predicate's column names are lower case. The text `TRUE` alone is the predicate that every row
/// passes.
///
/// # Errors
/// The text is longer than [`MAX_FILTER_CHARS`], isn't in the grammar, or doesn't fit the schema.
pub fn parse_row_filter(text: &str, schema: &TableSchema) -> Result<Predicate, RowFilterError> {
    if text.chars().nth(MAX_FILTER_CHARS).is_some() {
        let message = format!("the filter is longer than {MAX_FILTER_CHARS} characters");
        return Err(RowFilterError::at(MAX_FILTER_CHARS + 1, message));
    }
    let tokens = tokens(text)?;
    if let [only] = tokens.as_slice()
        && only.is_keyword("TRUE")
        && schema.column("true").is_none()
    {
        return Ok(Predicate::always());
    }
    let mut parser = Parser {
        end: text.chars().count() + 1,
        tokens: &tokens,
        next: 0,
        schema,
    };
    let predicate = parser.any(0)?;
    match parser.peek() {
        None => Ok(predicate),
        Some(token) => Err(RowFilterError::at(
            token.position,
            format!(
                "{} doesn't belong here; join conditions with AND or OR",
                token.kind
            ),
        )),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
    end: usize,
    schema: &'a TableSchema,
}

/// The column on the left of a condition.
struct Subject {
    name: String,
    column_type: ColumnType,
    is_partition_key: bool,
}

impl Subject {
    fn condition(&self, make: impl FnOnce(String) -> Predicate) -> Predicate {
        make(self.name.clone())
    }
}

impl<'a> Parser<'a> {
    fn any(&mut self, depth: usize) -> Result<Predicate, RowFilterError> {
        let first = self.all(depth)?;
        let mut parts = vec![first];
        while self.take_keyword("OR") {
            parts.push(self.all(depth)?);
        }
        Ok(joined(parts, Predicate::Or))
    }

    fn all(&mut self, depth: usize) -> Result<Predicate, RowFilterError> {
        let first = self.term(depth)?;
        let mut parts = vec![first];
        while self.take_keyword("AND") {
            parts.push(self.term(depth)?);
        }
        Ok(joined(parts, Predicate::And))
    }

    fn term(&mut self, depth: usize) -> Result<Predicate, RowFilterError> {
        if depth > MAX_DEPTH {
            let message = format!("parentheses and NOT nest deeper than {MAX_DEPTH}");
            return Err(RowFilterError::at(self.position(), message));
        }
        if self.take_keyword("NOT") {
            return Ok(not(self.term(depth + 1)?));
        }
        if self.take(&TokenKind::Open) {
            let inner = self.any(depth + 1)?;
            self.require(&TokenKind::Close)?;
            return Ok(inner);
        }
        self.condition()
    }

    fn condition(&mut self) -> Result<Predicate, RowFilterError> {
        let subject = self.subject()?;
        let position = self.position();
        if self.take_keyword("IS") {
            return self.null_test(&subject, position);
        }
        if self.take_keyword("NOT") {
            return self.word_condition(&subject).map(not);
        }
        match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Operator(op)) => {
                let op = *op;
                self.next += 1;
                self.comparison(&subject, op, position)
            }
            Some(TokenKind::Open) => Err(RowFilterError::at(
                position,
                "functions can't be used in a row filter",
            )),
            _ => self.word_condition(&subject),
        }
    }

    fn subject(&mut self) -> Result<Subject, RowFilterError> {
        let position = self.position();
        let name = match self.advance().map(|token| &token.kind) {
            Some(TokenKind::Word(name)) => {
                if self.peek().is_some_and(|next| next.kind == TokenKind::Open) {
                    let message = format!("functions such as `{name}` can't be used");
                    return Err(RowFilterError::at(position, message));
                }
                name
            }
            Some(TokenKind::Quoted(name)) => name,
            Some(other) => {
                let message = format!("a column name is expected here, not {other}");
                return Err(RowFilterError::at(position, message));
            }
            None => {
                return Err(RowFilterError::at(position, "a condition is missing here"));
            }
        };
        if self.peek().is_some_and(|next| next.kind == TokenKind::Dot) {
            let message = format!("fields inside `{name}` can't be used; use top-level columns");
            return Err(RowFilterError::at(position, message));
        }
        let column = self.column(name, position)?;
        let column_type = ColumnType::parse(&column.data_type).ok_or_else(|| {
            let message = format!(
                "column `{name}` has type `{}`, which a row filter can't use",
                column.data_type
            );
            RowFilterError::at(position, message)
        })?;
        Ok(Subject {
            name: column.name.to_lowercase(),
            column_type,
            is_partition_key: self.schema.is_partition_key(name),
        })
    }

    fn column(&self, name: &str, position: usize) -> Result<&'a Column, RowFilterError> {
        if BARRED_COLUMNS.iter().any(|barred| same_name(barred, name)) {
            let message = format!("column `{name}` can't be used in a row filter");
            return Err(RowFilterError::at(position, message));
        }
        self.schema.column(name).ok_or_else(|| {
            RowFilterError::at(position, format!("the table has no column `{name}`"))
        })
    }

    fn null_test(
        &mut self,
        subject: &Subject,
        position: usize,
    ) -> Result<Predicate, RowFilterError> {
        let negated = self.take_keyword("NOT");
        self.require_keyword("NULL")?;
        if subject.is_partition_key {
            let message = format!("`{}` is a partition key, which is never NULL", subject.name);
            return Err(RowFilterError::at(position, message));
        }
        let test = subject.condition(|column| Predicate::IsNull { column });
        Ok(if negated { not(test) } else { test })
    }

    fn comparison(
        &mut self,
        subject: &Subject,
        op: CompareOp,
        position: usize,
    ) -> Result<Predicate, RowFilterError> {
        if !matches!(op, CompareOp::Eq | CompareOp::NotEq) {
            require_order(subject, position)?;
        }
        let value = self.literal(subject)?;
        Ok(subject.condition(|column| Predicate::Compare { column, op, value }))
    }

    /// BETWEEN, IN and LIKE.
    fn word_condition(&mut self, subject: &Subject) -> Result<Predicate, RowFilterError> {
        let position = self.position();
        if self.take_keyword("BETWEEN") {
            require_order(subject, position)?;
            let low = self.literal(subject)?;
            self.require_keyword("AND")?;
            let high = self.literal(subject)?;
            return Ok(subject.condition(|column| Predicate::Between { column, low, high }));
        }
        if self.take_keyword("IN") {
            let values = self.literals(subject)?;
            return Ok(subject.condition(|column| Predicate::In { column, values }));
        }
        if self.take_keyword("LIKE") {
            return self.like(subject, position);
        }
        let message = format!(
            "an operator is expected after column `{}`: =, <>, !=, <, <=, >, >=, BETWEEN, IN, LIKE or IS",
            subject.name
        );
        Err(RowFilterError::at(position, message))
    }

    fn literals(&mut self, subject: &Subject) -> Result<Vec<Literal>, RowFilterError> {
        self.require(&TokenKind::Open)?;
        let mut values = vec![self.literal(subject)?];
        while self.take(&TokenKind::Comma) {
            values.push(self.literal(subject)?);
        }
        self.require(&TokenKind::Close)?;
        Ok(values)
    }

    fn like(&mut self, subject: &Subject, position: usize) -> Result<Predicate, RowFilterError> {
        if subject.column_type != ColumnType::Text {
            let message = format!("LIKE needs a text column, and `{}` isn't one", subject.name);
            return Err(RowFilterError::at(position, message));
        }
        let pattern_position = self.position();
        let Literal::String(pattern) = self.literal(subject)? else {
            return Err(RowFilterError::at(
                pattern_position,
                "LIKE needs a pattern in single quotes",
            ));
        };
        Ok(subject.condition(|column| Predicate::Like { column, pattern }))
    }

    fn literal(&mut self, subject: &Subject) -> Result<Literal, RowFilterError> {
        let position = self.position();
        let Some(token) = self.advance() else {
            return Err(RowFilterError::at(position, "a value is missing here"));
        };
        let calls = self.peek().is_some_and(|next| next.kind == TokenKind::Open);
        literal::of_type(&token.kind, subject.column_type, &subject.name, calls)
            .map_err(|message| RowFilterError::at(position, message))
    }

    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.next)
    }

    fn advance(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.next);
        self.next += 1;
        token
    }

    fn position(&self) -> usize {
        self.peek().map_or(self.end, |token| token.position)
    }

    fn take(&mut self, kind: &TokenKind) -> bool {
        let taken = self.peek().is_some_and(|token| token.kind == *kind);
        self.next += usize::from(taken);
        taken
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let taken = self.peek().is_some_and(|token| token.is_keyword(keyword));
        self.next += usize::from(taken);
        taken
    }

    fn require(&mut self, kind: &TokenKind) -> Result<(), RowFilterError> {
        let position = self.position();
        if self.take(kind) {
            return Ok(());
        }
        Err(RowFilterError::at(
            position,
            format!("{kind} is missing here"),
        ))
    }

    fn require_keyword(&mut self, keyword: &str) -> Result<(), RowFilterError> {
        let position = self.position();
        if self.take_keyword(keyword) {
            return Ok(());
        }
        Err(RowFilterError::at(
            position,
            format!("{keyword} is missing here"),
        ))
    }
}

fn require_order(subject: &Subject, position: usize) -> Result<(), RowFilterError> {
    if subject.column_type != ColumnType::Boolean {
        return Ok(());
    }
    let message = format!(
        "boolean column `{}` has no order; use = or <>",
        subject.name
    );
    Err(RowFilterError::at(position, message))
}

fn not(predicate: Predicate) -> Predicate {
    Predicate::Not(Box::new(predicate))
}

fn joined(mut parts: Vec<Predicate>, join: impl FnOnce(Vec<Predicate>) -> Predicate) -> Predicate {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}

#[cfg(test)]
mod tests;
