//! Operators that don't fit their keys, and keys that the statement's actions never carry.

use lakeward_policy::{StatementEffect, StatementSummary, WrittenCondition};
use lakeward_vocabulary::{ConditionKey, KeyKind, actions_matching, condition_key};

use super::{Remarks, Severity};

pub(super) fn check(statement: &StatementSummary<'_>, remarks: &mut Remarks<'_>) {
    for condition in &statement.written.conditions {
        check_sense(condition, remarks);
        let Some(key) = condition_key(&condition.key) else {
            continue;
        };
        let operator = Operator::of(&condition.operator);
        check_type(&operator, condition, key, remarks);
        check_quantifier(&operator, statement, condition, key, remarks);
        check_carried(statement, condition, remarks);
    }
}

/// An operator's name, taken apart.
struct Operator<'a> {
    quantifier: Option<&'a str>,
    base: &'a str,
}

impl<'a> Operator<'a> {
    fn of(text: &'a str) -> Operator<'a> {
        let (quantifier, rest) = match text.split_once(':') {
            Some((quantifier, rest)) => (Some(quantifier), rest),
            None => (None, text),
        };
        let base = rest.strip_suffix("IfExists").unwrap_or(rest);
        Operator { quantifier, base }
    }

    /// The kinds of keys that the operator is made for. String operators see an ARN's text.
    fn fits(&self, key: &ConditionKey) -> bool {
        let kind = key.kind;
        match self.base {
            base if base.starts_with("String") => matches!(kind, KeyKind::String | KeyKind::Arn),
            base if base.starts_with("Arn") => kind == KeyKind::Arn,
            base if base.starts_with("Numeric") => {
                kind == KeyKind::Numeric || key.name.eq_ignore_ascii_case("aws:EpochTime")
            }
            base if base.starts_with("Date") => kind == KeyKind::Date,
            "Bool" => kind == KeyKind::Bool,
            "IpAddress" | "NotIpAddress" => kind == KeyKind::IpAddress,
            "BinaryEquals" => kind == KeyKind::String,
            _ => true,
        }
    }
}

/// Conditions that come to the same for every request.
///
/// Source: IAM User Guide, "Access Analyzer policy check reference".
fn check_sense(condition: &WrittenCondition, remarks: &mut Remarks<'_>) {
    let operator = Operator::of(&condition.operator);
    if condition.values.is_empty() {
        let message = format!(
            "{} on {} lists no values, so it matches none",
            condition.operator, condition.key
        );
        let advice = "Give the values, or test whether the key is there with Null.";
        remarks.warning("empty-condition", message, advice);
    } else if operator.base == "Null" && operator.quantifier.is_some() {
        let outcome = match operator.quantifier {
            Some("ForAllValues") => "always",
            _ => "never",
        };
        let message = format!("{} {outcome} holds", condition.operator);
        remarks.warning("null-set-operator", message, "Use Null alone.");
    }
}

fn check_type(
    operator: &Operator<'_>,
    condition: &WrittenCondition,
    key: &ConditionKey,
    remarks: &mut Remarks<'_>,
) {
    if operator.fits(key) {
        return;
    }
    let message = format!(
        "{} compares {}, whose values are of type {}",
        condition.operator,
        condition.key,
        key.kind.name()
    );
    let family = match key.kind {
        KeyKind::String => "a String operator, such as StringEquals or StringLike",
        KeyKind::Arn => "an Arn operator, such as ArnLike",
        KeyKind::Bool => "Bool",
        KeyKind::Date => "a Date operator, such as DateLessThan",
        KeyKind::Numeric => "a Numeric operator, such as NumericLessThanEquals",
        KeyKind::IpAddress => "IpAddress or NotIpAddress",
    };
    remarks.warning("operator-type", message, format!("Use {family}."));
}

fn check_quantifier(
    operator: &Operator<'_>,
    statement: &StatementSummary<'_>,
    condition: &WrittenCondition,
    key: &ConditionKey,
    remarks: &mut Remarks<'_>,
) {
    if operator.base == "Null" {
        return;
    }
    if key.many && operator.quantifier.is_none() {
        let message = format!(
            "{} can have several values, and {} matches none of them then",
            condition.key, condition.operator
        );
        let advice = format!(
            "Use ForAllValues:{0} or ForAnyValue:{0}.",
            condition.operator
        );
        remarks.warning("set-operator", message, advice);
    }
    let demanded = statement.written.conditions.iter().any(|other| {
        other.operator == "Null"
            && other.key.eq_ignore_ascii_case(&condition.key)
            && other
                .values
                .iter()
                .any(|value| value.eq_ignore_ascii_case("false"))
    });
    let for_all = operator.quantifier == Some("ForAllValues");
    if for_all && statement.effect == StatementEffect::Allow && !demanded {
        let message = format!(
            "{} also holds when the request has no {}",
            condition.operator, condition.key
        );
        let advice = format!(
            "If the key has to be there, add \"Null\": {{\"{}\": \"false\"}}.",
            condition.key
        );
        remarks.note("for-all-values", message, advice);
    }
}

/// A key that none of the actions carries makes a condition that is never or always met.
fn check_carried(
    statement: &StatementSummary<'_>,
    condition: &WrittenCondition,
    remarks: &mut Remarks<'_>,
) {
    let written = statement.written;
    if written.not_action || written.actions.iter().any(|pattern| pattern == "*") {
        return;
    }
    let mut actions = written
        .actions
        .iter()
        .flat_map(|pattern| actions_matching(pattern))
        .peekable();
    // Unknown actions are remarked on elsewhere.
    if actions.peek().is_none() || actions.any(|action| action.carries(&condition.key)) {
        return;
    }
    let message = format!(
        "No action of the statement carries {}, so {} never sees a value",
        condition.key, condition.operator
    );
    // The reference is not complete about the global keys of tags.
    let severity = match condition.key.to_ascii_lowercase().starts_with("aws:") {
        true => Severity::Note,
        false => Severity::Warning,
    };
    let advice = "Move the condition to the actions that carry the key, or drop it.";
    remarks.add(severity, "key-not-carried", message, advice);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_and_the_keys_they_fit() {
        for (operator, key, expected) in [
            ("StringLike", "elasticmapreduce:ExecutionRoleArn", true),
            ("ArnLikeIfExists", "elasticmapreduce:ExecutionRoleArn", true),
            ("ForAnyValue:StringEquals", "aws:TagKeys", true),
            ("ArnLike", "aws:username", false),
            ("IpAddress", "aws:SourceIp", true),
            ("StringEquals", "aws:SourceIp", false),
            ("Bool", "aws:SecureTransport", true),
            ("StringEquals", "aws:SecureTransport", false),
            ("NumericLessThan", "aws:MultiFactorAuthAge", true),
            ("NumericLessThan", "aws:EpochTime", true),
            ("DateLessThan", "aws:CurrentTime", true),
            ("DateLessThan", "aws:username", false),
            ("Null", "aws:SourceIp", true),
        ] {
            let key = condition_key(key).unwrap();
            assert_eq!(
                Operator::of(operator).fits(key),
                expected,
                "{operator} {}",
                key.name
            );
        }
    }
}
