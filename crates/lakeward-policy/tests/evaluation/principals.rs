//! Who is meant by a name, and what being named is worth.

use std::collections::BTreeMap;

use lakeward_policy::{Context, Door, Effect, PolicyDocument, Principal, ResourceSide, Usage};

use crate::case::*;

/// The principal table: a resource policy of the same account names the caller in some way
/// while identity, boundary or session say nothing.
#[test]
fn the_principal_table() {
    let full = || identity("Allow", "s3:*");
    let bounded = || Case::default().identity(full()).boundary(other());
    let limited = || Case::default().identity(full()).session(other());
    let fed = || federated(USER);
    for (principal, named, case, expected) in [
        (session(), ROLE, bounded(), false),
        (session(), ROLE, limited(), false),
        (session(), ROLE, Case::default(), true),
        (session(), SESSION, silent(), true),
        (user(), USER, silent(), true),
        (fed(), USER, bounded().session(full()), false),
        (fed(), USER, limited(), false),
        (fed(), USER, Case::default().session(full()), true),
        (fed(), USER, Case::default(), false),
        (fed(), FEDERATED, silent(), true),
        (fed(), FEDERATED, Case::default(), true),
        (session(), "*", silent(), true),
        (session(), ROOT, bounded(), false),
        (session(), ROOT, Case::default().identity(full()), true),
        (root(), ROOT, Case::default(), true),
    ] {
        let document = bucket("Allow", &names(named));
        assert_eq!(
            case.reads(&principal, owned(&document, HOME)),
            expected,
            "{principal:?} named as {named}"
        );
    }
}

#[test]
fn a_federated_user_without_a_session_policy_may_nothing_by_itself() {
    let full = || identity("Allow", "s3:*");
    let case = Case::default().identity(full());
    let decision = case.ask(&federated(USER), "s3:GetObject", ResourceSide::None);
    assert_eq!(
        (decision.effect, decision.door),
        (Effect::ImplicitDeny, Some(Door::SessionPolicy))
    );
    assert!(
        case.session(full())
            .reads(&federated(USER), ResourceSide::None)
    );
    let passed = Case::default().session(full());
    assert!(
        !passed.reads(&federated(USER), ResourceSide::None),
        "the issuer has nothing"
    );
    assert!(
        passed.reads(&federated(ROOT), ResourceSide::None),
        "the root user has everything"
    );
}

#[test]
fn key_policies_must_allow_explicitly() {
    let ask = |case: &Case, principal: &Principal, document: &PolicyDocument, account: &str| {
        case.reads(principal, ResourceSide::Key { document, account })
    };
    let may = || Case::default().identity(identity("Allow", "*"));
    let (by_user, by_account, by_role) = (
        bucket("Allow", &names(USER)),
        bucket("Allow", &names(ROOT)),
        bucket("Allow", &names(ROLE)),
    );
    assert!(ask(&Case::default(), &user(), &by_user, HOME));
    assert!(!ask(&Case::default(), &user(), &by_account, HOME));
    assert!(ask(&may(), &user(), &by_account, HOME));
    assert!(
        !ask(&may(), &user(), &by_role, HOME),
        "identity alone is not enough"
    );
    assert!(ask(&Case::default(), &session(), &by_role, HOME));
    assert!(!ask(
        &Case::default().session(other()),
        &session(),
        &by_role,
        HOME
    ));
    assert!(
        !ask(&Case::default(), &root(), &by_user, HOME),
        "not even for the root user"
    );
    assert!(ask(&Case::default(), &root(), &by_account, HOME));
    assert!(!ask(&Case::default(), &user(), &by_user, AWAY));
    assert!(ask(&may(), &user(), &by_user, AWAY));
}

#[test]
fn web_identities_are_named_by_their_provider() {
    let assumes = |principal: &Principal, names: &str| {
        let document = trust(&format!(r#""Principal": {names}"#));
        let side = ResourceSide::Trust {
            document: &document,
            account: AWAY,
        };
        Case::default()
            .ask(principal, "sts:AssumeRoleWithWebIdentity", side)
            .is_allowed()
    };
    assert!(assumes(
        &web_identity(),
        &format!(r#"{{"Federated": "{PROVIDER}"}}"#)
    ));
    assert!(!assumes(
        &web_identity(),
        &format!(r#"{{"Federated": "{PROVIDER}x"}}"#)
    ));
    assert!(!assumes(
        &web_identity(),
        &format!(r#"{{"AWS": "{ROOT}"}}"#)
    ));
    let google = Principal::WebIdentity {
        provider: "accounts.google.com".into(),
    };
    assert!(assumes(
        &google,
        r#"{"Federated": ["cognito-identity.amazonaws.com", "accounts.google.com"]}"#
    ));
    assert!(!assumes(&user(), r#"{"Federated": "accounts.google.com"}"#));
}

#[test]
fn texts_that_name_principals() {
    let parses = |names: &str| {
        let text = format!(
            r#"{{"Statement": {{"Effect": "Allow", "Principal": {names}, "Action": "s3:*", "Resource": "*"}}}}"#
        );
        PolicyDocument::parse(&text, Usage::Resource).is_ok()
    };
    for names in [
        r#""*""#,
        r#"{"AWS": ["AIDAANAANAANAANAANAA", "AROAREADERREADERREAD"]}"#,
        r#"{"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}"#,
        r#"{"Federated": "arn:aws:iam::111122223333:saml-provider/corp"}"#,
        r#"{"Service": ["ec2.amazonaws.com", "emr-serverless.amazonaws.com"], "AWS": "111122223333"}"#,
        r#"{"AWS": "arn:aws-us-gov:iam::111122223333:root"}"#,
    ] {
        assert!(parses(names), "{names}");
    }
    for names in [
        r#"{"AWS": "AIDA"}"#,
        r#"{"AWS": "AGPAANAANAANAANAANAA"}"#,
        r#"{"AWS": "arn:aws:iam::111122223333:group/all"}"#,
        r#"{"Federated": "arn:aws:iam::111122223333:role/x"}"#,
        r#"{"Federated": "*"}"#,
        r#"{"Everyone": "*"}"#,
        r#"["*"]"#,
    ] {
        assert!(!parses(names), "{names}");
    }
}

/// Whoever takes over the name of a deleted role is somebody else.
#[test]
fn a_bound_name_means_the_one_who_had_it() {
    let ids = BTreeMap::from([
        (ROLE, "AROAREADERREADERREAD"),
        (USER, "AIDAANAANAANAANAANAA"),
    ]);
    let bind =
        |document: PolicyDocument| document.bind(|arn| ids.get(arn).map(|id| (*id).to_owned()));
    let with = |id| Case::default().unique_id(id);
    let bound = bind(bucket("Allow", &names(ROLE)));
    assert!(with("AROAREADERREADERREAD").reads(&session(), owned(&bound, HOME)));
    assert!(!with("AROASUCCESSORSUCCESS").reads(&session(), owned(&bound, HOME)));
    assert!(!Case::default().reads(&session(), owned(&bound, HOME)));
    assert_eq!(bound.bound()[ROLE], "AROAREADERREADERREAD");
    assert_eq!(bound.principal_arns().collect::<Vec<_>>(), [ROLE]);
    assert_ne!(bound, bucket("Allow", &names(ROLE)));

    let renamed = Principal::User {
        arn: "arn:aws:iam::111122223333:user/team/anna".into(),
    };
    let bound = bind(bucket("Allow", &names(USER)));
    assert!(
        with("AIDAANAANAANAANAANAA").reads(&renamed, owned(&bound, HOME)),
        "a new name, the same user"
    );
    let denied = bind(bucket("Deny", &names(USER)));
    let may = |id| with(id).identity(identity("Allow", "*"));
    assert!(!may("AIDAANAANAANAANAANAA").reads(&user(), owned(&denied, HOME)));
    assert!(may("AIDASUCCESSORSUCCESS").reads(&user(), owned(&denied, HOME)));

    let unknown = bucket("Allow", &names(ROLE)).bind(|_| None);
    assert!(with("AROAREADERREADERREAD").reads(&session(), owned(&unknown, HOME)));
    let written = bucket("Allow", &names("AROAREADERREADERREAD"));
    assert!(with("AROAREADERREADERREAD").reads(&session(), owned(&written, HOME)));
    assert!(!with("AROASUCCESSORSUCCESS").reads(&session(), owned(&written, HOME)));
}

/// Sessions have no unique id of their own: they go on to match by ARN.
#[test]
fn a_session_is_never_bound() {
    let document =
        bucket("Allow", &names(SESSION)).bind(|arn| (arn == ROLE).then(|| "AROA".into()));
    assert!(
        silent()
            .unique_id("AROAREADERREADERREAD")
            .reads(&session(), owned(&document, HOME))
    );
    assert!(document.bound().is_empty());
}

#[test]
fn who_one_is_can_always_be_asked() {
    let nobody = Case::default()
        .identity(identity("Deny", "*"))
        .boundary(identity("Deny", "*"))
        .service_control(&[])
        .context(Context::new());
    for action in ["sts:GetCallerIdentity", "STS:getcalleridentity"] {
        assert!(
            nobody
                .ask(&session(), action, ResourceSide::None)
                .is_allowed()
        );
    }
    assert!(
        !nobody
            .ask(&session(), "sts:GetCallerIdentityX", ResourceSide::None)
            .is_allowed()
    );
}

/// A service that acts for itself has no account, so only the resource's policy speaks for it.
#[test]
fn services_are_named_as_services() {
    let emr = service("elasticmapreduce.amazonaws.com");
    let named = |names: &str| {
        let document = trust(&format!(r#""Principal": {names}"#));
        let side = ResourceSide::Trust {
            document: &document,
            account: HOME,
        };
        Case::default()
            .ask(&emr, "sts:AssumeRole", side)
            .is_allowed()
    };
    assert!(named(r#"{"Service": "elasticmapreduce.amazonaws.com"}"#));
    assert!(!named(r#"{"Service": "ec2.amazonaws.com"}"#));
    assert!(!named(r#"{"AWS": "*"}"#));
    assert!(named(r#""*""#));
}
