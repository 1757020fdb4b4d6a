"""The whole life of users, groups, roles, policies and sessions, as boto3 lives it.

Keys, endpoint, region and CA come from the environment, as for any AWS client. Every step asserts
what AWS would answer; the first that doesn't hold ends the run with a traceback.
"""

import json

import boto3
from botocore.exceptions import ClientError

TRUST_EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
READ_LAKE = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"]}
LIST_USERS = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"expected {code}, found {found}: {error}"
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} was expected, but the call succeeded")


def session(keys):
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
    )


def statements(document):
    return document["Statement"]


def users(iam):
    made = iam.create_user(UserName="ana", Path="/team/", Tags=[{"Key": "team", "Value": "red"}])["User"]
    assert made["Arn"].endswith(":user/team/ana") and made["UserId"].startswith("AIDA")
    refused("EntityAlreadyExists", iam.create_user, UserName="ANA")
    refused("ValidationError", iam.create_user, UserName="a b")
    assert iam.get_user(UserName="ana")["User"]["Tags"] == [{"Key": "team", "Value": "red"}]
    iam.tag_user(UserName="ana", Tags=[{"Key": "cost", "Value": "7"}])
    iam.untag_user(UserName="ana", TagKeys=["team"])
    assert iam.list_user_tags(UserName="ana")["Tags"] == [{"Key": "cost", "Value": "7"}]
    iam.update_user(UserName="ana", NewUserName="anna", NewPath="/")
    refused("NoSuchEntity", iam.get_user, UserName="ana")
    assert iam.get_user(UserName="anna")["User"]["UserId"] == made["UserId"]
    for number in range(7):
        iam.create_user(UserName=f"many-{number}")
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 3}))
    names = [user["UserName"] for page in pages for user in page["Users"]]
    assert len(pages) == 3 and names == sorted(names) and len(names) == 8, names
    for number in range(7):
        iam.delete_user(UserName=f"many-{number}")


def groups(iam):
    iam.create_group(GroupName="analysts")
    iam.add_user_to_group(GroupName="analysts", UserName="anna")
    iam.put_group_policy(GroupName="analysts", PolicyName="users", PolicyDocument=policy(LIST_USERS))
    assert [user["UserName"] for user in iam.get_group(GroupName="analysts")["Users"]] == ["anna"]
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="anna")["Groups"]] == ["analysts"]
    found = iam.get_group_policy(GroupName="analysts", PolicyName="users")["PolicyDocument"]
    assert statements(found) == [LIST_USERS]
    refused("DeleteConflict", iam.delete_group, GroupName="analysts")
    refused("DeleteConflict", iam.delete_user, UserName="anna")


def keys(iam):
    first = iam.create_access_key(UserName="anna")["AccessKey"]
    ana = session(first).client("iam")
    assert session(first).client("sts").get_caller_identity()["Arn"].endswith(":user/anna")
    assert ana.list_users()["Users"], "the group's policy counts"
    message = refused("AccessDenied", ana.create_user, UserName="x")
    assert "is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::" in message, message
    assert "because no identity-based policy allows the iam:CreateUser action" in message, message
    second = iam.create_access_key(UserName="anna")["AccessKey"]
    refused("LimitExceeded", iam.create_access_key, UserName="anna")
    iam.update_access_key(UserName="anna", AccessKeyId=first["AccessKeyId"], Status="Inactive")
    refused("InvalidClientTokenId", ana.list_users)
    assert session(second).client("iam").list_users()["Users"], "the new key works while the old one rests"
    iam.delete_access_key(UserName="anna", AccessKeyId=first["AccessKeyId"])
    found = iam.list_access_keys(UserName="anna")["AccessKeyMetadata"]
    assert [key["AccessKeyId"] for key in found] == [second["AccessKeyId"]]
    wrong = dict(second, SecretAccessKey="x" * 40)
    refused("SignatureDoesNotMatch", session(wrong).client("iam").list_users)
    return second


def managed_policies(iam):
    made = iam.create_policy(PolicyName="lake-read", PolicyDocument=policy(READ_LAKE), Description="reads the lake")["Policy"]
    arn = made["Arn"]
    assert made["DefaultVersionId"] == "v1" and made["AttachmentCount"] == 0
    iam.attach_user_policy(UserName="anna", PolicyArn=arn)
    iam.attach_group_policy(GroupName="analysts", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 2
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [user["UserName"] for user in entities["PolicyUsers"]] == ["anna"]
    assert [group["GroupName"] for group in entities["PolicyGroups"]] == ["analysts"]
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(READ_LAKE, LIST_USERS), SetAsDefault=True)
    assert version["PolicyVersion"]["VersionId"] == "v2"
    found = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
    assert found["IsDefaultVersion"] and statements(found["Document"]) == [READ_LAKE, LIST_USERS]
    refused("DeleteConflict", iam.delete_policy_version, PolicyArn=arn, VersionId="v2")
    for _ in range(3):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(READ_LAKE))
    refused("LimitExceeded", iam.create_policy_version, PolicyArn=arn, PolicyDocument=policy(READ_LAKE))
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    for version in ["v2", "v3", "v4", "v5"]:
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
    assert [one["PolicyArn"] for one in iam.list_attached_user_policies(UserName="anna")["AttachedPolicies"]] == [arn]
    local = iam.list_policies(Scope="Local")["Policies"]
    assert [one["PolicyName"] for one in local] == ["lake-read"]
    own = iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")["Policy"]
    assert own["Arn"] == "arn:aws:iam::aws:policy/AdministratorAccess"
    cut = '{"Version": "2012-10-17", "Statement": ['
    message = refused("MalformedPolicyDocument", iam.create_policy, PolicyName="bad", PolicyDocument=cut)
    assert message.startswith("This policy contains invalid Json"), message
    refused("NoSuchEntity", iam.attach_user_policy, UserName="anna", PolicyArn=arn + "x")
    return arn


def boundaries(iam, keys):
    limit = iam.create_policy(PolicyName="limit", PolicyDocument=policy(READ_LAKE))["Policy"]["Arn"]
    ana = session(keys).client("iam")
    assert ana.list_users()["Users"]
    iam.put_user_permissions_boundary(UserName="anna", PermissionsBoundary=limit)
    message = refused("AccessDenied", ana.list_users)
    assert "because no permissions boundary allows the iam:ListUsers action" in message, message
    found = iam.get_user(UserName="anna")["User"]["PermissionsBoundary"]
    assert found == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": limit}, found
    refused("DeleteConflict", iam.delete_policy, PolicyArn=limit)
    iam.delete_user_permissions_boundary(UserName="anna")
    assert ana.list_users()["Users"]
    iam.delete_policy(PolicyArn=limit)


def roles(iam, arn, keys):
    account = session(keys).client("sts").get_caller_identity()["Account"]
    ana = f"arn:aws:iam::{account}:user/anna"
    trust = policy({"Effect": "Allow", "Principal": {"AWS": ana}, "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]})
    tags = [{"Key": "a", "Value": "b"}]
    made = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust, MaxSessionDuration=7200, Tags=tags)["Role"]
    assert made["RoleId"].startswith("AROA")
    message = refused("MalformedPolicyDocument", iam.create_role, RoleName="odd", AssumeRolePolicyDocument=trust.replace("anna", "nobody"))
    assert message.startswith("Invalid principal in policy"), message
    iam.attach_role_policy(RoleName="reader", PolicyArn=arn)
    iam.put_role_policy(RoleName="reader", PolicyName="own", PolicyDocument=policy(LIST_USERS))
    assert statements(iam.get_role_policy(RoleName="reader", PolicyName="own")["PolicyDocument"]) == [LIST_USERS]
    assert iam.list_role_policies(RoleName="reader")["PolicyNames"] == ["own"]
    sts = session(keys).client("sts")
    refused("ValidationError", sts.assume_role, RoleArn=made["Arn"], RoleSessionName="long", DurationSeconds=7201)
    granted = sts.assume_role(
        RoleArn=made["Arn"], RoleSessionName="work", Tags=[{"Key": "team", "Value": "red"}], SourceIdentity="anna", DurationSeconds=7200
    )
    role = session(granted["Credentials"])
    who = role.client("sts").get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{account}:assumed-role/reader/work", who
    assert who["UserId"] == made["RoleId"] + ":work"
    assert granted["SourceIdentity"] == "anna"
    assert role.client("iam").list_users()["Users"]
    narrow = sts.assume_role(RoleArn=made["Arn"], RoleSessionName="narrow", Policy=policy(READ_LAKE))["Credentials"]
    message = refused("AccessDenied", session(narrow).client("iam").list_users)
    assert "because no session policy allows the iam:ListUsers action" in message, message
    narrow = sts.assume_role(RoleArn=made["Arn"], RoleSessionName="narrow", PolicyArns=[{"arn": arn}])["Credentials"]
    refused("AccessDenied", session(narrow).client("iam").list_users)
    iam.update_assume_role_policy(RoleName="reader", PolicyDocument=policy(TRUST_EC2))
    refused("AccessDenied", sts.assume_role, RoleArn=made["Arn"], RoleSessionName="late")
    iam.update_role(RoleName="reader", Description="reads", MaxSessionDuration=3600)
    assert iam.get_role(RoleName="reader")["Role"]["Description"] == "reads"
    return role


def instance_profiles(iam):
    iam.create_instance_profile(InstanceProfileName="nodes")
    iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="reader")
    found = iam.list_instance_profiles_for_role(RoleName="reader")["InstanceProfiles"]
    assert [one["InstanceProfileName"] for one in found] == ["nodes"]
    refused("DeleteConflict", iam.delete_role, RoleName="reader")
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="nodes")
    iam.remove_role_from_instance_profile(InstanceProfileName="nodes", RoleName="reader")
    iam.delete_instance_profile(InstanceProfileName="nodes")


def federation(iam, keys):
    sts = session(keys).client("sts")
    temporary = sts.get_session_token(DurationSeconds=900)["Credentials"]
    same = session(temporary)
    assert same.client("sts").get_caller_identity()["Arn"].endswith(":user/anna")
    iam.put_user_policy(
        UserName="anna",
        PolicyName="federate",
        PolicyDocument=policy(
            {"Effect": "Allow", "Action": "sts:GetFederationToken", "Resource": "*"},
            {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        ),
    )
    allowed = policy({"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"})
    guest = sts.get_federation_token(Name="guest", Policy=allowed)
    assert guest["FederatedUser"]["Arn"].endswith(":federated-user/guest")
    guest = session(guest["Credentials"])
    assert guest.client("sts").get_caller_identity()["Arn"].endswith(":federated-user/guest")
    assert "Buckets" in guest.client("s3").list_buckets()
    idle = session(sts.get_federation_token(Name="idle")["Credentials"])
    refused("AccessDenied", idle.client("s3").list_buckets)
    iam.delete_user_policy(UserName="anna", PolicyName="federate")
    refused("AccessDenied", guest.client("s3").list_buckets)


def simulation(iam, keys):
    arn = session(keys).client("sts").get_caller_identity()["Arn"]
    answer = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["iam:ListUsers", "s3:GetObject", "iam:CreateUser"], ResourceArns=["arn:aws:s3:::lake/a"]
    )
    found = {one["EvalActionName"]: one["EvalDecision"] for one in answer["EvaluationResults"]}
    assert found == {"iam:ListUsers": "allowed", "s3:GetObject": "allowed", "iam:CreateUser": "implicitDeny"}, found
    deny = policy({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}})
    answer = iam.simulate_custom_policy(
        PolicyInputList=[policy(READ_LAKE), deny],
        ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::lake/a"],
        ContextEntries=[{"ContextKeyName": "aws:PrincipalTag/team", "ContextKeyValues": ["red"], "ContextKeyType": "string"}],
    )["EvaluationResults"]
    assert answer[0]["EvalDecision"] == "explicitDeny" and answer[0]["MatchedStatements"], answer
    keys_named = iam.get_context_keys_for_custom_policy(PolicyInputList=[deny])["ContextKeyNames"]
    assert [key.lower() for key in keys_named] == ["aws:principaltag/team"], keys_named
    details = list(iam.get_paginator("get_account_authorization_details").paginate())
    assert any(user["UserName"] == "anna" for page in details for user in page["UserDetailList"])
    assert any(role["RoleName"] == "reader" for page in details for role in page["RoleDetailList"])
    assert iam.get_account_summary()["SummaryMap"]["Users"] >= 1


def service_linked_roles(iam):
    made = iam.create_service_linked_role(AWSServiceName="elasticmapreduce.amazonaws.com")["Role"]
    assert "/aws-service-role/elasticmapreduce.amazonaws.com/" in made["Arn"]
    refused("UnmodifiableEntity", iam.put_role_policy, RoleName=made["RoleName"], PolicyName="p", PolicyDocument=policy(READ_LAKE))
    task = iam.delete_service_linked_role(RoleName=made["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def organizations():
    org = boto3.client("organizations")
    refused("AWSOrganizationsNotInUseException", org.describe_organization)
    made = org.create_organization(FeatureSet="ALL")["Organization"]
    root = org.list_roots()["Roots"][0]
    unit = org.create_organizational_unit(ParentId=root["Id"], Name="research")["OrganizationalUnit"]
    status = org.create_account(Email="lab@example.com", AccountName="lab")["CreateAccountStatus"]
    for _ in range(50):
        if status["State"] != "IN_PROGRESS":
            break
        status = org.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED", status
    account = status["AccountId"]
    assert account in [one["Id"] for one in org.list_accounts()["Accounts"]]
    org.move_account(AccountId=account, SourceParentId=root["Id"], DestinationParentId=unit["Id"])
    assert org.list_parents(ChildId=account)["Parents"] == [{"Id": unit["Id"], "Type": "ORGANIZATIONAL_UNIT"}]
    org.enable_policy_type(RootId=root["Id"], PolicyType="SERVICE_CONTROL_POLICY")
    # Root can't assume roles, as in AWS.
    role_arn = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    iam = boto3.client("iam")
    iam.create_user(UserName="operator")
    iam.attach_user_policy(UserName="operator", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    operator = session(iam.create_access_key(UserName="operator")["AccessKey"])
    member = session(operator.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="ops")["Credentials"])
    assert member.client("sts").get_caller_identity()["Account"] == account
    member.client("iam").create_user(UserName="there")
    no_users = policy({"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"})
    scp = org.create_policy(Content=no_users, Description="", Name="no-users", Type="SERVICE_CONTROL_POLICY")["Policy"]["PolicySummary"]
    org.attach_policy(PolicyId=scp["Id"], TargetId=unit["Id"])
    message = refused("AccessDenied", member.client("iam").create_user, UserName="denied")
    assert message.endswith("with an explicit deny in a service control policy"), message
    assert member.client("iam").list_users()["Users"]
    org.detach_policy(PolicyId=scp["Id"], TargetId=unit["Id"])
    member.client("iam").create_user(UserName="allowed-again")
    org.delete_policy(PolicyId=scp["Id"])
    assert org.describe_organization()["Organization"]["Id"] == made["Id"]


def trail():
    found = boto3.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateAccessKey"}], MaxResults=50
    )["Events"]
    assert found, "the calls above are in the trail"
    records = [json.loads(event["CloudTrailEvent"]) for event in found]
    assert all(record["eventName"] == "CreateAccessKey" for record in records)
    assert any(record.get("errorCode") == "LimitExceeded" for record in records)
    assert "SecretAccessKey" not in json.dumps(records) or "redacted" in json.dumps(records).lower()


def end(iam, arn, keys, role):
    iam.delete_role_policy(RoleName="reader", PolicyName="own")
    iam.detach_role_policy(RoleName="reader", PolicyArn=arn)
    iam.delete_role(RoleName="reader")
    refused("InvalidClientTokenId", role.client("sts").get_caller_identity)
    iam.delete_access_key(UserName="anna", AccessKeyId=keys["AccessKeyId"])
    iam.detach_user_policy(UserName="anna", PolicyArn=arn)
    iam.remove_user_from_group(GroupName="analysts", UserName="anna")
    iam.delete_user(UserName="anna")
    iam.detach_group_policy(GroupName="analysts", PolicyArn=arn)
    iam.delete_group_policy(GroupName="analysts", PolicyName="users")
    iam.delete_group(GroupName="analysts")
    iam.delete_policy(PolicyArn=arn)
    refused("NoSuchEntity", iam.get_policy, PolicyArn=arn)


def main():
    iam = boto3.client("iam")
    users(iam)
    groups(iam)
    own = keys(iam)
    arn = managed_policies(iam)
    boundaries(iam, own)
    role = roles(iam, arn, own)
    instance_profiles(iam)
    federation(iam, own)
    simulation(iam, own)
    service_linked_roles(iam)
    organizations()
    trail()
    end(iam, arn, own, role)
    print("all held")


if __name__ == "__main__":
    main()
