//! Amazon Resource Names and the patterns that match them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::pattern::{Template, TemplateError, Wildcards};
use crate::variables::Syntax;

/// An Amazon Resource Name: `arn:partition:service:region:account:resource`.
///
/// Region and account may be empty; the resource may hold further colons.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Arn {
    /// `aws`, `aws-cn`, `aws-us-gov`…
    pub partition: String,
    /// The service prefix, such as `iam` or `s3`.
    pub service: String,
    /// The region, or empty for global services.
    pub region: String,
    /// The twelve-digit account, or empty where names are global (S3).
    pub account: String,
    /// The rest, such as `role/reader` or `bucket/key`.
    pub resource: String,
}

/// Why a text is not an ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// Fewer than six colon-separated parts, or it does not begin with `arn`.
    #[error("{0:?} is not an ARN: expected arn:partition:service:region:account:resource")]
    Shape(String),
    /// A part that may not be empty is empty.
    #[error("the {part} of ARN {arn:?} is empty")]
    Empty {
        /// The text as given.
        arn: String,
        /// The empty part.
        part: &'static str,
    },
}

impl Arn {
    /// Splits a text into its ARN parts.
    ///
    /// # Errors
    /// [`ArnError`] when a part is missing, or partition, service or resource is empty.
    pub fn parse(text: &str) -> Result<Arn, ArnError> {
        let Some([_, partition, service, region, account, resource]) = ArnText::new(text).parts
        else {
            return Err(ArnError::Shape(text.to_owned()));
        };
        for (part, value) in [
            ("partition", partition),
            ("service", service),
            ("resource", resource),
        ] {
            if value.is_empty() {
                return Err(ArnError::Empty {
                    arn: text.to_owned(),
                    part,
                });
            }
        }
        Ok(Arn {
            partition: partition.to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: resource.to_owned(),
        })
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn {
            partition,
            service,
            region,
            account,
            resource,
        } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl FromStr for Arn {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Arn, ArnError> {
        Arn::parse(text)
    }
}

impl TryFrom<String> for Arn {
    type Error = ArnError;
    fn try_from(text: String) -> Result<Arn, ArnError> {
        Arn::parse(&text)
    }
}

impl From<Arn> for String {
    fn from(arn: Arn) -> String {
        arn.to_string()
    }
}

/// A text that may be an ARN, split once so that many patterns can look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArnText<'a> {
    pub text: &'a str,
    pub parts: Option<[&'a str; 6]>,
}

impl<'a> ArnText<'a> {
    pub fn new(text: &'a str) -> Self {
        ArnText {
            text,
            parts: split(text),
        }
    }

    /// The account part, when this is an ARN that has one.
    pub fn account(&self) -> Option<&'a str> {
        let [_, _, _, _, account, _] = self.parts?;
        (!account.is_empty()).then_some(account)
    }
}

fn split(text: &str) -> Option<[&str; 6]> {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next();
    let found = [next()?, next()?, next()?, next()?, next()?, next()?];
    (found.first() == Some(&"arn")).then_some(found)
}

/// A compiled ARN pattern.
///
/// The first five parts are matched one by one, so a `*` never crosses their colons; in the last
/// part it crosses anything, `/` and `:` included.
#[derive(Clone, Debug)]
pub(crate) enum ArnPattern {
    /// `*`: anything, an ARN or not.
    Any,
    /// Part by part.
    Parts(Box<[Template; 6]>),
    /// A pattern that begins with a variable which holds a whole ARN.
    Whole(Template),
}

/// Why a text is not an ARN pattern.
#[derive(Debug)]
pub(crate) enum ArnPatternError {
    Shape,
    Template(TemplateError),
}

impl From<TemplateError> for ArnPatternError {
    fn from(error: TemplateError) -> Self {
        ArnPatternError::Template(error)
    }
}

impl ArnPattern {
    /// A value of an ARN operator, which may hold variables anywhere.
    pub fn parse(text: &str, syntax: Syntax) -> Result<ArnPattern, ArnPatternError> {
        if syntax == Syntax::Variables && text.starts_with("${") {
            let template = Template::parse(text, Wildcards::Active, syntax)?;
            return Ok(ArnPattern::Whole(template));
        }
        ArnPattern::parts(text, syntax, syntax)
    }

    /// A value of `Resource` or `NotResource`. Variables mean something after the fifth colon
    /// only; before it they are text, which no ARN holds.
    ///
    /// Source: IAM User Guide, "IAM policy elements: Variables and tags".
    pub fn resource(text: &str, syntax: Syntax) -> Result<ArnPattern, ArnPatternError> {
        ArnPattern::parts(text, syntax, Syntax::Plain)
    }

    fn parts(text: &str, syntax: Syntax, front: Syntax) -> Result<ArnPattern, ArnPatternError> {
        if text == "*" {
            return Ok(ArnPattern::Any);
        }
        let template = |part: &str| Template::parse(part, Wildcards::Active, front);
        let parts = split_pattern(text, syntax);
        let [scheme, partition, service, region, account, resource] = parts.as_slice() else {
            return Err(ArnPatternError::Shape);
        };
        if *scheme != "arn" {
            return Err(ArnPatternError::Shape);
        }
        Ok(ArnPattern::Parts(Box::new([
            template(scheme)?,
            template(partition)?,
            template(service)?,
            template(region)?,
            template(account)?,
            Template::parse(resource, Wildcards::Active, syntax)?,
        ])))
    }

    /// Whether the pattern matches. A variable without a value makes it match nothing.
    pub fn matches(&self, arn: &ArnText<'_>, context: &Context) -> bool {
        match self {
            ArnPattern::Any => true,
            ArnPattern::Whole(template) => template.matches(arn.text, context),
            ArnPattern::Parts(patterns) => arn.parts.is_some_and(|parts| {
                // The resource differs most often, so it is compared first.
                let mut pairs = patterns.iter().zip(parts).rev();
                pairs.all(|(pattern, part)| pattern.matches(part, context))
            }),
        }
    }
}

/// Splits at the first five colons that are not inside `${…}`.
fn split_pattern(text: &str, syntax: Syntax) -> Vec<&str> {
    let mut parts = Vec::with_capacity(6);
    let mut rest = text;
    while parts.len() < 5 {
        let Some((part, after)) = split_outside_variables(rest, syntax) else {
            break;
        };
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

fn split_outside_variables(text: &str, syntax: Syntax) -> Option<(&str, &str)> {
    let mut inside = false;
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if previous == '$' && syntax == Syntax::Variables => inside = true,
            '}' => inside = false,
            ':' if !inside => return Some((text.get(..at)?, text.get(at + 1..)?)),
            _ => {}
        }
        previous = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, arn: &str) -> bool {
        let pattern = ArnPattern::parse(pattern, Syntax::Variables).unwrap();
        let context = Context::new()
            .with("aws:username", "ana")
            .with("aws:PrincipalArn", "arn:aws:iam::1:role/r");
        pattern.matches(&ArnText::new(arn), &context)
    }

    #[test]
    fn an_arn_is_split_and_printed() {
        let arn = Arn::parse("arn:aws:secretsmanager:us-east-1:111122223333:secret:git:1").unwrap();
        assert_eq!(arn.resource, "secret:git:1");
        assert_eq!(
            arn.to_string(),
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:git:1"
        );
        assert!(matches!(
            Arn::parse("arn:aws:s3:::"),
            Err(ArnError::Empty {
                part: "resource",
                ..
            })
        ));
        assert!(matches!(
            Arn::parse("arn:aws:s3::b"),
            Err(ArnError::Shape(_))
        ));
        assert!(matches!(
            Arn::parse("urn:aws:s3:::b"),
            Err(ArnError::Shape(_))
        ));
        let json = serde_json::to_string(&arn).unwrap();
        assert_eq!(serde_json::from_str::<Arn>(&json).unwrap(), arn);
    }

    #[test]
    fn wildcards_stay_inside_their_part() {
        assert!(matches(
            "arn:aws:ec2:*:*:instance/*",
            "arn:aws:ec2:us-east-1:111122223333:instance/i-1"
        ));
        assert!(!matches(
            "arn:aws:ec2:*:instance/*:x",
            "arn:aws:ec2:us-east-1:111122223333:instance/i-1"
        ));
        assert!(!matches("arn:aws:s3*:::b", "arn:aws:s3:us-east-1:1:b"));
        assert!(matches("arn:aws:s3:::b/*", "arn:aws:s3:::b/a/b/c:d"));
        assert!(!matches("arn:aws:s3:::b/*", "arn:aws:s3:::b"));
        assert!(matches("*", "*"));
        assert!(!matches("arn:aws:s3:::*", "*"));
    }

    #[test]
    fn variables_fill_in_literally() {
        assert!(matches(
            "arn:aws:s3:::home/${aws:username}/*",
            "arn:aws:s3:::home/ana/x"
        ));
        assert!(!matches(
            "arn:aws:s3:::home/${aws:username}/*",
            "arn:aws:s3:::home/bob/x"
        ));
        assert!(!matches(
            "arn:aws:s3:::home/${aws:userid}/*",
            "arn:aws:s3:::home//x"
        ));
        assert!(matches("${aws:PrincipalArn}", "arn:aws:iam::1:role/r"));
    }
}
