//! The values that a condition compares with, compiled for its operator.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use jiff::Timestamp;

use super::ConditionError;
use super::operator::{Comparison, Order};
use crate::arn::{ArnPattern, ArnText};
use crate::context::Context;
use crate::operand::{self, Decimal};
use crate::pattern::{Template, Wildcards};
use crate::variables::Syntax;

/// The values of the policy, compiled for their operator; any one of them may match.
#[derive(Clone, Debug)]
pub(super) enum Operands {
    Text(Box<[Template]>),
    Folded(Box<[Template]>),
    Arns(Box<[ArnPattern]>),
    Numbers(Order, Box<[Decimal]>),
    Dates(Order, Box<[Timestamp]>),
    Bools(Box<[bool]>),
    Binary(Box<[Vec<u8>]>),
    Networks(Box<[IpNet]>),
    Null(Box<[bool]>),
}

impl Operands {
    pub(super) fn parse(
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
            Comparison::Binary => Operands::Binary(reader.read("base64 text", binary)?),
            Comparison::Ip => {
                Operands::Networks(reader.read("an IP address or CIDR block", operand::network)?)
            }
        })
    }

    /// Whether the request's value fits one of the operands, inversion aside.
    pub(super) fn fit(&self, value: &str, context: &Context) -> bool {
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
            Operands::Binary(known) => binary(value).is_some_and(|value| known.contains(&value)),
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

/// Condition values hold binary data as base64 text.
fn binary(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
