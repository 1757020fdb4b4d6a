//! Statements as they were written, for those who read policies rather than apply them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::document::PolicyDocument;
use crate::statement::StatementEffect;
use crate::variables::{self, Syntax};

/// One statement in its author's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementSummary<'a> {
    /// The statement's index in its document, counted from 0.
    pub index: usize,
    /// The statement's Sid.
    pub sid: Option<&'a str>,
    /// The line of the text on which the statement begins, counted from 1.
    pub line: usize,
    /// Allow or Deny.
    pub effect: StatementEffect,
    /// The words of the statement.
    #[serde(flatten)]
    pub written: &'a Written,
}

/// The elements of a statement as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// Whether the principals stand in `NotPrincipal`.
    pub not_principal: bool,
    /// Kind (`AWS`, `Service`, `Federated`, `CanonicalUser`, or `*` for everyone) and name.
    pub principals: Vec<(String, String)>,
    /// Whether the actions stand in `NotAction`.
    pub not_action: bool,
    /// The action patterns.
    pub actions: Vec<String>,
    /// Whether the resources stand in `NotResource`.
    pub not_resource: bool,
    /// The resource patterns; empty in trust policies.
    pub resources: Vec<String>,
    /// Every operator and key, one by one.
    pub conditions: Vec<WrittenCondition>,
}

/// One operator applied to one key, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenCondition {
    /// Such as `ForAllValues:StringLikeIfExists`.
    pub operator: String,
    /// The condition key.
    pub key: String,
    /// The values, any of which may match.
    pub values: Vec<String>,
}

impl PolicyDocument {
    /// The statements in their order.
    pub fn statement_summaries(&self) -> impl Iterator<Item = StatementSummary<'_>> {
        let statements = self.statements().iter().enumerate();
        statements.map(|(index, statement)| StatementSummary {
            index,
            sid: statement.sid.as_deref(),
            line: statement.line,
            effect: statement.effect,
            written: &statement.written,
        })
    }

    /// The condition keys that the document asks about, as written: those of its conditions and
    /// those that its variables stand for.
    ///
    /// Source: IAM API Reference, `GetContextKeysForCustomPolicy`.
    pub fn context_keys(&self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for summary in self.statement_summaries() {
            let conditions = &summary.written.conditions;
            keys.extend(conditions.iter().map(|condition| condition.key.clone()));
            if self.syntax() == Syntax::Variables {
                let values = conditions.iter().flat_map(|condition| &condition.values);
                let texts = values.chain(&summary.written.resources);
                keys.extend(texts.flat_map(|text| variables::keys(text)));
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Usage;

    const TEXT: &str = r#"{"Version": "2012-10-17", "Statement": [
      {"Sid": "A", "Effect": "Allow", "Action": "S3:Get*", "Resource": "arn:aws:s3:::home/${aws:username}/${aws:PrincipalTag/Team, 'none'}${*}"},
      {"Effect": "Deny", "NotAction": ["iam:*"], "NotResource": "*",
       "Condition": {"StringEquals": {"aws:ResourceTag/Team": "${aws:PrincipalTag/team}"}}}]}"#;

    #[test]
    fn statements_keep_their_words_and_lines() {
        let document = PolicyDocument::parse(TEXT, Usage::Identity).unwrap();
        let summaries: Vec<_> = document.statement_summaries().collect();
        let [first, second] = summaries.as_slice() else {
            panic!("two statements")
        };
        assert_eq!((first.sid, first.line), (Some("A"), 2));
        assert_eq!(first.written.actions, ["S3:Get*"]);
        assert_eq!((second.line, second.effect), (3, StatementEffect::Deny));
        assert!(second.written.not_action && second.written.not_resource);
        let condition = &second.written.conditions[0];
        assert_eq!(condition.operator, "StringEquals");
        assert_eq!(condition.key, "aws:ResourceTag/Team");
    }

    #[test]
    fn keys_of_conditions_and_variables() {
        let keys = |text: &str| {
            let document = PolicyDocument::parse(text, Usage::Resource).unwrap();
            document.context_keys().into_iter().collect::<Vec<_>>()
        };
        let text = TEXT.replace(
            r#""Effect""#,
            r#""Principal": {"AWS": "111122223333"}, "Effect""#,
        );
        assert_eq!(
            keys(&text),
            [
                "aws:PrincipalTag/Team",
                "aws:PrincipalTag/team",
                "aws:ResourceTag/Team",
                "aws:username"
            ]
        );
        assert_eq!(
            keys(&text.replace("2012", "2008")),
            ["aws:ResourceTag/Team"]
        );
    }
}
