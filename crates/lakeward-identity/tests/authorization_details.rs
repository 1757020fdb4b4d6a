//! What an account holds, in one list; its alias, its numbers, its services' own roles and its
//! instance profiles.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod account;

use account::{ACCOUNT, Account, account};

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const AWS_POLICY: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

async fn furnished() -> Account {
    let account = account().await;
    account.iam("CreateUser", &[("UserName", "ana")]).await;
    account.iam("CreateGroup", &[("GroupName", "team")]).await;
    let member = [("GroupName", "team"), ("UserName", "ana")];
    account.iam("AddUserToGroup", &member).await;
    let attached = [("GroupName", "team"), ("PolicyArn", AWS_POLICY)];
    account.iam("AttachGroupPolicy", &attached).await;
    let role = [("RoleName", "machine"), ("AssumeRolePolicyDocument", TRUST)];
    account.iam("CreateRole", &role).await;
    let inline = [
        ("RoleName", "machine"),
        ("PolicyName", "own"),
        ("PolicyDocument", POLICY),
    ];
    account.iam("PutRolePolicy", &inline).await;
    let policy = [("PolicyName", "read"), ("PolicyDocument", POLICY)];
    account.iam("CreatePolicy", &policy).await;
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy/read");
    let version = [
        ("PolicyArn", &*arn),
        ("PolicyDocument", POLICY),
        ("SetAsDefault", "true"),
    ];
    account.iam("CreatePolicyVersion", &version).await;
    let boundary = [("UserName", "ana"), ("PermissionsBoundary", &*arn)];
    account.iam("PutUserPermissionsBoundary", &boundary).await;
    let profile = ("InstanceProfileName", "machines");
    let tags = [
        profile,
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "red"),
    ];
    account.iam("CreateInstanceProfile", &tags).await;
    account
        .iam(
            "AddRoleToInstanceProfile",
            &[profile, ("RoleName", "machine")],
        )
        .await;
    account
}

const GET: &str = "GetAccountAuthorizationDetails";

#[tokio::test]
async fn everything_that_grants_is_listed() {
    let account = furnished().await;
    let all = account.iam(GET, &[]).await;
    let users = all.text("UserDetailList");
    assert!(
        users.contains("<GroupList><member>team</member></GroupList>"),
        "{users}"
    );
    assert!(users.contains(&format!(
        "<PermissionsBoundaryArn>arn:aws:iam::{ACCOUNT}:policy/read</PermissionsBoundaryArn>"
    )));
    let groups = all.text("GroupDetailList");
    assert!(
        groups.contains(&format!("<PolicyArn>{AWS_POLICY}</PolicyArn>")),
        "{groups}"
    );
    let roles = all.text("RoleDetailList");
    assert!(
        roles.contains("<PolicyDocument>%7B%22Version%22"),
        "{roles}"
    );
    assert!(roles.contains("<InstanceProfileName>machines</InstanceProfileName>"));
    let policies = all.text("Policies");
    assert!(
        policies.contains("<PolicyName>AdministratorAccess</PolicyName>"),
        "{policies}"
    );
    assert!(
        policies.contains("<VersionId>v2</VersionId><IsDefaultVersion>true</IsDefaultVersion>")
    );
    assert!(policies.contains("<PermissionsBoundaryUsageCount>1</PermissionsBoundaryUsageCount>"));
    assert_eq!(all.text("IsTruncated"), "false");
}

#[tokio::test]
async fn filters_choose_kinds_and_pages_join_to_the_whole() {
    let account = furnished().await;
    let roles = account.iam(GET, &[("Filter.member.1", "Role")]).await;
    assert_eq!(roles.text("UserDetailList"), "");
    assert!(roles.text("RoleDetailList").contains("machine"));
    let aws = [
        ("Filter.member.1", "AWSManagedPolicy"),
        ("MaxItems", "1000"),
    ];
    let aws = account.iam(GET, &aws).await;
    assert!(aws.texts("PolicyId").len() > 3);
    assert!(!aws.body.contains(&format!(":{ACCOUNT}:")));
    let (mut found, mut marker) = (Vec::new(), None::<String>);
    loop {
        let mut parameters = vec![("MaxItems", "1")];
        parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
        let page = account.iam(GET, &parameters).await;
        for id in ["UserId", "GroupId", "RoleId", "PolicyId"] {
            let roles_of_profiles = id == "RoleId" && page.texts(id).len() > 1;
            let taken = if roles_of_profiles { 1 } else { usize::MAX };
            found.extend(page.texts(id).into_iter().take(taken).map(str::to_owned));
        }
        if page.text("IsTruncated") == "false" {
            break;
        }
        marker = Some(page.text("Marker").to_owned());
    }
    assert_eq!(found.len(), 5, "{found:?}");
    let wrong = account
        .refused(GET, &[("Filter.member.1", "Everything")])
        .await;
    assert_eq!(wrong, "ValidationError");
}

#[tokio::test]
async fn the_summary_counts() {
    let account = furnished().await;
    let summary = account.iam("GetAccountSummary", &[]).await;
    for (key, value) in [
        ("Users", 1),
        ("Groups", 1),
        ("Roles", 1),
        ("Policies", 1),
        ("PolicyVersionsInUse", 2),
        ("InstanceProfiles", 1),
        ("AccountAccessKeysPresent", 1),
        ("UsersQuota", 5000),
    ] {
        let entry = format!("<entry><key>{key}</key><value>{value}</value></entry>");
        assert!(summary.body.contains(&entry), "{entry}: {}", summary.body);
    }
}

#[tokio::test]
async fn an_account_has_one_alias_that_nobody_else_has() {
    let account = account().await;
    let alias = |alias: &'static str| [("AccountAlias", alias)];
    account.iam("CreateAccountAlias", &alias("red-team")).await;
    account.iam("CreateAccountAlias", &alias("blue-team")).await;
    let listed = account.iam("ListAccountAliases", &[]).await;
    assert_eq!(listed.texts("member"), ["blue-team"]);
    let key = account
        .identity
        .ensure_account("444455556666")
        .await
        .unwrap();
    let other = lakeward_client::Credentials::permanent(&key.id, key.secret.expose());
    for (operation, code) in [
        ("CreateAccountAlias", "EntityAlreadyExists"),
        ("DeleteAccountAlias", "NoSuchEntity"),
    ] {
        let reply = account.iam_as(&other, operation, &alias("blue-team")).await;
        assert_eq!(reply.text("Code"), code);
    }
    for wrong in ["ab", "Red", "-red", "red-", "re--d"] {
        let refused = account.refused("CreateAccountAlias", &alias(wrong)).await;
        assert_eq!(refused, "ValidationError", "{wrong}");
    }
    account.iam("DeleteAccountAlias", &alias("blue-team")).await;
    let listed = account.iam("ListAccountAliases", &[]).await;
    assert!(listed.texts("member").is_empty());
}

#[tokio::test]
async fn a_service_linked_role_is_changed_by_nobody() {
    let account = account().await;
    let service = [("AWSServiceName", "lakeformation.amazonaws.com")];
    let made = account.iam("CreateServiceLinkedRole", &service).await;
    let name = "AWSServiceRoleForLakeFormationDataAccess";
    assert_eq!(
        made.text("Arn"),
        format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/lakeformation.amazonaws.com/{name}")
    );
    assert_eq!(
        account.refused("CreateServiceLinkedRole", &service).await,
        "InvalidInput"
    );
    let role = ("RoleName", name);
    account
        .iam("CreateInstanceProfile", &[("InstanceProfileName", "i")])
        .await;
    for (operation, parameters) in [
        ("DeleteRole", vec![]),
        ("UpdateAssumeRolePolicy", vec![("PolicyDocument", TRUST)]),
        (
            "PutRolePolicy",
            vec![("PolicyName", "p"), ("PolicyDocument", POLICY)],
        ),
        ("AttachRolePolicy", vec![("PolicyArn", AWS_POLICY)]),
        (
            "PutRolePermissionsBoundary",
            vec![("PermissionsBoundary", AWS_POLICY)],
        ),
        (
            "AddRoleToInstanceProfile",
            vec![("InstanceProfileName", "i")],
        ),
    ] {
        let mut whole = parameters.clone();
        whole.push(role);
        let refused = account.refused(operation, &whole).await;
        assert_eq!(refused, "UnmodifiableEntity", "{operation}");
    }
    let deleted = account.iam("DeleteServiceLinkedRole", &[role]).await;
    let task = [("DeletionTaskId", deleted.text("DeletionTaskId"))];
    let status = account
        .iam("GetServiceLinkedRoleDeletionStatus", &task)
        .await;
    assert_eq!(status.text("Status"), "SUCCEEDED");
    assert_eq!(account.refused("GetRole", &[role]).await, "NoSuchEntity");
    let wrong = [("DeletionTaskId", "task/aws-service-role/x/y/z")];
    let refused = account
        .refused("GetServiceLinkedRoleDeletionStatus", &wrong)
        .await;
    assert_eq!(refused, "NoSuchEntity");
    let unknown = [("AWSServiceName", "nothing.amazonaws.com")];
    assert_eq!(
        account.refused("CreateServiceLinkedRole", &unknown).await,
        "InvalidInput"
    );
    let other = [("RoleName", "plain"), ("AssumeRolePolicyDocument", TRUST)];
    account.iam("CreateRole", &other).await;
    let refused = account
        .refused("DeleteServiceLinkedRole", &[("RoleName", "plain")])
        .await;
    assert_eq!(refused, "InvalidInput");
}

#[tokio::test]
async fn instance_profiles_have_tags_and_are_found_by_their_role() {
    let account = furnished().await;
    let profile = ("InstanceProfileName", "machines");
    let found = account
        .iam("ListInstanceProfilesForRole", &[("RoleName", "machine")])
        .await;
    assert_eq!(found.texts("InstanceProfileName"), ["machines"]);
    let tag = [
        profile,
        ("Tags.member.1.Key", "stage"),
        ("Tags.member.1.Value", "test"),
    ];
    account.iam("TagInstanceProfile", &tag).await;
    let tags = account.iam("ListInstanceProfileTags", &[profile]).await;
    assert_eq!(tags.texts("Key"), ["stage", "team"]);
    let untag = [profile, ("TagKeys.member.1", "team")];
    account.iam("UntagInstanceProfile", &untag).await;
    let tags = account.iam("ListInstanceProfileTags", &[profile]).await;
    assert_eq!(tags.texts("Key"), ["stage"]);
    for name in ["a", "b", "c"] {
        account
            .iam("CreateInstanceProfile", &[("InstanceProfileName", name)])
            .await;
    }
    let first = account
        .iam("ListInstanceProfiles", &[("MaxItems", "3")])
        .await;
    assert_eq!(first.texts("InstanceProfileName"), ["a", "b", "c"]);
    let next = [("MaxItems", "3"), ("Marker", first.text("Marker"))];
    let second = account.iam("ListInstanceProfiles", &next).await;
    assert_eq!(second.texts("InstanceProfileName"), ["machines"]);
}
