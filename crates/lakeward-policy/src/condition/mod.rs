//! Condition operators.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Single-valued vs.
//! multivalued context keys". With a missing key a plain operator is false, an inverted one true,
//! `…IfExists` true, `ForAllValues:` true and `ForAnyValue:` false.

mod operands;
mod operator;

use crate::context::Context;
use crate::variables::Syntax;
use operands::Operands;
pub(crate) use operator::Operator;
use operator::Quantifier;

/// One operator applied to one key.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    operator: Operator,
    /// Lower-cased.
    pub key: Box<str>,
    operands: Operands,
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
        let operands = Operands::parse(operator.comparison, name, values, syntax)?;
        Ok(Condition {
            operator,
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
            return match quantifier {
                Quantifier::One => expected.contains(&values.is_empty()),
                // Source: IAM User Guide, "Access Analyzer policy check reference", "Null with qualifier".
                Quantifier::All => true,
                Quantifier::Any => false,
            };
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
            ("NumericLessThan", vec!["10"], "10.0", false),
            ("NumericLessThanEquals", vec!["10"], "10.01", false),
            ("NumericGreaterThan", vec!["10"], "10", false),
            ("NumericGreaterThan", vec!["10"], "10.5", true),
            ("NumericGreaterThanEquals", vec!["10"], "9.99", false),
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
    }

    #[test]
    fn a_list_without_values_matches_nothing() {
        for (operator, present, missing) in [
            ("StringEquals", false, false),
            ("StringNotEquals", true, true),
            ("StringEqualsIfExists", false, true),
            ("ForAllValues:StringEquals", false, true),
            ("ForAnyValue:StringEquals", false, false),
            ("NumericLessThan", false, false),
            ("Null", false, false),
        ] {
            assert_eq!(holds(operator, &[], &["x"]), present, "{operator}");
            assert_eq!(holds(operator, &[], &[]), missing, "{operator}");
        }
    }

    #[test]
    fn null_with_a_set_operator_is_always_the_same() {
        for request in [&["x"][..], &[]] {
            for policy in ["true", "false"] {
                assert!(holds("ForAllValues:Null", &[policy], request));
                assert!(!holds("ForAnyValue:Null", &[policy], request));
            }
        }
    }
}
