//! Policy documents: from JSON text to compiled statements.
//!
//! What is not understood is refused: an unknown element, operator or value makes the whole
//! document malformed. The messages are IAM's own where they are known.

mod binding;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::json::{JsonError, Node};
use crate::parser::Parser;
use crate::statement::{PrincipalElement, Statement};
use crate::variables::Syntax;

/// The largest policy text that is read, in bytes: twice the IAM API's own bound, since some of
/// AWS's own policies are larger than what it takes from others. The smaller quotas of roles,
/// users and organizations are the services' to apply; see [`Quota`](crate::Quota).
pub const MAX_POLICY_BYTES: usize = 262_144;

/// What a document is attached to, which decides the elements that it may and must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Users, groups, roles, permissions boundaries and session policies: no `Principal`.
    Identity,
    /// Buckets, keys, secrets: `Principal` and `Resource`.
    Resource,
    /// Roles' trust policies: `Principal`, no `Resource`, only `sts:` actions.
    Trust,
    /// Service control policies: as identity policies, without rules on the Sid.
    ServiceControl,
    /// Resource control policies: as resource policies, for everyone (`"Principal": "*"`).
    ResourceControl,
    /// Policies of VPC endpoints: as resource policies.
    Endpoint,
}

/// Why a text is not a policy document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column}: {detail})")]
pub struct MalformedPolicy {
    /// The text that AWS answers.
    pub message: String,
    /// The line of the offending value, counted from 1.
    pub line: usize,
    /// The column of the offending value, counted from 1.
    pub column: usize,
    /// What is wrong, in more words than AWS uses.
    pub detail: String,
}

/// A parsed and compiled policy document; cheap to clone.
#[derive(Clone, Debug)]
pub struct PolicyDocument(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    source: String,
    usage: Usage,
    syntax: Syntax,
    /// The unique ids that principals were bound to, by ARN.
    bound: BTreeMap<String, String>,
    statements: Vec<Statement>,
}

impl PolicyDocument {
    /// Parses and compiles a document.
    ///
    /// # Errors
    /// [`MalformedPolicy`] with AWS's message and the place of the error.
    pub fn parse(json: &str, usage: Usage) -> Result<PolicyDocument, MalformedPolicy> {
        PolicyDocument::read(json, usage, Parser::new(usage))
    }

    /// Parses and compiles a document as AWS judges those that it has kept from the time when it
    /// took more: documents of every usage may be of version 2008-10-17 or of none; in a
    /// resource's policy `NotPrincipal` may stand with `Allow`, which then reaches everyone whom
    /// no part of the element names; in a trust policy it may stand with `Deny`.
    ///
    /// # Errors
    /// [`MalformedPolicy`] with AWS's message and the place of the error.
    pub fn parse_kept(json: &str, usage: Usage) -> Result<PolicyDocument, MalformedPolicy> {
        PolicyDocument::read(json, usage, Parser::of_kept(usage))
    }

    fn read(json: &str, usage: Usage, parser: Parser) -> Result<PolicyDocument, MalformedPolicy> {
        if json.len() > MAX_POLICY_BYTES {
            let detail = format!("{} bytes; at most {MAX_POLICY_BYTES} are read", json.len());
            let message = "Policy document exceeds the maximum length".to_owned();
            return Err(MalformedPolicy {
                message,
                line: 1,
                column: 1,
                detail,
            });
        }
        let root = Node::root(json)?;
        let (syntax, statements) = parser.document(root)?;
        Ok(PolicyDocument(Arc::new(Compiled {
            source: json.to_owned(),
            usage,
            syntax,
            bound: BTreeMap::new(),
            statements,
        })))
    }

    /// The text as it was given.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What the document was parsed for.
    pub fn usage(&self) -> Usage {
        self.0.usage
    }

    /// The number of characters that count towards quotas: all but white space.
    pub fn size(&self) -> usize {
        self.0.source.chars().filter(|c| !c.is_whitespace()).count()
    }

    /// The users, roles and sessions that `Principal` and `NotPrincipal` name by ARN, so that the
    /// owner of identities can check that they exist.
    pub fn principal_arns(&self) -> impl Iterator<Item = &str> {
        self.0
            .statements
            .iter()
            .filter_map(|statement| statement.principal.as_ref())
            .flat_map(|element| {
                let (PrincipalElement::Names(principals) | PrincipalElement::AllBut(principals)) =
                    element;
                principals.arns()
            })
    }

    pub(crate) fn syntax(&self) -> Syntax {
        self.0.syntax
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        &self.0.statements
    }
}

impl PartialEq for PolicyDocument {
    fn eq(&self, other: &PolicyDocument) -> bool {
        self.0.usage == other.0.usage
            && self.0.source == other.0.source
            && self.0.bound == other.0.bound
    }
}

impl Eq for PolicyDocument {}

impl From<JsonError> for MalformedPolicy {
    fn from(error: JsonError) -> MalformedPolicy {
        let JsonError {
            line,
            column,
            detail,
        } = error;
        MalformedPolicy {
            message: "This policy contains invalid Json".to_owned(),
            line,
            column,
            detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::SYNTAX;

    fn message(text: &str, usage: Usage) -> String {
        PolicyDocument::parse(text, usage).unwrap_err().message
    }

    /// A one-statement document from the statement's members.
    fn one(members: &str) -> String {
        format!(r#"{{"Version": "2012-10-17", "Statement": {{{members}}}}}"#)
    }

    #[test]
    fn missing_elements_are_named() {
        let identity = |members: &str| message(&one(members), Usage::Identity);
        assert_eq!(
            identity(r#""Action": "s3:*", "Resource": "*""#),
            "Missing required field Effect"
        );
        assert_eq!(
            identity(r#""Effect": "Allow", "Resource": "*""#),
            "Policy statement must contain actions."
        );
        assert_eq!(
            identity(r#""Effect": "Allow", "Action": "s3:*""#),
            "Policy statement must contain resources."
        );
        assert_eq!(
            identity(r#""Effect": "Allow", "Action": [], "Resource": "*""#),
            "Policy statement must contain actions."
        );
        assert_eq!(
            message(
                &one(r#""Effect": "Allow", "Action": "s3:*", "Resource": "*""#),
                Usage::Resource
            ),
            "Missing required field Principal"
        );
        assert_eq!(
            message(r#"{"Version": "2012-10-17"}"#, Usage::Identity),
            "Missing required field Statement"
        );
        assert_eq!(
            message(
                r#"{"Version": "2012-10-17", "Statement": []}"#,
                Usage::Identity
            ),
            "Missing required field Statement"
        );
    }

    #[test]
    fn what_was_kept_is_still_read() {
        let old = r#"{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "${a"}}"#;
        let old = old.replace("${a", "arn:aws:s3:::${a");
        for usage in [Usage::Identity, Usage::ServiceControl] {
            assert!(PolicyDocument::parse(&old, usage).is_err());
            assert!(PolicyDocument::parse_kept(&old, usage).is_ok());
        }
        let rest = r#""Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole""#;
        let resource = one(&format!(r#"{rest}, "Resource": "*""#));
        assert!(PolicyDocument::parse(&resource, Usage::Resource).is_err());
        assert!(PolicyDocument::parse_kept(&resource, Usage::Resource).is_ok());
        assert!(PolicyDocument::parse_kept(&resource, Usage::Endpoint).is_ok());
        assert!(PolicyDocument::parse_kept(&resource, Usage::ResourceControl).is_err());
        assert!(PolicyDocument::parse_kept(&one(rest), Usage::Trust).is_err());
        let deny = one(&rest.replace("Allow", "Deny"));
        assert!(PolicyDocument::parse_kept(&deny, Usage::Trust).is_ok());
        let wrong = old.replace("{\"Statement\"", "{\"Version\": \"2013\", \"Statement\"");
        assert!(PolicyDocument::parse_kept(&wrong, Usage::Identity).is_err());
    }

    #[test]
    fn incomplete_arns_stand_in_identity_policies_only() {
        let text = one(r#""Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs""#);
        assert!(PolicyDocument::parse(&text, Usage::Identity).is_ok());
        let named = text.replace("\"Action", "\"Principal\": \"*\", \"Action");
        assert_eq!(
            message(&named, Usage::Resource),
            "The policy failed legacy parsing"
        );
    }

    #[test]
    fn forbidden_elements_are_named() {
        let full =
            r#""Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*""#;
        assert_eq!(
            message(&one(full), Usage::Identity),
            "Policy document should not specify a principal."
        );
        assert_eq!(
            message(&one(full), Usage::Trust),
            "Has prohibited field Resource"
        );
        let trust = r#""Effect": "Allow", "Principal": "*", "Action": "s3:GetObject""#;
        assert_eq!(
            message(&one(trust), Usage::Trust),
            "AssumeRole policy may only specify STS AssumeRole actions."
        );
    }

    #[test]
    fn versions() {
        let statement = r#""Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole""#;
        let identity = r#"{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#;
        assert_eq!(
            message(identity, Usage::Identity),
            "Policy document must be version 2012-10-17 or greater."
        );
        assert!(
            PolicyDocument::parse(
                &format!(r#"{{"Statement": {{{statement}}}}}"#),
                Usage::Trust
            )
            .is_ok()
        );
        assert_eq!(
            message(
                &format!(r#"{{"Version": "2020-01-01", "Statement": {{{statement}}}}}"#),
                Usage::Trust
            ),
            "The policy must contain a valid version string"
        );
    }

    #[test]
    fn principals_are_checked() {
        let trust = |principal: &str| {
            let text = one(&format!(
                r#""Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRole""#
            ));
            message(&text, Usage::Trust)
        };
        assert_eq!(
            trust(r#"{"AWS": "arn:aws:iam::studio:role/x"}"#),
            r#"Invalid principal in policy: "AWS":"arn:aws:iam::studio:role/x""#
        );
        assert_eq!(
            trust(r#""someone""#),
            r#"Invalid principal in policy: "someone""#
        );
        assert_eq!(trust("{}"), "Invalid principal in policy");
        assert_eq!(trust(r#"{"AWS": []}"#), "Invalid principal in policy");
        let both = r#""Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole""#;
        for both in [both.to_owned(), both.replace("Allow", "Deny")] {
            assert_eq!(
                message(&one(&both), Usage::Trust),
                "Has prohibited field NotPrincipal"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let base = r#""Effect": "Allow", "Action": "s3:*", "Resource": "*""#;
        for extra in [
            r#""Effects": "Deny""#,
            r#""NotAction": "s3:*""#,
            r#""NotResource": "*""#,
            r#""Condition": {"StringMatches": {"aws:k": "v"}}"#,
            r#""Condition": {"StringMatches": {}}"#,
            r#""Condition": {"StringEquals": {"aws:k": {"a": "b"}}}"#,
            r#""Condition": {"StringEquals": {"aws:k": null}}"#,
            r#""Condition": []"#,
        ] {
            let error = PolicyDocument::parse(&one(&format!("{base}, {extra}")), Usage::Identity)
                .unwrap_err();
            assert_eq!(error.message, SYNTAX, "{extra}");
            assert!(!error.detail.is_empty());
        }
        assert_eq!(
            message(&one(&base.replace("Allow", "allow")), Usage::Identity),
            SYNTAX
        );
        assert_eq!(message("[]", Usage::Identity), SYNTAX);
        assert_eq!(
            message(
                &one(&format!(r#"{base}, "Effect": "Deny""#)),
                Usage::Identity
            ),
            "This policy contains invalid Json"
        );
    }

    #[test]
    fn the_place_of_an_error_is_told() {
        let text = "{\n \"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\": \"Allow\",\n  \"Action\": \"s3:*\",\n  \
                    \"Resource\": \"bucket\"}]}";
        let error = PolicyDocument::parse(text, Usage::Identity).unwrap_err();
        assert_eq!((error.line, error.column), (5, 15));
        assert_eq!(
            error.message,
            r#"Resource bucket must be in ARN format or "*"."#
        );
        let error = PolicyDocument::parse("{\n  \"Version\" 1}", Usage::Identity).unwrap_err();
        assert_eq!(error.line, 2);
    }

    #[test]
    fn resources_are_checked() {
        for (resource, expected) in [
            ("lake", r#"Resource lake must be in ARN format or "*"."#),
            (
                "arn:aws",
                "Resource vendor must be fully qualified and cannot contain regexes.",
            ),
            ("arn:aws:s3:::", ""),
            ("arn:aws:s3::lake", "The policy failed legacy parsing"),
            ("urn:aws:s3:::lake", "The policy failed legacy parsing"),
            (
                "arn:azure:s3:::lake/*",
                r#"Partition "azure" is not valid for resource "arn:azure:s3:::lake/*"."#,
            ),
            (
                "arn:was:s3",
                r#"Partition "was" is not valid for resource "arn:was:s3:*:*:*"."#,
            ),
            ("arn:aws:s3:::lake/${aws:username", SYNTAX),
        ] {
            let text = one(&format!(
                r#""Effect": "Allow", "Action": "s3:*", "Resource": "{resource}""#
            ));
            match PolicyDocument::parse(&text, Usage::Identity) {
                Ok(_) => assert!(expected.is_empty(), "{resource}"),
                Err(error) => assert_eq!(error.message, expected, "{resource}"),
            }
        }
    }

    #[test]
    fn sids_are_unique_and_alphanumeric() {
        let statement = |sid: &str| {
            format!(r#"{{"Sid": "{sid}", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#)
        };
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{}, {}]}}"#,
            statement("A"),
            statement("A")
        );
        assert_eq!(
            message(&text, Usage::Identity),
            "Statement IDs (SID) in a single policy must be unique."
        );
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": {}}}"#,
            statement("a b")
        );
        assert!(
            message(&text, Usage::Identity)
                .starts_with("Statement IDs (SID) must be alpha-numeric.")
        );
    }

    #[test]
    fn a_text_beyond_the_bound_is_not_read() {
        let text = " ".repeat(MAX_POLICY_BYTES + 1);
        assert!(message(&text, Usage::Identity).contains("maximum length"));
    }

    #[test]
    fn numbers_and_booleans_may_stand_bare() {
        let text = one(r#""Effect": "Allow", "Action": "s3:*", "Resource": "*",
               "Condition": {"Bool": {"aws:SecureTransport": true}, "NumericLessThan": {"s3:max-keys": [10, 2.5]}}"#);
        let document = PolicyDocument::parse(&text, Usage::Identity).unwrap();
        assert_eq!(document.source(), text);
        assert_eq!(document.statements()[0].conditions.len(), 2);
    }
}
