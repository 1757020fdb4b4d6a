//! Action patterns such as `s3:Get*`; they ignore case.

use crate::pattern::Glob;

/// A compiled action pattern.
#[derive(Clone, Debug)]
pub(crate) enum ActionPattern {
    Any,
    Named(Glob),
}

/// Why a text is not an action; the text is IAM's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActionError {
    #[error("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")]
    NoVendor,
    #[error("Actions/Condition can contain only one colon.")]
    Colons,
    #[error("Vendor {0} is not valid")]
    Vendor(String),
}

impl ActionPattern {
    pub fn parse(text: &str) -> Result<ActionPattern, ActionError> {
        if text == "*" || text == "*:*" {
            return Ok(ActionPattern::Any);
        }
        let (vendor, name) = text.split_once(':').ok_or(ActionError::NoVendor)?;
        if vendor.is_empty() || name.is_empty() {
            return Err(ActionError::NoVendor);
        }
        if name.contains(':') {
            return Err(ActionError::Colons);
        }
        if !vendor
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            return Err(ActionError::Vendor(vendor.to_owned()));
        }
        Ok(ActionPattern::Named(Glob::new(&text.to_ascii_lowercase())))
    }

    /// Whether the pattern matches an action that is already lower-cased.
    pub fn matches(&self, folded: &str) -> bool {
        match self {
            ActionPattern::Any => true,
            ActionPattern::Named(glob) => glob.matches(folded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_and_wildcards_work() {
        let matches =
            |pattern: &str, action: &str| ActionPattern::parse(pattern).unwrap().matches(action);
        assert!(matches("S3:Get*", "s3:getobject"));
        assert!(matches("s3:?etObject", "s3:getobject"));
        assert!(!matches("s3:Get", "s3:getobject"));
        assert!(matches("*", "s3:getobject"));
    }

    #[test]
    fn texts_that_are_not_actions() {
        assert!(matches!(
            ActionPattern::parse("GetObject"),
            Err(ActionError::NoVendor)
        ));
        assert!(matches!(
            ActionPattern::parse("s3:"),
            Err(ActionError::NoVendor)
        ));
        assert!(matches!(
            ActionPattern::parse("s3:Get:Object"),
            Err(ActionError::Colons)
        ));
        assert!(matches!(
            ActionPattern::parse("s 3:Get"),
            Err(ActionError::Vendor(_))
        ));
    }
}
