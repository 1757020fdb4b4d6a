//! Policy documents of cases: compiled once for all cases that share them.

use std::collections::HashMap;
use std::sync::LazyLock;

use lakeward_policy::{PolicyDocument, Usage};

/// How much text of compiled documents is remembered, in bytes.
const REMEMBERED: usize = 8 << 20;

/// Documents that were compiled before, by their text. Forgets everything when it has grown large.
#[derive(Debug, Default)]
pub struct Documents {
    known: HashMap<Box<str>, Vec<(Usage, PolicyDocument)>>,
    size: usize,
}

impl Documents {
    /// Compiles a document or finds it compiled. What AWS takes no more, yet judges where it has
    /// it, is read: identity-side documents of the old version, `NotPrincipal` with `Allow`.
    ///
    /// # Errors
    /// What is wrong with the document: AWS's text, the place and our own words.
    pub fn compile(&mut self, text: &str, usage: Usage) -> Result<PolicyDocument, String> {
        let known = self.known.get(text).into_iter().flatten();
        if let Some((_, document)) = known.clone().find(|(known, _)| *known == usage) {
            return Ok(document.clone());
        }
        let document =
            PolicyDocument::parse_kept(text, usage).map_err(|error| error.to_string())?;
        if self.size > REMEMBERED {
            *self = Documents::default();
        }
        self.size += text.len();
        let entry = self.known.entry(text.into()).or_default();
        entry.push((usage, document.clone()));
        Ok(document)
    }
}

/// Documents that stand for what every case has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample {
    /// `RCPFullAWSAccess`.
    FullResourceControl,
    /// A key policy that names nobody.
    KeyPolicy,
    /// A trust policy that names nobody.
    TrustPolicy,
}

impl Sample {
    /// None only if its text were no policy; a test reads them all.
    pub fn document(self) -> Option<&'static PolicyDocument> {
        static FULL: LazyLock<Option<PolicyDocument>> = LazyLock::new(|| {
            let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}"#;
            PolicyDocument::parse(text, Usage::ResourceControl).ok()
        });
        static KEY: LazyLock<Option<PolicyDocument>> = LazyLock::new(|| {
            let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "nobody.invalid"}, "Action": "kms:*", "Resource": "*"}}"#;
            PolicyDocument::parse(text, Usage::Resource).ok()
        });
        static TRUST: LazyLock<Option<PolicyDocument>> = LazyLock::new(|| {
            let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "nobody.invalid"}, "Action": "sts:AssumeRole"}}"#;
            PolicyDocument::parse(text, Usage::Trust).ok()
        });
        let found = match self {
            Sample::FullResourceControl => &FULL,
            Sample::KeyPolicy => &KEY,
            Sample::TrustPolicy => &TRUST,
        };
        found.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_policies() {
        for sample in [
            Sample::FullResourceControl,
            Sample::KeyPolicy,
            Sample::TrustPolicy,
        ] {
            assert!(sample.document().is_some(), "{sample:?}");
        }
    }

    #[test]
    fn a_document_is_compiled_once_for_each_usage() {
        let mut documents = Documents::default();
        let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#;
        for _ in 0..2 {
            assert_eq!(
                documents.compile(text, Usage::Identity).unwrap().usage(),
                Usage::Identity
            );
            assert!(
                documents
                    .compile(text, Usage::Resource)
                    .unwrap_err()
                    .contains("Principal")
            );
            let found = documents.compile(text, Usage::ServiceControl).unwrap();
            assert_eq!(found.usage(), Usage::ServiceControl);
        }
        assert_eq!(documents.known.len(), 1);
    }
}
