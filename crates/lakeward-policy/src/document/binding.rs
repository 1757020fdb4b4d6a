//! Principals bound to unique ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Compiled, PolicyDocument};
use crate::statement::PrincipalElement;

impl PolicyDocument {
    /// Binds the users and roles that `Principal` and `NotPrincipal` name by ARN to the unique
    /// ids that `resolve` gives for them (`AIDA…`, `AROA…`), as IAM does when a policy is saved:
    /// whoever takes over the name of a deleted user or role is somebody else. Names without an
    /// id go on to match by ARN.
    ///
    /// Source: IAM User Guide, "AWS JSON policy elements: Principal".
    #[must_use]
    pub fn bind(&self, resolve: impl Fn(&str) -> Option<String>) -> PolicyDocument {
        let arns = self.principal_arns();
        let bound: BTreeMap<String, String> = arns
            .filter_map(|arn| resolve(arn).map(|id| (arn.to_owned(), id)))
            .collect();
        let mut statements = self.0.statements.clone();
        let elements = statements
            .iter_mut()
            .filter_map(|statement| statement.principal.as_mut());
        for element in elements {
            let (PrincipalElement::Names(principals) | PrincipalElement::AllBut(principals)) =
                element;
            principals.bind(&bound);
        }
        PolicyDocument(Arc::new(Compiled {
            source: self.0.source.clone(),
            bound,
            statements,
            ..*self.0
        }))
    }

    /// The unique ids that principals were bound to, by ARN; binding a fresh parse of the same
    /// text with this map gives the same document.
    pub fn bound(&self) -> &BTreeMap<String, String> {
        &self.0.bound
    }
}
