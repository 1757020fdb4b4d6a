//! The policy simulator, against what the same requests are really answered.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod account;

use account::{Account, Reply, account};
use bytes::Bytes;
use http::Request;
use lakeward_client::Credentials;
use serde_json::{Value, json};

const ANA: &str = "arn:aws:iam::111122223333:user/ana";
const READER: &str = "arn:aws:iam::111122223333:role/reader";

fn document(statement: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statement}).to_string()
}

fn allow(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

async fn with_ana(statement: &Value) -> Account {
    let account = account().await;
    account.iam("CreateUser", &[("UserName", "ana")]).await;
    put(&account, statement).await;
    account
}

async fn put(account: &Account, statement: &Value) {
    let text = document(statement);
    let policy = [
        ("UserName", "ana"),
        ("PolicyName", "own"),
        ("PolicyDocument", &*text),
    ];
    account.iam("PutUserPolicy", &policy).await;
}

/// Simulates one action of ana's on one resource.
async fn ana(account: &Account, action: &str, resource: &str, more: &[(&str, &str)]) -> Reply {
    let mut parameters = vec![
        ("PolicySourceArn", ANA),
        ("ActionNames.member.1", action),
        ("ResourceArns.member.1", resource),
    ];
    parameters.extend(more);
    account.iam("SimulatePrincipalPolicy", &parameters).await
}

#[tokio::test]
async fn a_users_policies_decide_and_are_pointed_to() {
    let account = with_ana(&json!([
        allow("s3:Get*", "arn:aws:s3:::lake/*"),
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::lake/secret/*"},
    ]))
    .await;
    for (resource, decision) in [
        ("arn:aws:s3:::lake/a", "allowed"),
        ("arn:aws:s3:::other/a", "implicitDeny"),
        ("arn:aws:s3:::lake/secret/a", "explicitDeny"),
    ] {
        let reply = ana(&account, "s3:GetObject", resource, &[]).await;
        assert_eq!(reply.text("EvalDecision"), decision, "{resource}");
        assert_eq!(reply.text("EvalResourceDecision"), decision);
        assert_eq!(reply.text("EvalResourceName"), resource);
    }
    let allowed = ana(&account, "s3:GetObject", "arn:aws:s3:::lake/a", &[]).await;
    assert_eq!(allowed.text("SourcePolicyId"), "own");
    assert_eq!(allowed.text("SourcePolicyType"), "user");
    assert_eq!(
        allowed.text("StartPosition"),
        "<Line>1</Line><Column>38</Column>"
    );
}

#[tokio::test]
async fn groups_managed_policies_and_boundaries_take_part() {
    let account = with_ana(&allow("iam:GetUser", "*")).await;
    let text = document(&allow("sqs:*", "*"));
    account.iam("CreateGroup", &[("GroupName", "team")]).await;
    let group = [
        ("GroupName", "team"),
        ("PolicyName", "shared"),
        ("PolicyDocument", &*text),
    ];
    account.iam("PutGroupPolicy", &group).await;
    let member = [("GroupName", "team"), ("UserName", "ana")];
    account.iam("AddUserToGroup", &member).await;
    let reply = ana(&account, "sqs:SendMessage", "*", &[]).await;
    assert_eq!(reply.text("EvalDecision"), "allowed");
    assert_eq!(reply.text("SourcePolicyType"), "group");
    assert!(!reply.body.contains("PermissionsBoundaryDecisionDetail"));
    let boundary = document(&allow("s3:*", "*"));
    let given = [("PermissionsBoundaryPolicyInputList.member.1", &*boundary)];
    let reply = ana(&account, "sqs:SendMessage", "*", &given).await;
    assert_eq!(reply.text("EvalDecision"), "implicitDeny");
    assert_eq!(reply.text("AllowedByPermissionsBoundary"), "false");
    let more = document(&allow("s3:*", "*"));
    let given = [("PolicyInputList.member.1", &*more)];
    let reply = ana(&account, "s3:GetObject", "*", &given).await;
    assert_eq!(reply.text("SourcePolicyId"), "PolicyInputList.1");
}

#[tokio::test]
async fn what_follows_from_the_principal_is_known_and_the_rest_is_named() {
    let account = with_ana(&json!({
        "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/${aws:username}/*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red", "s3:ExistingObjectTag/a": "b"}},
    }))
    .await;
    let tag = [
        ("UserName", "ana"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "red"),
    ];
    account.iam("TagUser", &tag).await;
    let object = "arn:aws:s3:::lake/ana/object";
    let reply = ana(&account, "s3:GetObject", object, &[]).await;
    assert_eq!(reply.text("EvalDecision"), "implicitDeny");
    assert_eq!(
        reply.text("MissingContextValues"),
        "<member>s3:ExistingObjectTag/a</member>"
    );
    let entry = [
        (
            "ContextEntries.member.1.ContextKeyName",
            "s3:existingobjecttag/A",
        ),
        ("ContextEntries.member.1.ContextKeyType", "string"),
        ("ContextEntries.member.1.ContextKeyValues.member.1", "b"),
    ];
    let reply = ana(&account, "s3:GetObject", object, &entry).await;
    assert_eq!(reply.text("EvalDecision"), "allowed");
    assert_eq!(reply.text("MissingContextValues"), "");
    let keys = account
        .iam(
            "GetContextKeysForPrincipalPolicy",
            &[("PolicySourceArn", ANA)],
        )
        .await;
    assert_eq!(
        keys.texts("member"),
        [
            "aws:PrincipalTag/team",
            "aws:username",
            "s3:ExistingObjectTag/a"
        ]
    );
}

#[tokio::test]
async fn a_roles_trust_policy_takes_part_as_it_does_in_truth() {
    let account = with_ana(&allow("sts:*", "*")).await;
    let key = account.iam("CreateAccessKey", &[("UserName", "ana")]).await;
    let key = Credentials::permanent(key.text("AccessKeyId"), key.text("SecretAccessKey"));
    for (principal, decision) in [
        (ANA, "allowed"),
        ("arn:aws:iam::111122223333:root", "allowed"),
        ("arn:aws:iam::444455556666:root", "implicitDeny"),
    ] {
        let trust = document(&json!({
            "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole",
        }));
        let role = [
            ("RoleName", "reader"),
            ("AssumeRolePolicyDocument", &*trust),
        ];
        account.iam("CreateRole", &role).await;
        let reply = ana(&account, "sts:AssumeRole", READER, &[]).await;
        assert_eq!(reply.text("EvalDecision"), decision, "{principal}");
        let body = lakeward_client::form([
            ("Action", "AssumeRole"),
            ("RoleArn", READER),
            ("RoleSessionName", "here"),
        ]);
        let request = Request::post("https://sts.us-east-1.amazonaws.com/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        let truth = account.send(&key, "sts", request).await;
        assert_eq!(truth.status == 200, decision == "allowed", "{}", truth.body);
        account.iam("DeleteRole", &[("RoleName", "reader")]).await;
    }
    let reply = ana(&account, "sts:AssumeRole", READER, &[]).await;
    assert_eq!(reply.text("EvalDecision"), "implicitDeny");
}

#[tokio::test]
async fn a_resource_policy_shares_across_accounts() {
    let account = with_ana(&allow("s3:GetObject", "*")).await;
    let policy = document(&json!({
        "Effect": "Allow", "Principal": {"AWS": ANA}, "Action": "s3:*", "Resource": "*",
    }));
    let object = "arn:aws:s3:::theirs/object";
    let owner = ("ResourceOwner", "arn:aws:iam::444455556666:root");
    let reply = ana(&account, "s3:GetObject", object, &[owner]).await;
    assert_eq!(reply.text("EvalDecision"), "implicitDeny");
    let given = [owner, ("ResourcePolicy", &*policy)];
    let reply = ana(&account, "s3:GetObject", object, &given).await;
    assert_eq!(reply.text("EvalDecision"), "allowed");
    assert_eq!(
        reply.text("EvalDecisionDetails"),
        "<entry><key>IAM Policy</key><value>allowed</value></entry><entry><key>Resource Policy</key><value>allowed</value></entry>"
    );
    let reply = ana(&account, "s3:PutObject", object, &given).await;
    assert_eq!(reply.text("EvalDecision"), "implicitDeny");
    assert!(
        reply
            .text("EvalDecisionDetails")
            .contains("<value>implicitDeny</value>")
    );
}

#[tokio::test]
async fn the_organizations_policies_take_part() {
    let account = account().await;
    let organization = |operation: &str, input: Value| {
        let request = Request::post("https://organizations.us-east-1.amazonaws.com/")
            .header(
                "x-amz-target",
                format!("AWSOrganizationsV20161128.{operation}"),
            )
            .body(Bytes::from(input.to_string()))
            .unwrap();
        let account = &account;
        async move {
            let reply = account.send(&account.root, "organizations", request).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            serde_json::from_str::<Value>(&reply.body).unwrap()
        }
    };
    organization("CreateOrganization", json!({})).await;
    let roots = organization("ListRoots", json!({})).await;
    let root = &roots["Roots"][0]["Id"];
    let kind = "SERVICE_CONTROL_POLICY";
    organization(
        "EnablePolicyType",
        json!({"RootId": root, "PolicyType": kind}),
    )
    .await;
    let made = json!({"AccountName": "one", "Email": "one@example.com"});
    let made = organization("CreateAccount", made).await;
    let member = made["CreateAccountStatus"]["AccountId"].as_str().unwrap();
    let deny = document(&json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}));
    let policy = json!({"Name": "no-s3", "Description": "", "Type": kind, "Content": deny});
    let policy = organization("CreatePolicy", policy).await;
    let policy = &policy["Policy"]["PolicySummary"]["Id"];
    organization(
        "AttachPolicy",
        json!({"PolicyId": policy, "TargetId": member}),
    )
    .await;
    let key = account.identity.ensure_account(member).await.unwrap();
    let key = Credentials::permanent(&key.id, key.secret.expose());
    let source = format!("arn:aws:iam::{member}:role/OrganizationAccountAccessRole");
    for (action, decision, allowed) in [
        ("s3:GetObject", "explicitDeny", "false"),
        ("sqs:SendMessage", "allowed", "true"),
    ] {
        let parameters = [
            ("PolicySourceArn", &*source),
            ("ActionNames.member.1", action),
        ];
        let reply = account
            .iam_as(&key, "SimulatePrincipalPolicy", &parameters)
            .await;
        assert_eq!(reply.text("EvalDecision"), decision);
        assert_eq!(reply.text("AllowedByOrganizations"), allowed);
    }
    // Another account's roles aren't one's to simulate.
    let parameters = [
        ("PolicySourceArn", &*source),
        ("ActionNames.member.1", "s3:GetObject"),
    ];
    assert_eq!(
        account
            .refused("SimulatePrincipalPolicy", &parameters)
            .await,
        "AccessDenied"
    );
}

#[tokio::test]
async fn custom_policies_are_simulated_alone() {
    let account = account().await;
    let everything = document(&allow("*", "*"));
    let only_s3 = document(&allow("s3:*", "*"));
    let mut parameters = vec![
        ("PolicyInputList.member.1", &*everything),
        ("ActionNames.member.1", "s3:GetObject"),
        ("ActionNames.member.2", "sqs:SendMessage"),
    ];
    let reply = account.iam("SimulateCustomPolicy", &parameters).await;
    assert_eq!(reply.texts("EvalDecision"), ["allowed", "allowed"]);
    assert_eq!(
        reply.texts("EvalActionName"),
        ["s3:GetObject", "sqs:SendMessage"]
    );
    assert!(!reply.body.contains("OrganizationsDecisionDetail"));
    parameters.push((
        "OrderedOrganizationPolicyInputList.member.1.ServiceControlPolicyInputList.member.1",
        &only_s3,
    ));
    let reply = account.iam("SimulateCustomPolicy", &parameters).await;
    assert_eq!(reply.texts("EvalDecision"), ["allowed", "implicitDeny"]);
    let keys = document(&allow("s3:*", "arn:aws:s3:::home/${aws:username}"));
    let keys = [("PolicyInputList.member.1", &*keys)];
    let keys = account.iam("GetContextKeysForCustomPolicy", &keys).await;
    assert_eq!(keys.texts("member"), ["aws:username"]);
}

#[tokio::test]
async fn results_come_in_pages() {
    let account = with_ana(&allow("s3:*", "*")).await;
    let parameters = [
        ("PolicySourceArn", ANA),
        ("ActionNames.member.1", "s3:GetObject"),
        ("ActionNames.member.2", "s3:PutObject"),
        ("ResourceArns.member.1", "arn:aws:s3:::a/1"),
        ("ResourceArns.member.2", "arn:aws:s3:::a/2"),
        ("MaxItems", "3"),
    ];
    let first = account.iam("SimulatePrincipalPolicy", &parameters).await;
    assert_eq!(first.texts("EvalActionName").len(), 3);
    assert_eq!(first.text("IsTruncated"), "true");
    let mut next = parameters.to_vec();
    next.push(("Marker", first.text("Marker")));
    let second = account.iam("SimulatePrincipalPolicy", &next).await;
    assert_eq!(second.texts("EvalActionName"), ["s3:PutObject"]);
    assert_eq!(second.text("IsTruncated"), "false");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let account = with_ana(&allow("s3:*", "*")).await;
    let source = ("PolicySourceArn", ANA);
    let action = ("ActionNames.member.1", "s3:GetObject");
    for (parameters, code) in [
        (vec![source], "InvalidInput"),
        (
            vec![source, ("ActionNames.member.1", "s3:*")],
            "InvalidInput",
        ),
        (
            vec![source, ("ActionNames.member.1", "GetObject")],
            "InvalidInput",
        ),
        (
            vec![source, action, ("PolicyInputList.member.1", "{}")],
            "InvalidInput",
        ),
        (
            vec![source, action, ("ResourcePolicy", "{}")],
            "InvalidInput",
        ),
        (
            vec![source, action, ("ResourceOwner", "me")],
            "InvalidInput",
        ),
        (vec![source, action, ("CallerArn", "ana")], "InvalidInput"),
        (vec![source, action, ("Marker", "x")], "ValidationError"),
        (
            vec![
                ("PolicySourceArn", "arn:aws:iam::111122223333:user/none"),
                action,
            ],
            "NoSuchEntity",
        ),
        (
            vec![
                source,
                action,
                ("PolicyExclusionList.member.1.PolicyType", "inline"),
            ],
            "InvalidInput",
        ),
    ] {
        let refused = account
            .refused("SimulatePrincipalPolicy", &parameters)
            .await;
        assert_eq!(refused, code, "{parameters:?}");
    }
}
