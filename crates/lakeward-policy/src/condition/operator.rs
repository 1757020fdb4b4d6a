//! The names of condition operators.

use std::cmp::Ordering;

use super::ConditionError;

/// The parts of an operator's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(super) quantifier: Quantifier,
    pub(super) comparison: Comparison,
    pub(super) inverted: bool,
    pub(super) if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    One,
    All,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Text,
    TextIgnoreCase,
    Like,
    Arn,
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    Ip,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    pub fn parse(name: &str) -> Result<Operator, ConditionError> {
        let unknown = || ConditionError::Operator(name.to_owned());
        let (quantifier, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            Some(_) => return Err(unknown()),
            None => (Quantifier::One, name),
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let (comparison, inverted) = comparison(base).ok_or_else(unknown)?;
        if comparison == Comparison::Null && if_exists {
            return Err(unknown());
        }
        Ok(Operator {
            quantifier,
            comparison,
            inverted,
            if_exists,
        })
    }
}

fn comparison(base: &str) -> Option<(Comparison, bool)> {
    use Order::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    Some(match base {
        "StringEquals" => (Comparison::Text, false),
        "StringNotEquals" => (Comparison::Text, true),
        "StringEqualsIgnoreCase" => (Comparison::TextIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Comparison::TextIgnoreCase, true),
        "StringLike" => (Comparison::Like, false),
        "StringNotLike" => (Comparison::Like, true),
        "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
        "NumericEquals" => (Comparison::Number(Equal), false),
        "NumericNotEquals" => (Comparison::Number(Equal), true),
        "NumericLessThan" => (Comparison::Number(Less), false),
        "NumericLessThanEquals" => (Comparison::Number(LessOrEqual), false),
        "NumericGreaterThan" => (Comparison::Number(Greater), false),
        "NumericGreaterThanEquals" => (Comparison::Number(GreaterOrEqual), false),
        "DateEquals" => (Comparison::Date(Equal), false),
        "DateNotEquals" => (Comparison::Date(Equal), true),
        "DateLessThan" => (Comparison::Date(Less), false),
        "DateLessThanEquals" => (Comparison::Date(LessOrEqual), false),
        "DateGreaterThan" => (Comparison::Date(Greater), false),
        "DateGreaterThanEquals" => (Comparison::Date(GreaterOrEqual), false),
        "Bool" => (Comparison::Bool, false),
        "BinaryEquals" => (Comparison::Binary, false),
        "IpAddress" => (Comparison::Ip, false),
        "NotIpAddress" => (Comparison::Ip, true),
        "Null" => (Comparison::Null, false),
        _ => return None,
    })
}

impl Order {
    pub(super) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Order::Equal => ordering.is_eq(),
            Order::Less => ordering.is_lt(),
            Order::LessOrEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterOrEqual => ordering.is_ge(),
        }
    }
}
