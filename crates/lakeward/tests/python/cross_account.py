"""Clusters, runtime roles and data in two accounts, as the three options of "Connect to an Amazon EMR Cluster from Studio Using
Runtime IAM Roles" share them out; each option also with what breaks it.

Every step asserts what AWS would answer; the first that doesn't hold ends the run with a traceback.
"""

import json

from accounts import CHAIN, Account, Livy, allow, assume, connect, is_denied, policy, refused, says, trust

GCSC = "elasticmapreduce:GetClusterSessionCredentials"
FIND = ["elasticmapreduce:ListClusters", "elasticmapreduce:DescribeCluster", "elasticmapreduce:ListInstanceGroups"]
PERSON = "david"
OPEN = "name,city\nada,london\n"
SHUT = "name,city\neve,nowhere\n"


class Studio:
    """The account of Studio: its execution role, and the service that hands the role to people."""

    def __init__(self, account):
        self.account = account
        self.role = account.arn("studio_execution_role")
        self.service = account.user("sagemaker", allow(CHAIN, "*"))
        for name in ("studio_execution_role", "another_role"):
            account.role(name, trust(f"arn:aws:iam::{account.id}:user/sagemaker", CHAIN))

    def person(self, source_identity=None, role=None):
        more = {"SourceIdentity": source_identity} if source_identity else {}
        return assume(self.service, role or self.role, PERSON, **more)


def may_read(bucket, key="open"):
    return [allow("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}/*"), allow("s3:ListBucket", f"arn:aws:s3:::{bucket}")]


def discovery_roles(studio, data):
    """The Studio role's way to the access role: both sides must agree."""
    access = data.arn("emr-access-role-name")
    printed = f"""{{
      "Version": "2012-10-17",
      "Statement": [
        {{
          "Sid": "AllowCrossAccountSageMakerExecutionRoleToAssumeThisRole",
          "Effect": "Allow",
          "Principal": {{"AWS": "{studio.role}"}},
          "Action": "sts:AssumeRole"
        }}
      ]
    }}"""
    broken = printed.replace("]", "")
    message = refused("MalformedPolicyDocument", data.iam.create_role, RoleName="emr-access-role-name", AssumeRolePolicyDocument=broken)
    says(message, "This policy contains invalid Json")
    data.iam.create_role(RoleName="emr-access-role-name", AssumeRolePolicyDocument=printed)
    person = studio.person()
    sts = person.client("sts")
    message = refused("AccessDenied", sts.assume_role, RoleArn=access, RoleSessionName="SageMakerStudioUser")
    says(message, f"assumed-role/studio_execution_role/{PERSON}", "sts:AssumeRole", access)
    may_assume = {"Sid": "AllowAssumeCrossAccountEMRAccessRole", **allow("sts:AssumeRole", access)}
    for name in ("studio_execution_role", "another_role"):
        studio.account.permit(name, may_assume)
    another = studio.person(role=studio.account.arn("another_role")).client("sts")
    refused("AccessDenied", another.assume_role, RoleArn=access, RoleSessionName="SageMakerStudioUser")
    assume(person, access, "SageMakerStudioUser")
    # A source identity needs the permission to carry it on, of both sides too.
    named = studio.person(PERSON)
    message = refused("AccessDenied", named.client("sts").assume_role, RoleArn=access, RoleSessionName="SageMakerStudioUser")
    says(message, "sts:SetSourceIdentity")
    studio.account.permit("studio_execution_role", allow(["sts:AssumeRole", "sts:SetSourceIdentity"], access))
    refused("AccessDenied", named.client("sts").assume_role, RoleArn=access, RoleSessionName="SageMakerStudioUser")
    data.retrust("emr-access-role-name", trust(studio.role, ["sts:AssumeRole", "sts:SetSourceIdentity"]))
    return assume(named, access, "SageMakerStudioUser")


def access_role(data, cluster, access):
    """The access role finds the cluster and asks for credentials itself, for the roles it is allowed."""
    emr = access.client("emr")
    refused("AccessDeniedException", emr.list_clusters)
    named = {"StringLike": {"elasticmapreduce:ExecutionRoleArn": [data.arn("runtime-one")]}}
    statement = {"Sid": "AllowCallingEmrGetClusterSessionCredentialsAPI", **allow(GCSC, "", Condition=named)}
    document = policy(statement)
    put = {"RoleName": "emr-access-role-name", "PolicyName": "own"}
    says(refused("MalformedPolicyDocument", data.iam.put_role_policy, PolicyDocument=document, **put), "must be in ARN format")
    data.permit("emr-access-role-name", allow(FIND, "*"), {**statement, "Resource": cluster["ClusterArn"]})
    found = [one["Id"] for one in emr.list_clusters(ClusterStates=["RUNNING", "WAITING"])["Clusters"]]
    assert found == [cluster["Id"]], found
    assert emr.describe_cluster(ClusterId=cluster["Id"])["Cluster"]["ClusterArn"] == cluster["ClusterArn"]
    ask = {"ClusterId": cluster["Id"], "ExecutionRoleArn": data.arn("runtime-other")}
    message = refused("AccessDeniedException", emr.get_cluster_session_credentials, **ask)
    says(message, f"arn:aws:sts::{data.id}:assumed-role/emr-access-role-name/SageMakerStudioUser", GCSC, cluster["ClusterArn"])
    refused("AccessDeniedException", emr.get_cluster_session_credentials, ClusterId=cluster["Id"])


def option_one(studio, data):
    """Cluster, runtime role and data in the data account; the access role stands between."""
    cluster = data.cluster()
    runtime = data.role("runtime-one", trust(data.arn("emr-ec2"), CHAIN), *may_read("data-lake"))
    data.role("runtime-other", trust(data.arn("emr-ec2"), CHAIN))
    data.bucket("data-lake", open=OPEN, shut=SHUT)
    access = discovery_roles(studio, data)
    access_role(data, cluster, access)
    person = studio.person(PERSON)
    emr, ask = person.client("emr"), {"ClusterId": cluster["Id"], "ExecutionRoleArn": runtime}
    refused("AccessDeniedException", emr.get_cluster_session_credentials, **ask)
    refused("AccessDeniedException", emr.describe_cluster, ClusterId=cluster["Id"])
    # Even one who may do anything in the Studio account finds no such cluster there.
    everything = studio.account.admin.client("emr")
    message = refused("InvalidRequestException", everything.get_cluster_session_credentials, **ask)
    says(message, f"Cluster id '{cluster['Id']}' is not valid.")
    notebook = Livy(cluster, connect(access, cluster, runtime)).open()
    says(notebook.rows("data-lake", "open"), "('ada', 'london')")
    assert is_denied(notebook.rows("data-lake", "shut"))
    who = notebook.run("import boto3\nprint(boto3.client('sts').get_caller_identity()['Arn'])")
    says(who, f"arn:aws:sts::{data.id}:assumed-role/runtime-one/")
    # Glue and Lake Formation see the same session.
    calls = ["boto3.client('glue').get_databases()", "boto3.client('lakeformation').get_data_lake_settings()"]
    for call in calls:
        answer = notebook.run(f"try:\n    {call}\nexcept Exception as error:\n    print(error)")
        says(answer, "AccessDenied", "assumed-role/runtime-one/")
    notebook.close()
    return cluster, access


def option_two(studio, data, cluster):
    """Cluster and runtime role in the Studio account, the bucket in the data account: its policy and the role's must both allow."""
    account = studio.account
    runtime = account.role("runtime-two", trust(account.arn("emr-ec2"), CHAIN))
    s3 = data.bucket("partner-lake", open=OPEN, shut=SHUT)
    ask = {"ClusterId": cluster["Id"], "ExecutionRoleArn": runtime}
    person = studio.person(PERSON)
    refused("AccessDeniedException", person.client("emr").get_cluster_session_credentials, **ask)
    named = {"StringEquals": {"elasticmapreduce:ExecutionRoleArn": [runtime, data.arn("runtime-three")]}}
    account.permit("studio_execution_role", allow(GCSC, cluster["ClusterArn"], Condition=named))
    notebook = Livy(cluster, connect(person, cluster, runtime)).open()

    def grant(*resources):
        statement = {**trust(runtime, ["s3:GetObject", "s3:ListBucket"]), "Resource": list(resources)}
        s3.put_bucket_policy(Bucket="partner-lake", Policy=policy(statement))

    lake = "arn:aws:s3:::partner-lake"
    assert is_denied(notebook.rows("partner-lake", "open")), "neither side allows"
    account.permit("runtime-two", *may_read("partner-lake", "*"))
    assert is_denied(notebook.rows("partner-lake", "open")), "the role's own policy alone"
    grant(lake, f"{lake}/open/*")
    says(notebook.rows("partner-lake", "open"), "('ada', 'london')")
    assert is_denied(notebook.rows("partner-lake", "shut")), "the bucket's policy leaves it out"
    account.forbid("runtime-two")
    assert is_denied(notebook.rows("partner-lake", "open")), "the bucket's policy alone"
    account.permit("runtime-two", *may_read("partner-lake", "*"))
    says(notebook.rows("partner-lake", "open"), "('ada', 'london')")
    s3.delete_bucket_policy(Bucket="partner-lake")
    assert is_denied(notebook.rows("partner-lake", "open")), "revoked"
    grant(lake, f"{lake}/open/*")
    return notebook


def option_three(studio, data, cluster):
    """The cluster in the Studio account, the runtime role with the data: the cluster's machines assume it across the border."""
    account = studio.account
    machines = account.arn("emr-ec2")
    runtime = data.role("runtime-three", trust(data.arn("emr-ec2"), CHAIN), *may_read("data-lake", "shut"))
    person = studio.person(PERSON)
    ask = {"ClusterId": cluster["Id"], "ExecutionRoleArn": runtime}
    emr = person.client("emr")
    message = refused("InvalidRequestException", emr.get_cluster_session_credentials, **ask)
    says(message, machines, "must allow sts:AssumeRole on the runtime role")
    account.permit("emr-ec2", allow(CHAIN, [account.arn("runtime-*"), runtime]))
    message = refused("InvalidRequestException", emr.get_cluster_session_credentials, **ask)
    says(message, runtime, "trust policy", machines)
    data.retrust("runtime-three", trust(machines, ["sts:AssumeRole", "sts:TagSession"]))
    message = refused("InvalidRequestException", emr.get_cluster_session_credentials, **ask)
    says(message, "sts:SetSourceIdentity")
    tagged = {"StringEquals": {"aws:RequestTag/LakeFormationAuthorizedCaller": "Amazon EMR"}}
    only_david = {"StringEquals": {"sts:SourceIdentity": PERSON}}
    data.retrust(
        "runtime-three",
        trust(machines, ["sts:AssumeRole", "sts:TagSession"], Condition=tagged),
        trust(machines, "sts:SetSourceIdentity", Condition=only_david),
    )
    notebook = Livy(cluster, connect(person, cluster, runtime)).open()
    says(notebook.rows("data-lake", "shut"), "('eve', 'nowhere')")
    assert is_denied(notebook.rows("data-lake", "open"))
    return notebook


def side_by_side(studio, two, three):
    """Two sessions of one cluster, each with its own role's data and none of the other's."""
    says(two.rows("partner-lake", "open"), "('ada', 'london')")
    says(three.rows("data-lake", "shut"), "('eve', 'nowhere')")
    assert is_denied(three.rows("partner-lake", "open")) and is_denied(two.rows("data-lake", "shut"))
    two.run("frame = spark.sql('select 1 as secret')\nframe.createOrReplaceTempView('mine')\nprint('made')")
    assert "secret" not in three.run("print(spark.sql('select * from mine').columns)")
    for path in (f"/sessions/{two.id}", f"/sessions/{two.id}/statements"):
        status, answer = three.call("GET", path)
        assert status == 404, (path, status, answer)
    # What the machines and the Studio role may reach is not the session's.
    s3 = studio.account.bucket("studio-only", open=OPEN)
    for role in ("emr-ec2", "studio_execution_role"):
        statement = {**trust(studio.account.arn(role), "s3:*"), "Resource": ["arn:aws:s3:::studio-only", "arn:aws:s3:::studio-only/*"]}
        s3.put_bucket_policy(Bucket="studio-only", Policy=policy(statement))
        assert is_denied(two.rows("studio-only", "open")), role


def external_id(studio, cluster):
    """A trust policy may ask for the id that is the cluster's security configuration's."""
    account = studio.account
    shown = account.emr.describe_security_configuration(Name=cluster["SecurityConfiguration"])["SecurityConfiguration"]
    rules = json.loads(shown)["AuthorizationConfiguration"]["IAMConfiguration"]
    own = rules["ApplicationScopedIAMRoleConfiguration"]["ExternalId"]
    assert len(own) == 52 and own.isalnum() and own.isupper(), own

    def asks(value):
        return trust(account.arn("emr-ec2"), CHAIN, Condition={"StringEquals": {"sts:ExternalId": value}})

    runtime = account.role("runtime-external", asks("X" * 52))
    admin = account.admin.client("emr")
    ask = {"ClusterId": cluster["Id"], "ExecutionRoleArn": runtime}
    says(refused("InvalidRequestException", admin.get_cluster_session_credentials, **ask), "sts:ExternalId")
    account.retrust("runtime-external", asks(own))
    connect(account.admin, cluster, runtime)


def revocation(studio, cluster, notebook):
    """Who may no longer ask for the pair can no longer use it; a cluster that ends takes its sessions along."""
    account = studio.account
    account.permit("studio_execution_role", {"Effect": "Deny", "Action": GCSC, "Resource": "*"})
    status, _ = notebook.call("GET", f"/sessions/{notebook.id}")
    assert status == 401, status
    account.permit("studio_execution_role", allow(GCSC, "*"))
    status, _ = notebook.call("GET", f"/sessions/{notebook.id}")
    assert status == 200, status
    account.emr.terminate_job_flows(JobFlowIds=[cluster["Id"]])
    ask = {"ClusterId": cluster["Id"], "ExecutionRoleArn": account.arn("runtime-two")}
    says(refused("InvalidRequestException", studio.person().client("emr").get_cluster_session_credentials, **ask), "TERMINAT")


def trail(data):
    """The data account's trail names the access role's session, and the person behind it."""
    named = [{"AttributeKey": "EventName", "AttributeValue": "GetClusterSessionCredentials"}]
    found = data.admin.client("cloudtrail").lookup_events(LookupAttributes=named)
    records = [json.loads(event["CloudTrailEvent"]) for event in found["Events"]]
    done = [record for record in records if "errorCode" not in record]
    assert len(done) == 1, done
    identity = done[0]["userIdentity"]
    assert identity["arn"] == f"arn:aws:sts::{data.id}:assumed-role/emr-access-role-name/SageMakerStudioUser", identity
    assert identity["sessionContext"]["sourceIdentity"] == PERSON, identity
    assert any(record.get("errorCode", "").startswith("AccessDenied") for record in records)


def main():
    studio, data = Studio(Account("studio")), Account("data")
    option_one(studio, data)
    cluster = studio.account.cluster()
    two = option_two(studio, data, cluster)
    three = option_three(studio, data, cluster)
    side_by_side(studio, two, three)
    external_id(studio, cluster)
    revocation(studio, cluster, two)
    trail(data)
    print("all held")


if __name__ == "__main__":
    main()
