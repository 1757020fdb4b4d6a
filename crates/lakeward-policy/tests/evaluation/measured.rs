//! What AWS itself was measured to do with a role session, its boundary and a bucket policy.
//!
//! Source: github.com/benkehoe/permissions-boundary-test, which runs these rows against AWS.

use lakeward_policy::{Context, PolicyDocument, ResourceSide, Usage};

use crate::case::*;

/// Whether boundary, role policy and bucket policy allow, and whether the session may read.
type Row = (bool, bool, bool, bool);

/// The seven rows of one way to name the session; the tables differ in whether the resource's
/// allow counts when the boundary is silent, and when the role's policy is.
fn rows(without_boundary: bool, without_identity: bool) -> [Row; 7] {
    [
        (false, false, true, without_boundary),
        (false, true, true, without_boundary),
        (true, true, false, true),
        (true, false, true, without_identity),
        (true, true, true, true),
        (true, false, false, false),
        (false, true, false, false),
    ]
}

fn policy(principal: &str, conditional: bool) -> PolicyDocument {
    let condition = match conditional {
        true => format!(r#", "Condition": {{"ArnEquals": {{"aws:PrincipalArn": "{ROLE}"}}}}"#),
        false => String::new(),
    };
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": {principal},
             "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"{condition}}}}}"#
    );
    PolicyDocument::parse(&text, Usage::Resource).unwrap()
}

fn holds(policy: &PolicyDocument, rows: [Row; 7]) {
    let voice = |allows: bool| {
        if allows {
            identity("Allow", "s3:*")
        } else {
            other()
        }
    };
    for row in rows {
        let (boundary, role, resource, expected) = row;
        let case = Case::default()
            .boundary(voice(boundary))
            .identity(voice(role))
            .context(Context::new().with("aws:PrincipalArn", ROLE));
        let side = match resource {
            true => owned(policy, HOME),
            false => ResourceSide::Account { account: HOME },
        };
        assert_eq!(case.reads(&session(), side), expected, "{row:?}");
    }
}

#[test]
fn the_role_as_principal() {
    let policy = policy(&format!(r#"{{"AWS": "{ROLE}"}}"#), false);
    holds(&policy, rows(false, true));
}

#[test]
fn the_session_as_principal() {
    let policy = policy(&format!(r#"{{"AWS": "{SESSION}"}}"#), false);
    holds(&policy, rows(true, true));
}

#[test]
fn the_account_as_principal_with_the_role_in_a_condition() {
    let policy = policy(&format!(r#"{{"AWS": "{ROOT}"}}"#), true);
    holds(&policy, rows(false, false));
}

#[test]
fn everyone_as_principal_with_the_role_in_a_condition() {
    holds(&policy(r#""*""#, true), rows(true, true));
}
