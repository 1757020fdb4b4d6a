//! The policies that the AWS documents on runtime roles print, broken ones included.
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

const CONNECT: &str = "elasticmapreduce:GetClusterSessionCredentials";
const ROLE: &str = "elasticmapreduce:ExecutionRoleArn";
const CLUSTER: &str = "arn:aws:elasticmapreduce:us-east-1:111122223333:cluster/j-123456789";

fn identity(text: &str) -> PolicyDocument {
    PolicyDocument::parse(text, Usage::Identity).unwrap()
}

/// A whole policy around a printed statement.
fn around(statement: &str) -> PolicyDocument {
    identity(&format!(
        r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#
    ))
}

fn session(account: &str, role: &str) -> Principal {
    Principal::RoleSession {
        role_arn: format!("arn:aws:iam::{account}:role/{role}"),
        session_arn: format!("arn:aws:sts::{account}:assumed-role/{role}/david"),
    }
}

fn decide(document: &PolicyDocument, action: &str, resource: &str, context: Context) -> Decision {
    let principal = session("111122223333", "studio");
    let request = Request {
        principal: &principal,
        unique_id: None,
        action,
        resource,
        context: &context,
    };
    let attached = [Attached {
        name: "printed",
        document,
    }];
    let layers = Layers {
        identity: &attached,
        ..Layers::default()
    };
    evaluate(&request, &layers)
}

fn connects(document: &PolicyDocument, cluster: &str, context: Context) -> bool {
    decide(document, CONNECT, cluster, context).is_allowed()
}

fn role(name: &str) -> Context {
    Context::new().with(ROLE, format!("arn:aws:iam::111122223333:role/{name}"))
}

/// S2–S5: the modeling and training groups.
#[test]
fn roles_and_tags_of_two_groups() {
    let document = identity(include_str!("policies/modeling-training.json"));
    let context = |role: &str, group: &str| {
        Context::new()
            .with(ROLE, format!("arn:aws:iam::123456780910:role/{role}"))
            .with("elasticmapreduce:ResourceTag/group", group)
    };
    for (role, group, expected) in [
        ("emr-execution-role-ml-modeling", "modeling", true),
        (
            "emr-execution-role-ml-modeling-eu",
            "ml-training-team",
            true,
        ),
        ("emr-execution-role-ml-training-2", "x-modeling-y", true),
        ("emr-execution-role-ml-serving", "modeling", false),
        ("emr-execution-role-ml-modeling", "serving", false),
        ("emr-execution-role-ml-modeling", "Modeling", false),
    ] {
        assert_eq!(
            connects(&document, CLUSTER, context(role, group)),
            expected,
            "{role} {group}"
        );
    }
    let modeling = "arn:aws:iam::123456780910:role/emr-execution-role-ml-modeling";
    assert!(
        !connects(&document, CLUSTER, Context::new().with(ROLE, modeling)),
        "an untagged cluster"
    );
    let tagged = Context::new().with("elasticmapreduce:ResourceTag/group", "modeling");
    assert!(!connects(&document, CLUSTER, tagged), "no role passed");
    assert!(
        !decide(
            &document,
            "elasticmapreduce:DescribeCluster",
            CLUSTER,
            context("x", "y")
        )
        .is_allowed()
    );
}

/// S3: the ARN-typed key works with string and ARN operators alike.
#[test]
fn naming_conventions_by_string_and_arn_operators() {
    for operator in ["StringLike", "ArnLike", "ArnEquals"] {
        let document = around(&format!(
            r#"{{"Effect": "Allow", "Action": "{CONNECT}", "Resource": "*",
                 "Condition": {{"{operator}": {{"{ROLE}": "arn:aws:iam::111122223333:role/emr-*"}}}}}}"#
        ));
        assert!(connects(&document, CLUSTER, role("emr-a")), "{operator}");
        assert!(!connects(&document, CLUSTER, role("other")), "{operator}");
    }
}

/// S10: the trust policy as printed misses a bracket; repaired it names one role.
#[test]
fn the_trust_policy_as_printed_is_invalid_json() {
    let printed = include_str!("policies/cross-account-trust-as-printed.json");
    let error = PolicyDocument::parse(printed, Usage::Trust).unwrap_err();
    assert_eq!(error.message, "This policy contains invalid Json");
    assert_eq!(error.line, 12);

    let placeholder = printed.replace("    }\n}", "    }\n  ]\n}");
    let error = PolicyDocument::parse(&placeholder, Usage::Trust).unwrap_err();
    assert_eq!(
        error.message,
        r#"Invalid principal in policy: "AWS":"arn:aws:iam::studio_account_id:role/studio_execution_role""#
    );
    let repaired = placeholder.replace("studio_account_id", "111122223333");
    assert!(PolicyDocument::parse(&repaired, Usage::Trust).is_ok());
}

/// S8, S9: the Studio role assumes the access role of another account; both sides are needed.
#[test]
fn assuming_a_role_of_another_account() {
    let own = around(
        r#"{"Sid": "AllowAssumeCrossAccountEMRAccessRole", "Effect": "Allow", "Action": "sts:AssumeRole",
            "Resource": "arn:aws:iam::444455556666:role/emr-access-role-name"}"#,
    );
    let trust = PolicyDocument::parse(
        r#"{"Version": "2012-10-17", "Statement": [{"Sid": "Trust", "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:role/studio"}, "Action": "sts:AssumeRole"}]}"#,
        Usage::Trust,
    )
    .unwrap();
    let own = [Attached {
        name: "assume",
        document: &own,
    }];
    let decide = |role: &str, identity: &[Attached<'_>]| {
        let principal = session("111122223333", role);
        let resource = "arn:aws:iam::444455556666:role/emr-access-role-name";
        let request = Request {
            principal: &principal,
            unique_id: None,
            action: "sts:AssumeRole",
            resource,
            context: &Context::new(),
        };
        let resource = ResourceSide::Trust {
            document: &trust,
            account: "444455556666",
        };
        let decision = evaluate(
            &request,
            &Layers {
                identity,
                resource,
                ..Layers::default()
            },
        );
        (
            decision.effect,
            decision.door,
            decision.denial_message(&request),
        )
    };
    assert_eq!(decide("studio", &own).0, Effect::Allowed);
    let (effect, door, message) = decide("studio", &[]);
    assert_eq!(
        (effect, door),
        (Effect::ImplicitDeny, Some(Door::IdentityPolicy))
    );
    assert_eq!(
        message,
        "User: arn:aws:sts::111122223333:assumed-role/studio/david is not authorized to perform: sts:AssumeRole on \
         resource: arn:aws:iam::444455556666:role/emr-access-role-name because no identity-based policy allows the \
         sts:AssumeRole action"
    );
    assert_eq!(decide("other", &own).1, Some(Door::TrustPolicy));
}

/// S12: an empty resource.
#[test]
fn the_access_policy_as_printed_has_no_resource() {
    let printed = include_str!("policies/access-role-as-printed.json");
    let error = PolicyDocument::parse(printed, Usage::Identity).unwrap_err();
    assert_eq!(error.message, r#"Resource  must be in ARN format or "*"."#);
    assert_eq!((error.line, error.column), (8, 25));
    for resource in [CLUSTER, "*"] {
        let text = printed.replace(r#""Resource": """#, &format!(r#""Resource": "{resource}""#));
        let document = identity(&text);
        let listed = Context::new().with(
            ROLE,
            "arn:aws:iam::emr_account_id:role/emr-execution-role-name",
        );
        assert!(connects(&document, CLUSTER, listed));
        assert!(!connects(&document, CLUSTER, role("another")));
    }
}

/// S50: exactly two roles, any cluster.
#[test]
fn two_roles_by_string_equals() {
    let document = around(include_str!("policies/workspace-1.json"));
    assert!(connects(&document, CLUSTER, role("test-emr-demo1")));
    assert!(connects(
        &document,
        "arn:aws:elasticmapreduce:eu-west-1:1:cluster/j-9",
        role("test-emr-demo2")
    ));
    assert!(!connects(&document, CLUSTER, role("test-emr-demo3")));
    assert!(!connects(&document, CLUSTER, role("test-emr-demo11")));
    assert!(!connects(&document, CLUSTER, Context::new()));
}

/// S51: one cluster, one role.
#[test]
fn one_cluster_and_one_role() {
    let document =
        around(&include_str!("policies/workspace-2.json").replace("<region>", "us-east-1"));
    assert!(connects(&document, CLUSTER, role("test-emr-demo3")));
    assert!(!connects(&document, CLUSTER, role("test-emr-demo1")));
    assert!(!connects(
        &document,
        &CLUSTER.replace("j-123456789", "j-1234567890"),
        role("test-emr-demo3")
    ));
    assert!(!connects(
        &document,
        &CLUSTER.replace("us-east-1", "us-west-2"),
        role("test-emr-demo3")
    ));
}

/// S52: a tag and a role prefix.
#[test]
fn a_tag_and_a_role_prefix() {
    let document = around(include_str!("policies/workspace-3.json"));
    let tagged =
        |name: &str, value: &str| role(name).with("elasticmapreduce:ResourceTag/tagKey", value);
    assert!(connects(
        &document,
        CLUSTER,
        tagged("test-emr-demo4-x", "tagValue")
    ));
    assert!(connects(
        &document,
        CLUSTER,
        tagged("test-emr-demo4", "tagValue")
    ));
    assert!(!connects(
        &document,
        CLUSTER,
        tagged("test-emr-demo4", "tagvalue")
    ));
    assert!(!connects(
        &document,
        CLUSTER,
        tagged("test-emr-demo3", "tagValue")
    ));
    assert!(!connects(&document, CLUSTER, role("test-emr-demo4")));

    let refused = decide(&document, CONNECT, CLUSTER, role("test-emr-demo4"));
    let near = refused
        .reasons
        .iter()
        .find(|reason| reason.outcome == Outcome::ConditionUnmet)
        .unwrap();
    assert_eq!(near.sid.as_deref(), Some("AllowSpecificExecRoleArn"));
    assert_eq!(
        near.detail.as_deref(),
        Some("StringEquals elasticmapreduce:ResourceTag/tagKey")
    );
}

/// S53: without the condition any role passes. That the author is warned is lint's to show.
#[test]
fn a_grant_without_a_role_condition_lets_any_role_be_used() {
    let open = around(&format!(
        r#"{{"Sid": "Open", "Effect": "Allow", "Action": "{CONNECT}", "Resource": "*"}}"#
    ));
    assert!(connects(&open, CLUSTER, role("any")));
}

/// S70–S72: the service role's trust policy guards against the confused deputy.
#[test]
fn the_service_role_trusts_one_service_for_one_account() {
    let text = include_str!("policies/service-role-trust.json")
        .replace("<account-id>", "111122223333")
        .replace("<region>", "us-east-1");
    let trust = PolicyDocument::parse(&text, Usage::Trust).unwrap();
    let assumes = |service: &str, account: &str, region: &str| {
        let principal = Principal::Service {
            name: service.into(),
        };
        let context = Context::new().with("aws:SourceAccount", account).with(
            "aws:SourceArn",
            format!("arn:aws:elasticmapreduce:{region}:{account}:studio/es-1"),
        );
        let resource = "arn:aws:iam::111122223333:role/service";
        let request = Request {
            principal: &principal,
            unique_id: None,
            action: "sts:AssumeRole",
            resource,
            context: &context,
        };
        let resource = ResourceSide::Trust {
            document: &trust,
            account: "111122223333",
        };
        evaluate(
            &request,
            &Layers {
                identity: &[],
                resource,
                ..Layers::default()
            },
        )
        .is_allowed()
    };
    assert!(assumes(
        "elasticmapreduce.amazonaws.com",
        "111122223333",
        "us-east-1"
    ));
    assert!(!assumes("ec2.amazonaws.com", "111122223333", "us-east-1"));
    assert!(!assumes(
        "elasticmapreduce.amazonaws.com",
        "444455556666",
        "us-east-1"
    ));
    assert!(!assumes(
        "elasticmapreduce.amazonaws.com",
        "111122223333",
        "eu-west-1"
    ));
}

/// S73–S86: the service role's permissions.
#[test]
fn the_service_role_permissions() {
    let document = identity(include_str!("policies/service-role-permissions.json"));
    let tag = "for-use-with-amazon-emr-managed-policies";
    let resource_tag = |value: &str| Context::new().with(&format!("aws:ResourceTag/{tag}"), value);
    let request_tag = |value: &str| Context::new().with(&format!("aws:RequestTag/{tag}"), value);
    let arn = |resource: &str| format!("arn:aws:ec2:us-east-1:111122223333:{resource}");
    let allowed = |action: &str, resource: &str, context: Context| {
        decide(&document, action, &arn(resource), context).is_allowed()
    };
    assert!(allowed(
        "ec2:ModifyNetworkInterfaceAttribute",
        "instance/i-1",
        Context::new()
    ));
    assert!(allowed(
        "ec2:CreateNetworkInterface",
        "subnet/s-1",
        resource_tag("true")
    ));
    assert!(!allowed(
        "ec2:CreateNetworkInterface",
        "subnet/s-1",
        Context::new()
    ));
    assert!(!allowed(
        "ec2:CreateNetworkInterface",
        "subnet/s-1",
        resource_tag("True")
    ));
    assert!(allowed(
        "ec2:CreateNetworkInterface",
        "network-interface/*",
        request_tag("true")
    ));
    assert!(!allowed(
        "ec2:CreateSecurityGroup",
        "vpc/v-1",
        Context::new()
    ));
    assert!(allowed(
        "ec2:CreateSecurityGroup",
        "vpc/v-1",
        resource_tag("true")
    ));
    let creating = |action: &str| request_tag("true").with("ec2:CreateAction", action);
    assert!(allowed(
        "ec2:CreateTags",
        "security-group/sg-1",
        creating("CreateSecurityGroup")
    ));
    assert!(!allowed(
        "ec2:CreateTags",
        "security-group/sg-1",
        request_tag("true")
    ));
    assert!(allowed(
        "ec2:CreateTags",
        "network-interface/eni-1",
        creating("CreateNetworkInterface")
    ));
    assert!(!allowed(
        "ec2:CreateTags",
        "network-interface/eni-1",
        request_tag("true")
    ));
    assert!(decide(&document, "ec2:DescribeVpcs", "*", Context::new()).is_allowed());
    assert!(!allowed(
        "ec2:DeleteNetworkInterface",
        "network-interface/eni-1",
        Context::new()
    ));
    let secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:git-AbCdEf";
    assert!(
        decide(
            &document,
            "secretsmanager:GetSecretValue",
            secret,
            resource_tag("true")
        )
        .is_allowed()
    );
    assert!(
        !decide(
            &document,
            "secretsmanager:GetSecretValue",
            secret,
            Context::new()
        )
        .is_allowed()
    );
}

/// S89, S93: the minimum for EMR Serverless.
#[test]
fn the_serverless_minimum() {
    let document = identity(include_str!("policies/serverless-minimum.json"));
    let allowed = |action: &str, resource: &str| {
        decide(&document, action, resource, Context::new()).is_allowed()
    };
    assert!(allowed("s3:PutObject", "arn:aws:s3:::bucket-name/a/b"));
    assert!(!allowed("s3:PutObject", "arn:aws:s3:::bucket-name"));
    assert!(allowed("s3:ListBucket", "arn:aws:s3:::bucket-name"));
    assert!(!allowed("s3:ListBucket", "arn:aws:s3:::bucket-name-2"));
    assert!(!allowed(
        "ec2:CreateNetworkInterface",
        "arn:aws:ec2:us-east-1:111122223333:subnet/s-1"
    ));
}

/// S109, S110: scoped by cluster ARNs and a role pattern.
#[test]
fn cluster_arns_and_a_role_pattern() {
    let document = around(&format!(
        r#"{{"Sid": "AllowEMRRuntimeRole", "Effect": "Allow", "Action": "{CONNECT}", "Resource": ["{CLUSTER}"],
             "Condition": {{"StringLike": {{"{ROLE}": ["arn:aws:iam::111122223333:role/*-data-access-role"]}}}}}}"#
    ));
    assert!(connects(
        &document,
        CLUSTER,
        role("marketing-data-access-role")
    ));
    assert!(!connects(
        &document,
        &CLUSTER.replace("j-1", "j-2"),
        role("marketing-data-access-role")
    ));
    assert!(!connects(&document, CLUSTER, role("admin")));
    let principal = session("111122223333", "studio");
    let context = role("admin");
    let request = Request {
        principal: &principal,
        unique_id: None,
        action: CONNECT,
        resource: CLUSTER,
        context: &context,
    };
    assert_eq!(
        decide(&document, CONNECT, CLUSTER, role("admin")).denial_message(&request),
        format!(
            "User: arn:aws:sts::111122223333:assumed-role/studio/david is not authorized to perform: {CONNECT} on \
             resource: {CLUSTER} because no identity-based policy allows the {CONNECT} action"
        )
    );
}

/// S111, S112: by tag alone; the curly quotes of the blog are not JSON.
#[test]
fn a_tag_alone_and_curly_quotes() {
    let printed = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Sid": "AllowEMRRuntimeRole", "Effect": "Allow",
             "Action": "{CONNECT}", "Resource": “*”,
             "Condition": {{"StringEquals": {{"elasticmapreduce:ResourceTag/team": "red"}}}}}}]}}"#
    );
    let error = PolicyDocument::parse(&printed, Usage::Identity).unwrap_err();
    assert_eq!(error.message, "This policy contains invalid Json");
    assert_eq!(error.line, 2);
    let document = identity(&printed.replace(['“', '”'], "\""));
    let tagged = |value: &str| role("any").with("elasticmapreduce:ResourceTag/team", value);
    assert!(connects(&document, CLUSTER, tagged("red")));
    assert!(!connects(&document, CLUSTER, tagged("blue")));
    assert!(!connects(&document, CLUSTER, role("any")));
}
