//! Assuming roles.

use crate::{
    desk::{EVERYTHING, OPEN, admin, assume, own_session, role_may, root_does},
    world::{ACCOUNT, world},
};

#[tokio::test]
async fn members_out_of_bounds_are_named_in_awss_words() {
    let world = world().await;
    let ana = admin(&world, "ana").await;
    world.role("reader", OPEN).await;
    let long = "x".repeat(2049);
    let managed: Vec<(String, String)> = (1..=11)
        .map(|i| {
            let arn = format!("arn:aws:iam::{ACCOUNT}:policy/p{i}");
            (format!("PolicyArns.member.{i}.arn"), arn)
        })
        .collect();
    let managed: Vec<(&str, &str)> = managed.iter().map(|(k, v)| (&**k, &**v)).collect();
    for (more, code, text) in [
        (
            &[("DurationSeconds", "899")][..],
            "ValidationError",
            "greater than or equal to 900",
        ),
        (
            &[("DurationSeconds", "43201")],
            "ValidationError",
            "less than or equal to 43200",
        ),
        (
            &[("DurationSeconds", "3601")],
            "ValidationError",
            "MaxSessionDuration set for this role",
        ),
        (
            &[("RoleSessionName", "a")],
            "ValidationError",
            "roleSessionName",
        ),
        (
            &[("RoleSessionName", "a b")],
            "ValidationError",
            "regular expression",
        ),
        (
            &[("SourceIdentity", "*")],
            "ValidationError",
            "sourceIdentity",
        ),
        (&[("ExternalId", "x")], "ValidationError", "externalId"),
        (&[("Policy", &*long)], "ValidationError", "policy"),
        (&[("Policy", "{")], "MalformedPolicyDocument", ""),
        (&managed, "ValidationError", "policyArns"),
        (
            &[(
                "PolicyArns.member.1.arn",
                "arn:aws:iam::111122223333:policy/none",
            )],
            "ValidationError",
            "does not exist or is not attachable",
        ),
        (
            &[("SerialNumber", "x"), ("TokenCode", "1")],
            "ValidationError",
            "MFA",
        ),
        (
            &[
                (
                    "ProvidedContexts.member.1.ProviderArn",
                    "arn:aws:iam::aws:contextProvider/x",
                ),
                ("ProvidedContexts.member.1.ContextAssertion", "eyJ"),
            ],
            "ValidationError",
            "ProvidedContexts",
        ),
        (
            &[
                ("Tags.member.1.Key", "a"),
                ("Tags.member.1.Value", ""),
                ("Tags.member.2.Key", "A"),
                ("Tags.member.2.Value", ""),
            ],
            "InvalidParameterValue",
            "Duplicate tag keys",
        ),
        (
            &[
                ("Tags.member.1.Key", "AWS:PrincipalArn"),
                ("Tags.member.1.Value", "x"),
            ],
            "ValidationError",
            "reserved",
        ),
        (
            &[("TransitiveTagKeys.member.1", "a")],
            "InvalidParameterValue",
            "must be included in the requested tags",
        ),
    ] {
        let reply = assume(&world, &ana, "reader", more).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (400, code),
            "{more:?} {}",
            reply.body
        );
        assert!(reply.body.contains(text), "{}", reply.body);
    }
}

#[tokio::test]
async fn a_root_user_assumes_no_role() {
    let world = world().await;
    world.role("reader", OPEN).await;
    let reply = assume(&world, &world.root, "reader", &[]).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (403, "AccessDenied"));
    assert_eq!(
        reply.text("Message"),
        Some("Roles may not be assumed by root accounts.")
    );
}

#[tokio::test]
async fn a_chain_lasts_an_hour_and_a_users_session_is_no_chain() {
    let world = world().await;
    let ana = admin(&world, "ana").await;
    for name in ["one", "two"] {
        let parameters = [
            ("Action", "CreateRole"),
            ("RoleName", name),
            ("AssumeRolePolicyDocument", OPEN),
            ("MaxSessionDuration", "7200"),
        ];
        root_does(&world, &parameters).await;
        role_may(&world, name, EVERYTHING).await;
    }
    let two_hours = [("DurationSeconds", "7200")];
    let session = own_session(&world, &ana, &[]).await.credentials();
    let one = assume(&world, &session, "one", &two_hours).await;
    assert_eq!(one.status, 200, "{}", one.body);
    let two = assume(&world, &one.credentials(), "two", &two_hours).await;
    assert_eq!(two.code(), "ValidationError");
    assert!(
        two.body
            .contains("1 hour session limit for roles assumed by role chaining")
    );
    assert_eq!(
        assume(&world, &one.credentials(), "two", &[]).await.status,
        200
    );
}

#[tokio::test]
async fn transitive_tags_go_on_and_cannot_be_set_anew() {
    let world = world().await;
    let ana = admin(&world, "ana").await;
    for name in ["one", "two"] {
        world.role(name, OPEN).await;
        role_may(&world, name, EVERYTHING).await;
    }
    let tagged = [
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "x"),
        ("Tags.member.2.Key", "desk"),
        ("Tags.member.2.Value", "7"),
        ("TransitiveTagKeys.member.1", "team"),
    ];
    let one = assume(&world, &ana, "one", &tagged).await.credentials();
    let anew = [("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "y")];
    let conflict = assume(&world, &one, "two", &anew).await;
    assert_eq!(
        conflict.code(),
        "InvalidParameterValue",
        "{}",
        conflict.body
    );
    let two = assume(&world, &one, "two", &[]).await.credentials();
    for (condition, status) in [
        (r#"{"StringEquals":{"aws:PrincipalTag/team":"x"}}"#, 200),
        (r#"{"StringEquals":{"aws:PrincipalTag/desk":"7"}}"#, 403),
    ] {
        let may = format!(
            r#"{{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{condition}}}"#
        );
        role_may(&world, "two", &may).await;
        let reply = world.query(&two, "iam", &[("Action", "ListUsers")]).await;
        assert_eq!(reply.status, status, "{condition}");
    }
}

#[tokio::test]
async fn a_trust_policy_asks_for_what_sts_tells() {
    let world = world().await;
    let ana = admin(&world, "ana").await;
    let trusting = |condition: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"sts:*","Condition":{condition}}}]}}"#
        )
    };
    let tag = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")];
    for (condition, passes, fails) in [
        (
            r#"{"StringEquals":{"sts:ExternalId":"e-7"}}"#,
            &[("ExternalId", "e-7")][..],
            &[("ExternalId", "e-8")][..],
        ),
        (
            r#"{"StringEquals":{"sts:RoleSessionName":"${aws:username}"}}"#,
            &[("RoleSessionName", "ana")],
            &[],
        ),
        (
            r#"{"StringEquals":{"sts:SourceIdentity":"ana"}}"#,
            &[("SourceIdentity", "ana")],
            &[],
        ),
        (r#"{"StringEquals":{"aws:RequestTag/team":"x"}}"#, &tag, &[]),
        (
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":"desk"}}"#,
            &[],
            &tag,
        ),
        (
            r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/a*"}}"#,
            &[],
            &[("RoleSessionName", "x")],
        ),
    ] {
        world.role("r", &trusting(condition)).await;
        let good = assume(&world, &ana, "r", passes).await;
        assert_eq!(good.status, 200, "{condition} {}", good.body);
        if fails != passes && fails != [("RoleSessionName", "x")] {
            let bad = assume(&world, &ana, "r", fails).await;
            assert_eq!(bad.code(), "AccessDenied", "{condition}");
        }
        root_does(&world, &[("Action", "DeleteRole"), ("RoleName", "r")]).await;
    }
}
