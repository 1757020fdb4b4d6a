//! What a decision tells: AWS's texts, its JSON, and the way out.

use lakeward_policy::{
    Context, Door, Effect, Outcome, PolicyDocument, Request, ResourceSide, Usage,
};
use serde_json::json;

use crate::case::*;

/// The texts of the IAM User Guide, one per door.
#[test]
fn denial_messages() {
    let refusal = |case: Case, side: ResourceSide<'_>| {
        let principal = session();
        let decision = case.ask(&principal, "s3:GetObject", side);
        let request = Request {
            principal: &principal,
            unique_id: None,
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
        r#"{"effect":"allowed","door":null,"reasons":[{"door":"identityPolicy","outcome":"allows","policy":"identity","statement":0,"sid":"One","line":2}]}"#
    );
}

/// Organizations' denials are told as explicit ones, whether they are or not.
#[test]
fn denial_messages_of_the_outer_doors() {
    let all = || identity("Allow", "*");
    let may = || Case::default().identity(all());
    let open = |usage| everyone(usage, "Allow", "*");
    let shut = |usage| everyone(usage, "Allow", "glue:*");
    let deny = |usage| everyone(usage, "Deny", "s3:*");
    let (control, endpoint) = (Usage::ResourceControl, Usage::Endpoint);
    let cases = [
        (may().service_control(&[other()]), Effect::ImplicitDeny),
        (
            may().service_control(&[all(), identity("Deny", "s3:*")]),
            Effect::ExplicitDeny,
        ),
        (
            may().resource_control(&[shut(control)]),
            Effect::ImplicitDeny,
        ),
        (
            may().resource_control(&[open(control), deny(control)]),
            Effect::ExplicitDeny,
        ),
        (may().endpoint(shut(endpoint)), Effect::ImplicitDeny),
        (may().endpoint(deny(endpoint)), Effect::ExplicitDeny),
    ];
    let start =
        format!("User: {USER} is not authorized to perform: s3:GetObject on resource: {OBJECT} ");
    let ends = cases.map(|(case, effect)| {
        let principal = user();
        let decision = case.ask(&principal, "s3:GetObject", ResourceSide::None);
        assert_eq!(decision.effect, effect);
        let message = decision.denial_message(&case.request(&principal, "s3:GetObject"));
        message.strip_prefix(&start).unwrap().to_owned()
    });
    insta::assert_snapshot!(ends.join("\n"), @r"
    with an explicit deny in a service control policy
    with an explicit deny in a service control policy
    with an explicit deny in a resource control policy
    with an explicit deny in a resource control policy
    because no VPC endpoint policy allows the s3:GetObject action
    with an explicit deny in a VPC endpoint policy
    ");
}

#[test]
fn every_deny_and_every_lack_is_told() {
    let text = r#"{"Version": "2012-10-17", "Statement": [
        {"Sid": "First", "Effect": "Deny", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Sid": "Second", "Effect": "Deny", "NotAction": "iam:*", "Resource": "*"}]}"#;
    let document = PolicyDocument::parse(text, Usage::Identity).unwrap();
    let case = Case::default().identity(document).boundary(other());
    let decision = case.ask(&user(), "s3:GetObject", ResourceSide::None);
    let told: Vec<_> = decision
        .reasons
        .iter()
        .map(|reason| {
            (
                reason.door,
                reason.outcome,
                reason.sid.as_deref(),
                reason.line,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                Door::IdentityPolicy,
                Outcome::Denies,
                Some("First"),
                Some(2)
            ),
            (
                Door::IdentityPolicy,
                Outcome::Denies,
                Some("Second"),
                Some(4)
            ),
            (
                Door::PermissionsBoundary,
                Outcome::NothingAllows,
                None,
                None
            ),
        ]
    );
    assert_eq!(decision.door, Some(Door::IdentityPolicy));
}

#[test]
fn remedies_say_what_to_change() {
    let text = r#"{"Version": "2012-10-17", "Statement": [
        {"Sid": "Team", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*",
         "Condition": {"StringEquals": {"aws:PrincipalTag/team": ["red", "blue"]},
                       "Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}"#;
    let document = PolicyDocument::parse(text, Usage::Identity).unwrap();
    let context = Context::new().with("aws:PrincipalTag/Team", "green");
    let case = Case::default()
        .identity(document)
        .boundary(other())
        .context(context);
    let principal = session();
    let stranger = bucket("Allow", &names(AWAY));
    let decision = case.ask(&principal, "s3:GetObject", owned(&stranger, AWAY));
    let remedies = decision.remedies(&case.request(&principal, "s3:GetObject"));
    let doors: Vec<_> = remedies.iter().map(|remedy| remedy.door).collect();
    assert_eq!(
        doors,
        [
            Door::IdentityPolicy,
            Door::PermissionsBoundary,
            Door::ResourcePolicy
        ]
    );
    let statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECT});
    assert_eq!(remedies[0].statement, Some(statement));
    assert_eq!(
        remedies[2].statement,
        Some(
            json!({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:GetObject", "Resource": OBJECT})
        )
    );
    insta::assert_snapshot!(remedies[0].advice, @r#"No identity-based policy allows s3:GetObject on arn:aws:s3:::lake/a. Add the statement to a policy of the user, group or role. Statement "Team" of identity-based policy "identity" (line 2) would allow it, but StringEquals on aws:PrincipalTag/team wants red or blue, and the request had green. Statement "Team" of identity-based policy "identity" (line 2) would allow it, but Bool on aws:MultiFactorAuthPresent wants true, and the request did not have that key."#);
    let had: Vec<_> = remedies[0]
        .existing
        .iter()
        .map(|found| found.request_had.clone())
        .collect();
    assert_eq!(had, [Some(vec!["green".to_owned()]), Some(Vec::new())]);

    let case = Case::default().identity(identity("Deny", "s3:*"));
    let decision = case.ask(&principal, "s3:GetObject", ResourceSide::None);
    let remedies = decision.remedies(&case.request(&principal, "s3:GetObject"));
    assert_eq!((remedies.len(), remedies[0].statement.is_none()), (2, true));
    insta::assert_snapshot!(remedies[0].advice, @r#"Statement "One" of identity-based policy "identity" (line 2) denies s3:GetObject on arn:aws:s3:::lake/a; no other policy can outweigh it. Remove or narrow that statement."#);
    let json = serde_json::to_value(&remedies[0]).unwrap();
    assert_eq!(json["existing"][0]["outcome"], "denies");
    assert!(json.get("statement").is_none());
}
