//! Row-filter text into tokens.

use std::fmt;
use std::iter::Peekable;

use super::RowFilterError;
use crate::predicate::CompareOp;

/// A token and where it begins, counting characters from 1.
#[derive(Debug)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub position: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A bare word: a keyword or a column.
    Word(String),
    /// A column in double quotes.
    Quoted(String),
    /// Text in single quotes.
    Text(String),
    /// A number in canonical decimal text.
    Number(String),
    Operator(CompareOp),
    Open,
    Close,
    Comma,
    Dot,
}

impl Token {
    pub fn is_keyword(&self, keyword: &str) -> bool {
        matches!(&self.kind, TokenKind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "`{word}`"),
            Self::Quoted(name) => write!(f, "`\"{name}\"`"),
            Self::Text(text) => write!(f, "`'{text}'`"),
            Self::Number(number) => write!(f, "`{number}`"),
            Self::Operator(op) => write!(f, "`{}`", op.symbol()),
            Self::Open => f.write_str("`(`"),
            Self::Close => f.write_str("`)`"),
            Self::Comma => f.write_str("`,`"),
            Self::Dot => f.write_str("`.`"),
        }
    }
}

type Characters<'a> = Peekable<std::iter::Zip<std::ops::RangeFrom<usize>, std::str::Chars<'a>>>;

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, RowFilterError> {
    let mut rest: Characters<'_> = (1..).zip(text.chars()).peekable();
    let mut tokens = Vec::new();
    while let Some((position, first)) = rest.next() {
        if first.is_whitespace() {
            continue;
        }
        let kind = token(first, position, &mut rest)?;
        tokens.push(Token { kind, position });
    }
    Ok(tokens)
}

fn token(
    first: char,
    position: usize,
    rest: &mut Characters<'_>,
) -> Result<TokenKind, RowFilterError> {
    let starts_fraction = first == '.' && next_is(rest, |c| c.is_ascii_digit());
    match first {
        '(' => Ok(TokenKind::Open),
        ')' => Ok(TokenKind::Close),
        ',' => Ok(TokenKind::Comma),
        '.' if !starts_fraction => Ok(TokenKind::Dot),
        '=' | '<' | '>' | '!' => operator(first, position, rest),
        '\'' => quoted('\'', position, rest).map(TokenKind::Text),
        '"' => quoted('"', position, rest).map(TokenKind::Quoted),
        '0'..='9' | '.' | '-' | '+' => number(first, position, rest),
        c if c.is_alphabetic() || c == '_' => Ok(word(first, rest)),
        other => Err(RowFilterError::at(
            position,
            format!("the character `{other}` isn't part of the grammar"),
        )),
    }
}

fn next_is(rest: &mut Characters<'_>, accept: impl FnOnce(char) -> bool) -> bool {
    rest.peek().is_some_and(|(_, c)| accept(*c))
}

fn take_while(into: &mut String, rest: &mut Characters<'_>, accept: impl Fn(char) -> bool) {
    while let Some((_, c)) = rest.next_if(|(_, c)| accept(*c)) {
        into.push(c);
    }
}

fn word(first: char, rest: &mut Characters<'_>) -> TokenKind {
    let mut word = String::from(first);
    take_while(&mut word, rest, |c| {
        c.is_alphanumeric() || c == '_' || c == '$'
    });
    TokenKind::Word(word)
}

fn operator(
    first: char,
    position: usize,
    rest: &mut Characters<'_>,
) -> Result<TokenKind, RowFilterError> {
    let second = rest.next_if(|(_, c)| {
        matches!(
            (first, *c),
            ('<', '=') | ('<', '>') | ('>', '=') | ('!', '=')
        )
    });
    let op = match (first, second.map(|(_, c)| c)) {
        ('=', _) => CompareOp::Eq,
        ('<', None) => CompareOp::Lt,
        ('<', Some('=')) => CompareOp::LtEq,
        ('>', None) => CompareOp::Gt,
        ('>', Some(_)) => CompareOp::GtEq,
        ('<' | '!', Some(_)) => CompareOp::NotEq,
        _ => {
            let message = format!("`{first}` isn't an operator; for unequal use <> or !=");
            return Err(RowFilterError::at(position, message));
        }
    };
    Ok(TokenKind::Operator(op))
}

/// The text up to the closing quote; a doubled quote stands for one.
fn quoted(
    quote: char,
    position: usize,
    rest: &mut Characters<'_>,
) -> Result<String, RowFilterError> {
    let mut text = String::new();
    while let Some((_, c)) = rest.next() {
        let doubled = c == quote && rest.next_if(|(_, next)| *next == quote).is_some();
        if c == quote && !doubled {
            return Ok(text);
        }
        text.push(c);
    }
    Err(RowFilterError::at(
        position,
        format!("the closing {quote} is missing"),
    ))
}

fn number(
    first: char,
    position: usize,
    rest: &mut Characters<'_>,
) -> Result<TokenKind, RowFilterError> {
    let mut digits = String::new();
    if !matches!(first, '-' | '+') {
        digits.push(first);
    }
    take_while(&mut digits, rest, |c| c.is_ascii_digit() || c == '.');
    if next_is(rest, |c| c.is_alphanumeric() || c == '_') {
        let message = "numbers are written with digits and one point, without an exponent";
        return Err(RowFilterError::at(position, message));
    }
    canonical_number(first == '-', &digits)
        .map(TokenKind::Number)
        .ok_or_else(|| RowFilterError::at(position, "this isn't a number"))
}

fn canonical_number(negative: bool, digits: &str) -> Option<String> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if negative && (whole, fraction) != ("0", "") {
        "-"
    } else {
        ""
    };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}
