//! The positive relations between a policy's value and a request's value, by definition.

use std::net::IpAddr;

/// The request's condition keys, lower-cased, and whether the document knows variables.
pub struct Reader<'a> {
    pub context: &'a dyn Fn(&str) -> Vec<String>,
    pub variables: bool,
}

/// A character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token {
    Exactly(char),
    One,
    Run,
}

impl Reader<'_> {
    /// The text with its variables filled in; none when one of them has no single value.
    pub fn expand(&self, text: &str, wild: bool) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if self.variables && rest.starts_with("${") {
                let end = rest.find('}').unwrap();
                let inner = &rest[2..end];
                rest = &rest[end + 1..];
                let filled = match inner {
                    "*" | "?" | "$" => inner.to_owned(),
                    _ => self.variable(inner)?,
                };
                tokens.extend(filled.chars().map(Token::Exactly));
                continue;
            }
            tokens.push(match c {
                '*' if wild => Token::Run,
                '?' if wild => Token::One,
                c => Token::Exactly(c),
            });
            rest = &rest[c.len_utf8()..];
        }
        Some(tokens)
    }

    fn variable(&self, inner: &str) -> Option<String> {
        let mut halves = inner.splitn(2, ',');
        let key = halves.next().unwrap().trim().to_lowercase();
        let default = halves
            .next()
            .map(|text| text.trim().trim_matches('\'').to_owned());
        let values = (self.context)(&key);
        match values.len() {
            0 => default,
            1 => Some(values[0].clone()),
            _ => None,
        }
    }

    /// `StringLike` and the last part of ARNs.
    pub fn like(&self, pattern: &str, text: &str) -> bool {
        let tokens = self.expand(pattern, true);
        tokens.is_some_and(|tokens| fits(&tokens, &text.chars().collect::<Vec<_>>()))
    }

    fn equal(&self, wanted: &str, text: &str, fold: bool) -> bool {
        let Some(tokens) = self.expand(wanted, false) else {
            return false;
        };
        let wanted: String = tokens
            .iter()
            .map(|token| match token {
                Token::Exactly(c) => *c,
                other => panic!("{other:?}"),
            })
            .collect();
        wanted == text || (fold && wanted.to_lowercase() == text.to_lowercase())
    }

    /// Part by part; `front` says whether variables mean something in the first five parts.
    pub fn arn(&self, pattern: &str, text: &str, front: bool) -> bool {
        if pattern == "*" {
            return true;
        }
        if front && self.variables && pattern.starts_with("${") {
            return self.like(pattern, text);
        }
        let (pattern, text) = (self.split(pattern), Vec::from_iter(text.splitn(6, ':')));
        if text.len() < 6 || text[0] != "arn" {
            return false;
        }
        (0..6).all(|at| {
            let literal = at < 5 && !front && pattern[at].contains("${");
            !literal && self.like(&pattern[at], text[at])
        })
    }

    /// Splits at five colons, those of variables aside.
    fn split(&self, pattern: &str) -> Vec<String> {
        let mut parts = vec![String::new()];
        let mut depth = 0;
        let mut before = ' ';
        for c in pattern.chars() {
            match c {
                '{' if before == '$' && self.variables => depth += 1,
                '}' if depth > 0 => depth -= 1,
                _ => {}
            }
            before = c;
            match c == ':' && depth == 0 && parts.len() < 6 {
                true => parts.push(String::new()),
                false => parts.last_mut().unwrap().push(c),
            }
        }
        parts
    }

    /// Whether `value` of the policy and `text` of the request stand in the operator's relation.
    pub fn holds(&self, operator: &str, value: &str, text: &str) -> bool {
        let number = |text: &str| text.parse::<f64>().ok();
        let by_order = |left: Option<f64>, right: Option<f64>, name: &str| {
            let (Some(left), Some(right)) = (left, right) else {
                return false;
            };
            match name {
                "Equals" => left == right,
                "LessThan" => left < right,
                "LessThanEquals" => left <= right,
                "GreaterThan" => left > right,
                "GreaterThanEquals" => left >= right,
                other => panic!("{other}"),
            }
        };
        match operator {
            "StringEquals" => self.equal(value, text, false),
            "StringEqualsIgnoreCase" => self.equal(value, text, true),
            "StringLike" => self.like(value, text),
            "ArnEquals" | "ArnLike" => self.arn(value, text, true),
            "Bool" => {
                let truths = ["true", "false"];
                truths.contains(&text.to_lowercase().as_str()) && text.eq_ignore_ascii_case(value)
            }
            "BinaryEquals" => value == text,
            "IpAddress" => within(value, text),
            _ => match (
                operator.strip_prefix("Numeric"),
                operator.strip_prefix("Date"),
            ) {
                (Some(name), _) => by_order(number(text), number(value), name),
                (_, Some(name)) => by_order(seconds(text), seconds(value), name),
                _ => panic!("{operator}"),
            },
        }
    }
}

/// The definition of a glob, by recursion over both texts.
pub fn fits(pattern: &[Token], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((Token::Run, rest)) => {
            fits(rest, text) || (!text.is_empty() && fits(pattern, &text[1..]))
        }
        Some((Token::One, rest)) => !text.is_empty() && fits(rest, &text[1..]),
        Some((Token::Exactly(c), rest)) => text.first() == Some(c) && fits(rest, &text[1..]),
    }
}

/// The instants that the worlds know, and seconds since 1970.
fn seconds(text: &str) -> Option<f64> {
    Some(match text {
        "2020-01-01" | "2020-01-01T00:00:00Z" | "2020-01-01T02:00:00+02:00" | "1577836800" => {
            1_577_836_800.0
        }
        "1577836801" => 1_577_836_801.0,
        "2021-06-01" | "2021-06-01T00:00:00Z" => 1_622_505_600.0,
        _ => return text.parse::<i32>().ok().map(f64::from),
    })
}

/// Bit by bit.
fn within(block: &str, address: &str) -> bool {
    let (base, length) = block.split_once('/').unwrap_or((block, "all"));
    let bits = |text: &str| -> Option<Vec<bool>> {
        let octets = match text.parse().ok()? {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        Some(
            octets
                .iter()
                .flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1 == 1))
                .collect(),
        )
    };
    let (Some(base), Some(address)) = (bits(base), bits(address)) else {
        return false;
    };
    let length = length.parse().unwrap_or(base.len());
    base.len() == address.len() && base[..length] == address[..length]
}
