//! Identity, boundary, session and resource, in one account and across two.

use lakeward_policy::{
    Context, Door, Effect, Layers, Outcome, PolicyDocument, Principal, Request, ResourceSide,
    Usage, evaluate,
};

use crate::case::*;

#[test]
fn nothing_is_allowed_by_default() {
    let decision = Case::default().ask(&user(), "s3:GetObject", ResourceSide::None);
    assert_eq!(
        (decision.effect, decision.door),
        (Effect::ImplicitDeny, Some(Door::IdentityPolicy))
    );
    assert_eq!(decision.reasons[0].outcome, Outcome::NothingAllows);
}

#[test]
fn identity_boundary_and_session_must_all_allow() {
    let all = || identity("Allow", "s3:*");
    let open = Case::default()
        .identity(all())
        .boundary(all())
        .session(all());
    assert!(open.reads(&session(), ResourceSide::None));
    let shut = Case::default()
        .identity(all())
        .boundary(other())
        .session(all());
    assert_eq!(
        shut.ask(&session(), "s3:GetObject", ResourceSide::None)
            .door,
        Some(Door::PermissionsBoundary)
    );
    let shut = Case::default().identity(all()).session(other());
    assert_eq!(
        shut.ask(&session(), "s3:GetObject", ResourceSide::None)
            .door,
        Some(Door::SessionPolicy)
    );
    let shut = Case::default().session(all()).boundary(all());
    assert_eq!(
        shut.ask(&session(), "s3:GetObject", ResourceSide::None)
            .door,
        Some(Door::IdentityPolicy)
    );
}

#[test]
fn an_explicit_deny_wins_behind_every_door() {
    let all = || identity("Allow", "*");
    let no = || identity("Deny", "s3:Get*");
    let open = bucket("Allow", r#""Principal": "*""#);
    let closed = bucket("Deny", &names(ROOT));
    let base = || Case::default().identity(all());
    for (case, side, door) in [
        (
            base().identity(no()),
            owned(&open, HOME),
            Door::IdentityPolicy,
        ),
        (
            base().boundary(no()),
            owned(&open, HOME),
            Door::PermissionsBoundary,
        ),
        (
            base().session(no()),
            owned(&open, HOME),
            Door::SessionPolicy,
        ),
        (base(), owned(&closed, HOME), Door::ResourcePolicy),
    ] {
        let decision = case.ask(&session(), "s3:GetObject", side);
        assert_eq!(
            (decision.effect, decision.door),
            (Effect::ExplicitDeny, Some(door))
        );
        assert_eq!(decision.reasons[0].outcome, Outcome::Denies);
        assert_eq!(decision.reasons[0].statement, Some(0));
    }
}

/// What a resource policy's allow bypasses in the same account.
#[test]
fn a_resource_policy_of_the_same_account() {
    let allow = |principal: &str| bucket("Allow", &names(principal));
    for (principal, named, case, expected) in [
        (session(), ROLE, Case::default(), true),
        (session(), ROLE, Case::default().boundary(other()), false),
        (session(), ROLE, Case::default().session(other()), false),
        (session(), SESSION, silent(), true),
        (user(), USER, silent(), true),
        (session(), "*", silent(), true),
        (session(), ROOT, silent(), false),
        (session(), ROOT, Case::default(), false),
        (
            session(),
            ROOT,
            Case::default().identity(identity("Allow", "s3:*")),
            true,
        ),
        (user(), ROLE, Case::default(), false),
        (session(), USER, Case::default(), false),
    ] {
        let document = allow(named);
        assert_eq!(
            case.reads(&principal, owned(&document, HOME)),
            expected,
            "{principal:?} named as {named}"
        );
    }
}

#[test]
fn another_account_needs_both_sides() {
    let mine = || Case::default().identity(identity("Allow", "s3:*"));
    for named in [ROLE, SESSION, ROOT, HOME, "*"] {
        let document = bucket("Allow", &names(named));
        assert!(mine().reads(&session(), owned(&document, AWAY)), "{named}");
        assert!(
            !Case::default().reads(&session(), owned(&document, AWAY)),
            "{named}"
        );
        assert!(
            !mine()
                .boundary(other())
                .reads(&session(), owned(&document, AWAY)),
            "{named}"
        );
    }
    let unrelated = bucket("Allow", &names(AWAY));
    assert_eq!(
        mine()
            .ask(&session(), "s3:GetObject", owned(&unrelated, AWAY))
            .door,
        Some(Door::ResourcePolicy)
    );
    let bare = ResourceSide::Account { account: AWAY };
    assert_eq!(
        mine().ask(&session(), "s3:GetObject", bare).door,
        Some(Door::ResourcePolicy)
    );
    assert!(mine().reads(&session(), ResourceSide::Account { account: HOME }));
}

#[test]
fn a_trust_policy_must_allow_explicitly() {
    let may = || Case::default().identity(identity("Allow", "sts:AssumeRole"));
    let ask = |case: &Case, principal: &Principal, document: &PolicyDocument, account: &str| {
        case.ask(
            principal,
            "sts:AssumeRole",
            ResourceSide::Trust { document, account },
        )
    };
    let user_named = trust(&names(USER));
    let role_named = trust(&names(ROLE));
    let account_named = trust(&names(ROOT));
    assert!(ask(&Case::default(), &user(), &user_named, HOME).is_allowed());
    assert!(ask(&Case::default(), &session(), &role_named, HOME).is_allowed());
    assert!(
        !ask(
            &Case::default().boundary(other()),
            &session(),
            &role_named,
            HOME
        )
        .is_allowed()
    );
    assert!(!ask(&Case::default(), &user(), &account_named, HOME).is_allowed());
    assert!(ask(&may(), &user(), &account_named, HOME).is_allowed());
    let refused = ask(&may(), &user(), &role_named, HOME);
    assert_eq!(
        (refused.effect, refused.door),
        (Effect::ImplicitDeny, Some(Door::TrustPolicy))
    );
    assert!(!ask(&Case::default(), &user(), &user_named, AWAY).is_allowed());
    assert!(ask(&may(), &user(), &user_named, AWAY).is_allowed());
}

#[test]
fn the_root_user_needs_no_policy_at_home() {
    assert!(Case::default().reads(&root(), ResourceSide::None));
    assert!(Case::default().reads(&root(), ResourceSide::Account { account: HOME }));
    assert!(!Case::default().reads(&root(), ResourceSide::Account { account: AWAY }));
    let denied = bucket("Deny", r#""Principal": "*""#);
    assert!(!Case::default().reads(&root(), owned(&denied, HOME)));
    let silent = bucket("Allow", &names(AWAY));
    assert!(Case::default().reads(&root(), owned(&silent, HOME)));
    assert!(!Case::default().reads(&root(), owned(&silent, AWAY)));
    let shared = bucket("Allow", &names(ROOT));
    assert!(Case::default().reads(&root(), owned(&shared, AWAY)));
}

#[test]
fn services_and_anonymous_callers_live_by_the_resource_policy() {
    let service = Principal::Service {
        name: "logs.amazonaws.com".into(),
    };
    let named = bucket("Allow", r#""Principal": {"Service": "logs.amazonaws.com"}"#);
    let open = bucket("Allow", r#""Principal": "*""#);
    let everything = Case::default().identity(identity("Allow", "*"));
    assert!(Case::default().reads(&service, owned(&named, HOME)));
    assert!(!everything.reads(&service, ResourceSide::None));
    assert!(!everything.reads(&Principal::Anonymous, ResourceSide::None));
    assert!(Case::default().reads(&Principal::Anonymous, owned(&open, HOME)));
    assert!(!Case::default().reads(&Principal::Anonymous, owned(&named, HOME)));
}

#[test]
fn not_principal_hits_everyone_with_a_boundary() {
    let exempt = format!(r#""NotPrincipal": {{"AWS": ["{SESSION}", "{ROLE}", "{ROOT}"]}}"#);
    let account = format!(r#""NotPrincipal": {{"AWS": ["{ROOT}"]}}"#);
    let allowed = || Case::default().identity(identity("Allow", "s3:*"));
    let document = bucket("Deny", &exempt);
    assert!(allowed().reads(&session(), owned(&document, HOME)));
    assert!(!allowed().reads(&user(), owned(&document, HOME)));
    assert!(
        !allowed()
            .boundary(identity("Allow", "*"))
            .reads(&session(), owned(&document, HOME))
    );
    let document = bucket("Deny", &account);
    assert!(
        !allowed().reads(&user(), owned(&document, HOME)),
        "an account does not exempt its users"
    );
    assert!(allowed().reads(&root(), owned(&document, HOME)));
}

#[test]
fn variables_only_from_2012_on() {
    let text = |version: &str| {
        format!(
            r#"{{"Version": "{version}", "Statement": {{"Effect": "Allow", "Principal": "*", "Action": "s3:*",
                 "Resource": "arn:aws:s3:::lake/${{aws:username}}"}}}}"#
        )
    };
    let reads = |version: &str, resource: &str| {
        let document = PolicyDocument::parse(&text(version), Usage::Resource).unwrap();
        let context = Context::new().with("aws:username", "a");
        let principal = user();
        let request = Request {
            principal: &principal,
            unique_id: None,
            action: "s3:GetObject",
            resource,
            context: &context,
        };
        let resource = owned(&document, HOME);
        evaluate(
            &request,
            &Layers {
                resource,
                ..Layers::default()
            },
        )
        .is_allowed()
    };
    assert!(reads("2012-10-17", OBJECT));
    assert!(!reads("2008-10-17", OBJECT));
    assert!(reads("2008-10-17", "arn:aws:s3:::lake/${aws:username}"));
}

#[test]
fn not_action_and_not_resource() {
    let text = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:Put*", "NotResource": "arn:aws:s3:::lake/*"}]}"#;
    let case = Case::default().identity(PolicyDocument::parse(text, Usage::Identity).unwrap());
    assert!(case.reads(&user(), ResourceSide::None));
    assert!(
        case.ask(&user(), "s3:PutObject", ResourceSide::None)
            .is_allowed()
    );
    assert!(
        !case
            .ask(&user(), "IAM:CreateRole", ResourceSide::None)
            .is_allowed()
    );
}
