//! Accounts, units and invitations.

use serde_json::{Value, json};

use crate::world::*;

#[tokio::test]
async fn an_organization_is_made_described_and_ended() {
    let world = world().await;
    let refusal = world
        .org(&world.boss, "DescribeOrganization", json!({}))
        .await;
    assert_eq!(refusal.refusal(), "AWSOrganizationsNotInUseException");
    let made = world
        .boss("CreateOrganization", json!({"FeatureSet": "ALL"}))
        .await;
    let organization = &made["Organization"];
    let id = organization["Id"].as_str().unwrap();
    assert_eq!(
        organization["Arn"],
        format!("arn:aws:organizations::{MANAGEMENT}:organization/{id}")
    );
    assert_eq!(organization["MasterAccountId"], MANAGEMENT);
    assert_eq!(world.boss("DescribeOrganization", json!({})).await, made);
    let again = world
        .org(&world.boss, "CreateOrganization", json!({}))
        .await;
    assert_eq!(again.refusal(), "AlreadyInOrganizationException");
    let accounts = world.boss("ListAccounts", json!({})).await;
    assert_eq!(ids(&accounts["Accounts"], "Id"), [MANAGEMENT]);
    let roots = world.boss("ListRoots", json!({})).await;
    let unit = world
        .unit(roots["Roots"][0]["Id"].as_str().unwrap(), "team")
        .await;
    let full = world
        .org(&world.boss, "DeleteOrganization", json!({}))
        .await;
    assert_eq!(full.refusal(), "OrganizationNotEmptyException");
    let unit = json!({"OrganizationalUnitId": unit});
    world.boss("DeleteOrganizationalUnit", unit).await;
    world.boss("DeleteOrganization", json!({})).await;
    let gone = world.org(&world.boss, "ListRoots", json!({})).await;
    assert_eq!(gone.refusal(), "AWSOrganizationsNotInUseException");
}

#[tokio::test]
async fn the_service_is_reached_in_its_own_region_from_everywhere() {
    let world = world().await;
    world.boss("CreateOrganization", json!({})).await;
    let elsewhere = world
        .org_in("us-west-2", &world.boss, "ListRoots", json!({}))
        .await;
    assert_eq!(elsewhere.refusal(), "InvalidSignatureException");
}

#[tokio::test]
async fn a_new_account_is_one_that_the_management_account_gets_into() {
    let world = world().await;
    let organized = world.organize().await;
    let account = &organized.member;
    let described = world
        .boss("DescribeAccount", json!({"AccountId": account}))
        .await;
    assert_eq!(described["Account"]["Name"], "one");
    assert_eq!(described["Account"]["JoinedMethod"], "CREATED");
    let session = world.access(account).await;
    let me = world
        .query(&session, "sts", &[("Action", "GetCallerIdentity")])
        .await;
    assert_eq!(
        me.element("Arn"),
        format!("arn:aws:sts::{account}:assumed-role/OrganizationAccountAccessRole/here")
    );
    assert!(world.lists_users(&session).await);
    let again = json!({"AccountName": "two", "Email": "ONE@example.com"});
    let again = world.boss("CreateAccount", again).await;
    let status = &again["CreateAccountStatus"];
    assert_eq!(status["FailureReason"], "EMAIL_ALREADY_EXISTS");
    let asked = json!({"CreateAccountRequestId": status["Id"]});
    assert_eq!(
        world.boss("DescribeCreateAccountStatus", asked).await,
        again
    );
    let failed = world
        .boss("ListCreateAccountStatus", json!({"States": ["FAILED"]}))
        .await;
    assert_eq!(failed["CreateAccountStatuses"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_account_that_was_there_is_invited_and_accepts() {
    let world = world().await;
    world.organize().await;
    let other = world.root_of(OTHER).await;
    let target = json!({"Target": {"Id": OTHER, "Type": "ACCOUNT"}, "Notes": "welcome"});
    let invited = world
        .boss("InviteAccountToOrganization", target.clone())
        .await;
    let again = world
        .org(&world.boss, "InviteAccountToOrganization", target)
        .await;
    assert_eq!(again.refusal(), "DuplicateHandshakeException");
    let id = json!({"HandshakeId": invited["Handshake"]["Id"]});
    let stranger = world.root_of("777788889999").await;
    let refused = world.org(&stranger, "AcceptHandshake", id.clone()).await;
    assert_eq!(refused.refusal(), "HandshakeNotFoundException");
    let refused = world.org(&world.boss, "AcceptHandshake", id.clone()).await;
    assert_eq!(refused.refusal(), "AccessDeniedException");
    let listed = world
        .org(&other, "ListHandshakesForAccount", json!({}))
        .await
        .json();
    assert_eq!(listed["Handshakes"][0]["State"], "OPEN");
    let accepted = world
        .org(&other, "AcceptHandshake", id.clone())
        .await
        .json();
    assert_eq!(accepted["Handshake"]["State"], "ACCEPTED");
    let again = world.org(&other, "AcceptHandshake", id.clone()).await;
    assert_eq!(again.refusal(), "HandshakeAlreadyInStateException");
    let late = world.org(&world.boss, "CancelHandshake", id).await;
    assert_eq!(late.refusal(), "InvalidHandshakeTransitionException");
    let account = world
        .boss("DescribeAccount", json!({"AccountId": OTHER}))
        .await;
    assert_eq!(account["Account"]["JoinedMethod"], "INVITED");
    let targets = world
        .boss(
            "ListTargetsForPolicy",
            json!({"PolicyId": "p-FullAWSAccess"}),
        )
        .await;
    assert!(ids(&targets["Targets"], "TargetId").contains(&OTHER));
}

#[tokio::test]
async fn units_nest_five_deep_and_keep_their_names_apart() {
    let world = world().await;
    let Organized { root, .. } = world.organize().await;
    let mut parent = root.clone();
    for depth in 1..=5 {
        parent = world.unit(&parent, &format!("u{depth}")).await;
    }
    let deep = json!({"ParentId": parent, "Name": "six"});
    let deep = world
        .org(&world.boss, "CreateOrganizationalUnit", deep)
        .await;
    assert_eq!(deep.refusal(), "ConstraintViolationException");
    let same = json!({"ParentId": root, "Name": "u1"});
    let same = world
        .org(&world.boss, "CreateOrganizationalUnit", same)
        .await;
    assert_eq!(same.refusal(), "DuplicateOrganizationalUnitException");
    let renamed = json!({"OrganizationalUnitId": parent, "Name": "u1"});
    let renamed = world.boss("UpdateOrganizationalUnit", renamed).await;
    let read = json!({"OrganizationalUnitId": parent});
    let read = world.boss("DescribeOrganizationalUnit", read).await;
    assert_eq!(read, renamed);
    let children = json!({"ParentId": root, "ChildType": "ORGANIZATIONAL_UNIT"});
    let children = world.boss("ListChildren", children).await;
    assert_eq!(children["Children"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = world().await;
    let Organized { root, .. } = world.organize().await;
    for number in 0..4 {
        world.unit(&root, &format!("u{number}")).await;
    }
    let mut input = json!({"ParentId": root, "MaxResults": 3});
    let first = world
        .boss("ListOrganizationalUnitsForParent", input.clone())
        .await;
    input["NextToken"] = first["NextToken"].clone();
    let second = world.boss("ListOrganizationalUnitsForParent", input).await;
    let mut all = ids(&first["OrganizationalUnits"], "Id");
    assert_eq!(all.len(), 3);
    all.extend(ids(&second["OrganizationalUnits"], "Id"));
    all.dedup();
    assert_eq!(all.len(), 4);
    assert_eq!(second["NextToken"], Value::Null);
    let wrong = json!({"NextToken": "%"});
    let wrong = world.org(&world.boss, "ListAccounts", wrong).await;
    assert_eq!(wrong.refusal(), "InvalidInputException");
}
