//! The limits of members, and AWS's text for a value beyond them ("Common errors").

use lakeward_wire::AwsError;

/// Of a refused value, at most this many characters are repeated.
const SHOWN: usize = 128;

/// The text's length in characters.
pub(super) fn length(member: &str, text: &str, least: usize, most: usize) -> Result<(), AwsError> {
    let length = text.chars().count();
    if length < least {
        let rule = format!("have length greater than or equal to {least}");
        return Err(refused(member, text, &rule));
    }
    if length > most {
        let rule = format!("have length less than or equal to {most}");
        return Err(refused(member, text, &rule));
    }
    Ok(())
}

/// How many members a list has.
pub(super) fn count(member: &str, count: usize, most: usize) -> Result<(), AwsError> {
    if count <= most {
        return Ok(());
    }
    let rule = format!("have length less than or equal to {most}");
    Err(refused(member, &format!("{count} members"), &rule))
}

/// A number of seconds, or another number.
pub(super) fn range(member: &str, value: u32, least: u32, most: u32) -> Result<(), AwsError> {
    let text = value.to_string();
    if value < least {
        let rule = format!("have value greater than or equal to {least}");
        return Err(refused(member, &text, &rule));
    }
    if value > most {
        let rule = format!("have value less than or equal to {most}");
        return Err(refused(member, &text, &rule));
    }
    Ok(())
}

/// Word characters and `more`.
pub(super) fn characters(member: &str, text: &str, more: &str) -> Result<(), AwsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || more.contains(c);
    if text.chars().all(allowed) {
        return Ok(());
    }
    let more = more.replace('-', "\\-");
    let rule = format!("satisfy regular expression pattern: [\\w{more}]*");
    Err(refused(member, text, &rule))
}

/// The name of a session or of a federated user, or a source identity.
pub(super) fn session_name(member: &str, name: &str, most: usize) -> Result<(), AwsError> {
    length(member, name, 2, most)?;
    characters(member, name, "+=,.@-")
}

fn refused(member: &str, value: &str, rule: &str) -> AwsError {
    let shown: String = value.chars().take(SHOWN).collect();
    AwsError::new(
        400,
        "ValidationError",
        format!(
            "1 validation error detected: Value '{shown}' at '{member}' failed to satisfy constraint: Member must {rule}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_awss() {
        let text = |answer: Result<(), AwsError>| answer.unwrap_err().message;
        assert_eq!(
            text(range("durationSeconds", 899, 900, 43200)),
            "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"
        );
        assert_eq!(
            text(session_name("roleSessionName", "a b", 64)),
            "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@\\-]*"
        );
        assert!(text(length("x", &"é".repeat(500), 1, 64)).len() < 400);
    }

    #[test]
    fn bounds_are_inclusive() {
        assert!(range("d", 900, 900, 900).is_ok() && range("d", 901, 900, 900).is_err());
        assert!(length("n", "ab", 2, 2).is_ok() && length("n", "abc", 2, 2).is_err());
        assert!(count("n", 10, 10).is_ok() && count("n", 11, 10).is_err());
    }
}
