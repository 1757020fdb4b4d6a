//! Statements that change nothing: a deny takes all that they allow, or another says the same.

use lakeward_policy::{Glob, StatementEffect, StatementSummary};

use super::{Remarks, Subject};

pub(super) fn check(
    subject: &Subject<'_>,
    statement: &StatementSummary<'_>,
    remarks: &mut Remarks<'_>,
) {
    let others = || {
        subject
            .statements
            .iter()
            .filter(|other| other.index != statement.index)
    };
    let denied = others().find(|other| {
        statement.effect == StatementEffect::Allow
            && other.effect == StatementEffect::Deny
            && other.written.conditions.is_empty()
            && covers(other, statement)
    });
    if let Some(deny) = denied {
        let message = format!(
            "{} denies everything that this statement allows",
            name(deny)
        );
        let advice = "Remove the statement, or narrow the deny.";
        remarks.warning("unreachable", message, advice);
        return;
    }
    let same = others().find(|other| {
        let earlier = other.index < statement.index;
        other.effect == statement.effect
            && says_no_less(other, statement)
            && (earlier || !says_no_less(statement, other))
    });
    if let Some(other) = same {
        let message = format!("{} already says all that this statement says", name(other));
        remarks.warning("shadowed", message, "Remove the statement.");
    }
}

fn name(statement: &StatementSummary<'_>) -> String {
    match statement.sid {
        Some(sid) => format!("Statement \"{sid}\" (line {})", statement.line),
        None => format!("The statement on line {}", statement.line),
    }
}

fn says_no_less(other: &StatementSummary<'_>, statement: &StatementSummary<'_>) -> bool {
    let (wide, narrow) = (&other.written.conditions, &statement.written.conditions);
    // More conditions only narrow a statement.
    wide.iter().all(|condition| narrow.contains(condition)) && covers(other, statement)
}

/// Whether all requests that the narrow statement speaks of, conditions aside, are the wide one's
/// too. Statements with negated elements are left alone.
fn covers(wide: &StatementSummary<'_>, narrow: &StatementSummary<'_>) -> bool {
    let (a, b) = (wide.written, narrow.written);
    let negated = [a, b]
        .iter()
        .any(|written| written.not_action || written.not_resource || written.not_principal);
    let all = |wide: &[String], narrow: &[String], covers: fn(&str, &str) -> bool| {
        narrow
            .iter()
            .all(|narrow| wide.iter().any(|wide| covers(wide, narrow)))
    };
    let everyone = |(kind, name): &(String, String)| kind == "*" && name == "*";
    let principals = a.principals.iter().any(everyone)
        || b.principals
            .iter()
            .all(|principal| a.principals.contains(principal));
    !negated
        && principals
        && all(&a.actions, &b.actions, action_covers)
        && all(&a.resources, &b.resources, arn_covers)
}

fn action_covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow) = (wide.to_ascii_lowercase(), narrow.to_ascii_lowercase());
    matches!(&*wide, "*" | "*:*") || text_covers(&wide, &narrow)
}

/// Part by part, as the language matches ARNs.
fn arn_covers(wide: &str, narrow: &str) -> bool {
    if wide == "*" || wide == narrow {
        return true;
    }
    let parts = |text: &str| -> Vec<String> { text.splitn(6, ':').map(str::to_owned).collect() };
    let (wide, narrow) = (parts(wide), parts(narrow));
    wide.len() == 6
        && narrow.len() == 6
        && wide
            .iter()
            .zip(&narrow)
            .all(|(wide, narrow)| text_covers(wide, narrow))
}

/// Whether every text that matches the narrow pattern matches the wide one. May say no where the
/// answer is yes.
fn text_covers(wide: &str, narrow: &str) -> bool {
    if wide == narrow {
        return true;
    }
    // A variable may stand for anything; and a `?` must not be taken for half a `*`.
    let unclear = wide.contains("${") || (wide.contains('?') && narrow.contains(['*', '$']));
    !unclear && Glob::new(wide).matches(narrow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_cover_others() {
        for (wide, narrow, expected) in [
            ("s3:*", "s3:Get*", true),
            ("S3:get*", "s3:GetObject", true),
            ("s3:Get?bject", "s3:GetObject", true),
            ("s3:Get?bject", "s3:Get*bject", false),
            ("s3:GetObject", "s3:Get*", false),
            ("*", "s3:Get*", true),
        ] {
            assert_eq!(action_covers(wide, narrow), expected, "{wide} {narrow}");
        }
        for (wide, narrow, expected) in [
            ("*", "arn:aws:s3:::lake/*", true),
            ("arn:aws:s3:::lake/*", "arn:aws:s3:::lake/a/*", true),
            ("arn:aws:s3:::lake/*", "arn:aws:s3:::lake", false),
            ("arn:aws:*:x", "arn:aws:s3:::lake", false),
            ("arn:aws:s3:::${aws:username}*", "arn:aws:s3:::lake", false),
            ("arn:aws:s3:::*", "arn:aws:s3:::${aws:username}", true),
        ] {
            assert_eq!(arn_covers(wide, narrow), expected, "{wide} {narrow}");
        }
    }
}
