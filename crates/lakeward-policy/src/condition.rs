//! Condition operators.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Single-valued vs.
//! multivalued context keys". With a missing key a plain operator is false, an inverted one true,
//! `…IfExists` true, `ForAllValues:` true and `ForAnyValue:` false.

use std::cmp::Ordering;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::arn::{ArnPattern, ArnText};
use crate::context::Context;
use crate::operand::{self, Decimal};
use crate::pattern::{Template, Wildcards};
use crate::variables::Syntax;

/// One operator applied to one key.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    operator: Operator,
    /// As written, for explanations.
    pub name: Box<str>,
    /// Lower-cased.
    pub key: Box<str>,
    operands: Operands,
}

/// The parts of an operator's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    quantifier: Quantifier,
    comparison: Comparison,
    inverted: bool,
    if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    One,
    All,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
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
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The values of the policy, compiled for their operator; any one of them may match.
#[derive(Clone, Debug)]
enum Operands {
    Text(Box<[Template]>),
    Folded(Box<[Template]>),
    Arns(Box<[ArnPattern]>),
    Numbers(Order, Box<[Decimal]>),
    Dates(Order, Box<[Timestamp]>),
    Bools(Box<[bool]>),
    Binary(Box<[Box<str>]>),
    Networks(Box<[IpNet]>),
    Null(Box<[bool]>),
}

/// Why a condition cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConditionError {
    #[error("unknown condition operator {0:?}")]
    Operator(String),
    #[error("{0:?} is not a condition key: expected a name such as aws:SourceIp")]
    Key(String),
    #[error("condition operator {operator} needs {expected}, not {value:?}")]
    Value {
        operator: String,
        expected: &'static str,
        value: String,
    },
    #[error("condition operator {operator} on {key} has no value")]
    NoValue { operator: String, key: String },
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
        if comparison == Comparison::Null && (if_exists || quantifier != Quantifier::One) {
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

impl Condition {
    pub fn parse(
        name: &str,
        key: &str,
        values: &[String],
        syntax: Syntax,
    ) -> Result<Condition, ConditionError> {
        let operator = Operator::parse(name)?;
        let named = key
            .split_once(':')
            .is_some_and(|(vendor, rest)| !vendor.is_empty() && !rest.is_empty());
        if !named {
            return Err(ConditionError::Key(key.to_owned()));
        }
        if values.is_empty() {
            return Err(ConditionError::NoValue {
                operator: name.to_owned(),
                key: key.to_owned(),
            });
        }
        let operands = Operands::parse(operator.comparison, name, values, syntax)?;
        Ok(Condition {
            operator,
            name: name.into(),
            key: key.to_lowercase().into(),
            operands,
        })
    }

    /// Whether the request meets the condition.
    pub fn holds(&self, context: &Context) -> bool {
        let Operator {
            quantifier,
            inverted,
            if_exists,
            ..
        } = self.operator;
        let values = context.folded(&self.key).unwrap_or_default();
        if let Operands::Null(expected) = &self.operands {
            return expected.contains(&values.is_empty());
        }
        let fits = |value: &String| self.operands.fit(value, context) != inverted;
        match (quantifier, values) {
            (Quantifier::All, []) => true,
            (Quantifier::Any, []) => if_exists,
            (Quantifier::One, []) => inverted || if_exists,
            (Quantifier::All, values) => values.iter().all(fits),
            (Quantifier::Any, values) => values.iter().any(fits),
            (Quantifier::One, [value]) => fits(value),
            // Several values need a set operator; without one AWS documents no match.
            (Quantifier::One, _) => false,
        }
    }
}

impl Operands {
    fn parse(
        comparison: Comparison,
        operator: &str,
        values: &[String],
        syntax: Syntax,
    ) -> Result<Operands, ConditionError> {
        let reader = Reader { operator, values };
        let text = |wildcards| move |value: &str| Template::parse(value, wildcards, syntax).ok();
        Ok(match comparison {
            Comparison::Text => Operands::Text(reader.read("text", text(Wildcards::Literal))?),
            Comparison::Like => {
                Operands::Text(reader.read("a text pattern", text(Wildcards::Active))?)
            }
            Comparison::TextIgnoreCase => {
                let folded = |value: &str| text(Wildcards::Literal)(&value.to_lowercase());
                Operands::Folded(reader.read("text", folded)?)
            }
            Comparison::Arn => Operands::Arns(reader.read("an ARN pattern or *", |value| {
                ArnPattern::parse(value, syntax).ok()
            })?),
            Comparison::Number(order) => {
                Operands::Numbers(order, reader.read("a decimal number", Decimal::parse)?)
            }
            Comparison::Date(order) => Operands::Dates(
                order,
                reader.read("an ISO 8601 date or epoch seconds", operand::instant)?,
            ),
            Comparison::Bool => Operands::Bools(reader.read("true or false", operand::truth)?),
            Comparison::Null => Operands::Null(reader.read("true or false", operand::truth)?),
            Comparison::Binary => {
                Operands::Binary(reader.read("base64 text", |value| Some(value.into()))?)
            }
            Comparison::Ip => {
                Operands::Networks(reader.read("an IP address or CIDR block", operand::network)?)
            }
        })
    }

    /// Whether the request's value fits one of the operands, inversion aside.
    fn fit(&self, value: &str, context: &Context) -> bool {
        match self {
            Operands::Text(templates) => templates
                .iter()
                .any(|template| template.matches(value, context)),
            Operands::Folded(templates) => {
                let value = value.to_lowercase();
                templates
                    .iter()
                    .any(|template| template.matches_folded(&value, context))
            }
            Operands::Arns(patterns) => {
                let arn = ArnText::new(value);
                patterns
                    .iter()
                    .any(|pattern| pattern.matches(&arn, context))
            }
            Operands::Numbers(order, numbers) => Decimal::parse(value)
                .is_some_and(|value| numbers.iter().any(|number| order.holds(value.cmp(number)))),
            Operands::Dates(order, dates) => operand::instant(value)
                .is_some_and(|value| dates.iter().any(|date| order.holds(value.cmp(date)))),
            Operands::Bools(bools) => {
                operand::truth(value).is_some_and(|value| bools.contains(&value))
            }
            Operands::Binary(texts) => texts.iter().any(|text| **text == *value),
            Operands::Networks(networks) => operand::address(value)
                .is_some_and(|address| networks.iter().any(|network| network.contains(&address))),
            Operands::Null(_) => false,
        }
    }
}

/// Compiles every value of an operator or names the first that does not fit.
struct Reader<'a> {
    operator: &'a str,
    values: &'a [String],
}

impl Reader<'_> {
    fn read<T>(
        &self,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Box<[T]>, ConditionError> {
        let refuse = |value: &String| ConditionError::Value {
            operator: self.operator.to_owned(),
            expected,
            value: value.clone(),
        };
        self.values
            .iter()
            .map(|value| parse(value).ok_or_else(|| refuse(value)))
            .collect()
    }
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Order::Equal => ordering.is_eq(),
            Order::Less => ordering.is_lt(),
            Order::LessOrEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(operator: &str, key: &str, values: &[&str]) -> Condition {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        Condition::parse(operator, key, &values, Syntax::Variables).unwrap()
    }

    /// One key `aws:k` with these values, and `aws:username` = `ana`.
    fn holds(operator: &str, policy: &[&str], request: &[&str]) -> bool {
        let values = request.iter().map(|value| (*value).to_owned());
        let context = Context::new()
            .with("aws:username", "ana")
            .with_all("aws:k", values);
        condition(operator, "aws:K", policy).holds(&context)
    }

    #[test]
    fn every_operator_on_a_single_value() {
        let role = "arn:aws:iam::111122223333:role/emr-modeling-a";
        for (operator, policy, request, expected) in [
            ("StringEquals", vec!["a", "b"], "b", true),
            ("StringEquals", vec!["a*"], "ab", false),
            ("StringEquals", vec!["${aws:username}"], "ana", true),
            ("StringEquals", vec!["A"], "a", false),
            ("StringNotEquals", vec!["a", "b"], "b", false),
            ("StringNotEquals", vec!["a", "b"], "c", true),
            ("StringEqualsIgnoreCase", vec!["ÄB"], "äb", true),
            (
                "StringEqualsIgnoreCase",
                vec!["${aws:username}"],
                "ANA",
                true,
            ),
            ("StringNotEqualsIgnoreCase", vec!["A"], "a", false),
            ("StringLike", vec!["*modeling*"], "a-modeling-b", true),
            ("StringLike", vec!["a?"], "a", false),
            ("StringNotLike", vec!["a*"], "b", true),
            ("ArnLike", vec!["arn:aws:iam::*:role/emr-*"], role, true),
            (
                "ArnEquals",
                vec!["arn:aws:iam::111122223333:role/emr-*"],
                role,
                true,
            ),
            (
                "ArnLike",
                vec!["arn:aws:iam*:role/emr-modeling-a:a:b"],
                role,
                false,
            ),
            ("ArnNotLike", vec!["arn:aws:iam::*:role/x*"], role, true),
            ("ArnNotEquals", vec!["arn:aws:iam::*:role/*"], role, false),
            (
                "StringLike",
                vec!["arn:aws:iam::111122223333:role/emr-*"],
                role,
                true,
            ),
            ("NumericEquals", vec!["10"], "10.0", true),
            ("NumericNotEquals", vec!["10"], "10.0", false),
            ("NumericLessThan", vec!["10"], "9", true),
            ("NumericLessThanEquals", vec!["10"], "10", true),
            ("NumericGreaterThan", vec!["10"], "9", false),
            ("NumericGreaterThanEquals", vec!["10"], "11", true),
            ("NumericEquals", vec!["10"], "ten", false),
            (
                "DateLessThan",
                vec!["2020-01-01T00:00:00Z"],
                "2019-12-31T23:59:59Z",
                true,
            ),
            (
                "DateGreaterThanEquals",
                vec!["2020-01-01"],
                "1577836800",
                true,
            ),
            (
                "DateEquals",
                vec!["2020-01-01"],
                "2020-01-01T00:00:01Z",
                false,
            ),
            (
                "DateNotEquals",
                vec!["2020-01-01"],
                "2020-01-01T00:00:01Z",
                true,
            ),
            ("DateLessThanEquals", vec!["2020-01-01"], "2020-01-01", true),
            ("DateGreaterThan", vec!["2020-01-01"], "2020-01-01", false),
            ("Bool", vec!["TRUE"], "true", true),
            ("Bool", vec!["false"], "true", false),
            ("BinaryEquals", vec!["QmluYXJ5"], "QmluYXJ5", true),
            ("BinaryEquals", vec!["QmluYXJ5"], "qmluYXJ5", false),
            ("IpAddress", vec!["203.0.113.0/24"], "203.0.113.7", true),
            (
                "NotIpAddress",
                vec!["203.0.113.0/24", "10.0.0.0/8"],
                "10.1.1.1",
                false,
            ),
            ("IpAddress", vec!["203.0.113.0/24"], "not an address", false),
            ("Null", vec!["false"], "x", true),
            ("Null", vec!["true"], "x", false),
        ] {
            assert_eq!(
                holds(operator, &policy, &[request]),
                expected,
                "{operator} {policy:?} {request}"
            );
        }
    }

    #[test]
    fn a_missing_key() {
        for (operator, expected) in [
            ("StringEquals", false),
            ("StringNotEquals", true),
            ("StringEqualsIfExists", true),
            ("StringNotEqualsIfExists", true),
            ("ForAllValues:StringEquals", true),
            ("ForAllValues:StringNotEquals", true),
            ("ForAnyValue:StringEquals", false),
            ("ForAnyValue:StringNotEquals", false),
            ("ForAnyValue:StringEqualsIfExists", true),
        ] {
            assert_eq!(holds(operator, &["x"], &[]), expected, "{operator}");
        }
        assert!(holds("Null", &["true"], &[]));
        assert!(!holds("Null", &["false"], &[]));
        assert!(!holds("Bool", &["false"], &[]));
        assert!(holds("NotIpAddress", &["10.0.0.0/8"], &[]));
    }

    #[test]
    fn several_values_need_a_set_operator() {
        assert!(!holds("StringEquals", &["a", "b"], &["a", "b"]));
        assert!(!holds("StringNotEquals", &["c"], &["a", "b"]));
        assert!(holds("ForAllValues:StringEquals", &["a", "b"], &["b", "a"]));
        assert!(!holds(
            "ForAllValues:StringEquals",
            &["a", "b"],
            &["b", "c"]
        ));
        assert!(holds("ForAllValues:StringNotEquals", &["c"], &["a", "b"]));
        assert!(!holds("ForAllValues:StringNotEquals", &["a"], &["a", "b"]));
        assert!(holds("ForAnyValue:StringLike", &["a*"], &["x", "ab"]));
        assert!(!holds("ForAnyValue:StringLike", &["a*"], &["x"]));
        assert!(holds("ForAnyValue:StringNotEquals", &["a"], &["a", "b"]));
    }

    #[test]
    fn a_variable_without_a_value() {
        assert!(!holds("StringEquals", &["${aws:userid}"], &["x"]));
        assert!(holds("StringEquals", &["${aws:userid}", "x"], &["x"]));
        assert!(holds("StringNotEquals", &["${aws:userid}"], &["x"]));
        assert!(holds("StringEquals", &["${aws:userid, 'x'}"], &["x"]));
    }

    #[test]
    fn tag_keys_ignore_case() {
        let context = Context::new().with("aws:ResourceTag/tagkey1", "v");
        assert!(condition("StringEquals", "aws:ResourceTag/TagKey1", &["v"]).holds(&context));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let parse = |operator: &str, key: &str, value: &str| {
            Condition::parse(operator, key, &[value.to_owned()], Syntax::Variables)
        };
        for (operator, value) in [
            ("StringMatches", "x"),
            ("stringequals", "x"),
            ("ForSomeValues:StringEquals", "x"),
            ("NullIfExists", "true"),
            ("ForAnyValue:Null", "true"),
            ("StringEqualsIfExistsIfExists", "x"),
            ("NumericEquals", "ten"),
            ("DateEquals", "tomorrow"),
            ("Bool", "yes"),
            ("IpAddress", "10.0.0.0/99"),
            ("ArnLike", "role/*"),
            ("StringEquals", "${aws:username"),
        ] {
            assert!(
                parse(operator, "aws:k", value).is_err(),
                "{operator} {value}"
            );
        }
        assert!(parse("StringEquals", "username", "x").is_err());
        assert!(Condition::parse("StringEquals", "aws:k", &[], Syntax::Variables).is_err());
    }
}
