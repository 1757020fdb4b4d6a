//! The documented evaluation logic, row by row.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use lakeward_policy::{
    Attached, Context, Decision, Door, Effect, Layers, Outcome, PolicyDocument, Principal, Request,
    ResourceSide, Usage, evaluate,
};

const HOME: &str = "111122223333";
const AWAY: &str = "444455556666";
const ROLE: &str = "arn:aws:iam::111122223333:role/reader";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/reader/ana";
const USER: &str = "arn:aws:iam::111122223333:user/ana";
const ROOT: &str = "arn:aws:iam::111122223333:root";
const OBJECT: &str = "arn:aws:s3:::lake/a";

fn session() -> Principal {
    Principal::RoleSession {
        role_arn: ROLE.into(),
        session_arn: SESSION.into(),
    }
}

fn user() -> Principal {
    Principal::User { arn: USER.into() }
}

fn root() -> Principal {
    Principal::Root {
        account: HOME.into(),
    }
}

fn identity(effect: &str, action: &str) -> PolicyDocument {
    let text = format!(
        r#"{{"Version": "2012-10-17",
             "Statement": {{"Sid": "One", "Effect": "{effect}", "Action": "{action}", "Resource": "*"}}}}"#
    );
    PolicyDocument::parse(&text, Usage::Identity).unwrap()
}

fn bucket(effect: &str, principal: &str) -> PolicyDocument {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Sid": "Bucket", "Effect": "{effect}", {principal},
             "Action": "s3:*", "Resource": "arn:aws:s3:::lake/*"}}}}"#
    );
    PolicyDocument::parse(&text, Usage::Resource).unwrap()
}

fn names(principal: &str) -> String {
    format!(r#""Principal": {{"AWS": "{principal}"}}"#)
}

fn trust(principal: &str) -> PolicyDocument {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", {principal}, "Action": "sts:AssumeRole"}}}}"#
    );
    PolicyDocument::parse(&text, Usage::Trust).unwrap()
}

/// The layers of a case, owned.
#[derive(Default)]
struct Case {
    identity: Vec<PolicyDocument>,
    boundary: Option<PolicyDocument>,
    session: Option<Vec<PolicyDocument>>,
}

impl Case {
    fn identity(mut self, document: PolicyDocument) -> Case {
        self.identity.push(document);
        self
    }

    fn boundary(mut self, document: PolicyDocument) -> Case {
        self.boundary = Some(document);
        self
    }

    fn session(mut self, document: PolicyDocument) -> Case {
        self.session.get_or_insert_default().push(document);
        self
    }

    fn ask(&self, principal: &Principal, action: &str, resource: ResourceSide<'_>) -> Decision {
        let request = Request {
            principal,
            action,
            resource: OBJECT,
            context: &Context::new(),
        };
        let named = |documents: &'_ [PolicyDocument]| documents.to_vec();
        let (identity, session) = (named(&self.identity), self.session.clone());
        let identity: Vec<_> = identity
            .iter()
            .map(|document| Attached {
                name: "identity",
                document,
            })
            .collect();
        let session: Option<Vec<_>> = session.as_ref().map(|documents| {
            documents
                .iter()
                .map(|document| Attached {
                    name: "session",
                    document,
                })
                .collect()
        });
        let boundary = self.boundary.as_ref().map(|document| Attached {
            name: "boundary",
            document,
        });
        evaluate(
            &request,
            &Layers {
                identity: &identity,
                boundary,
                session: session.as_deref(),
                resource,
            },
        )
    }

    fn reads(&self, principal: &Principal, resource: ResourceSide<'_>) -> bool {
        self.ask(principal, "s3:GetObject", resource).is_allowed()
    }
}

fn owned<'a>(document: &'a PolicyDocument, account: &'a str) -> ResourceSide<'a> {
    ResourceSide::Policy { document, account }
}

fn other() -> PolicyDocument {
    identity("Allow", "glue:*")
}

/// Identity, boundary and session without a word on S3.
fn silent() -> Case {
    Case::default()
        .identity(other())
        .boundary(other())
        .session(other())
}

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
            action: "s3:GetObject",
            resource,
            context: &context,
        };
        let resource = owned(&document, HOME);
        evaluate(
            &request,
            &Layers {
                identity: &[],
                boundary: None,
                session: None,
                resource,
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

/// The texts of the IAM User Guide, one per door.
#[test]
fn denial_messages() {
    let refusal = |case: Case, side: ResourceSide<'_>| {
        let principal = session();
        let decision = case.ask(&principal, "s3:GetObject", side);
        let request = Request {
            principal: &principal,
            action: "s3:GetObject",
            resource: OBJECT,
            context: &Context::new(),
        };
        decision.denial_message(&request)
    };
    let all = || identity("Allow", "*");
    let no = || identity("Deny", "*");
    let closed = bucket("Deny", r#""Principal": "*""#);
    let elsewhere = bucket("Allow", &names(AWAY));
    let messages = [
        refusal(Case::default(), ResourceSide::None),
        refusal(
            Case::default().identity(all()).boundary(other()),
            ResourceSide::None,
        ),
        refusal(
            Case::default().identity(all()).session(other()),
            ResourceSide::None,
        ),
        refusal(Case::default().identity(all()), owned(&elsewhere, AWAY)),
        refusal(Case::default().identity(no()), ResourceSide::None),
        refusal(Case::default().boundary(no()), ResourceSide::None),
        refusal(Case::default().session(no()), ResourceSide::None),
        refusal(Case::default(), owned(&closed, HOME)),
    ];
    let start = format!(
        "User: {SESSION} is not authorized to perform: s3:GetObject on resource: {OBJECT} "
    );
    let ends: Vec<_> = messages
        .iter()
        .map(|message| message.strip_prefix(&start).unwrap())
        .collect();
    insta::assert_snapshot!(ends.join("\n"), @r"
    because no identity-based policy allows the s3:GetObject action
    because no permissions boundary allows the s3:GetObject action
    because no session policy allows the s3:GetObject action
    because no resource-based policy allows the s3:GetObject action
    with an explicit deny in an identity-based policy
    with an explicit deny in a permissions boundary
    with an explicit deny in a sessions policy
    with an explicit deny in a resource-based policy
    ");
}

/// Decisions are stored in audit records, so their shape is fixed.
#[test]
fn a_decision_as_json() {
    let decision =
        Case::default()
            .identity(other())
            .ask(&user(), "s3:GetObject", ResourceSide::None);
    assert_eq!(
        serde_json::to_string(&decision).unwrap(),
        r#"{"effect":"implicitDeny","door":"identityPolicy","reasons":[{"door":"identityPolicy","outcome":"nothingAllows"}]}"#
    );
    let decision =
        Case::default()
            .identity(other())
            .ask(&user(), "glue:GetTable", ResourceSide::None);
    assert_eq!(
        serde_json::to_string(&decision).unwrap(),
        r#"{"effect":"allowed","door":null,"reasons":[{"door":"identityPolicy","outcome":"allows","policy":"identity","statement":0,"sid":"One"}]}"#
    );
}
