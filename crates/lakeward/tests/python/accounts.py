"""What the scripts across accounts share: accounts, roles, clusters, and notebooks on them.

Endpoint, region and CA come from the environment, as for any AWS client; the keys of the accounts' root users too, as JSON in
`LAKEWARD_TEST_ACCOUNTS`.
"""

import base64
import json
import os
import ssl
import time
import urllib.error
import urllib.request

import boto3
from botocore.exceptions import ClientError

CHAIN = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
RULES = {
    "EncryptionConfiguration": {"EnableInTransitEncryption": True, "EnableAtRestEncryption": False},
    "AuthorizationConfiguration": {
        "IAMConfiguration": {
            "EnableApplicationScopedIAMRole": True,
            "ApplicationScopedIAMRoleConfiguration": {"PropagateSourceIdentity": True},
        },
        "LakeFormationConfiguration": {"AuthorizedSessionTagValue": "Amazon EMR"},
    },
}
PATIENCE = 120


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resources, **more):
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def trust(principal, actions="sts:AssumeRole", **more):
    principal = {"AWS": principal} if isinstance(principal, (str, list)) else principal
    return {"Effect": "Allow", "Principal": principal, "Action": actions, **more}


def refused(code, call, **arguments):
    """The message of a refusal, which must have this code."""
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"expected {code}, found {found}: {error}"
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} was expected, but the call succeeded")


def says(message, *words):
    for word in words:
        assert word in message, f"no {word!r} in: {message}"


def session(keys):
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
    )


def assume(who, role_arn, name, **more):
    return session(who.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=name, **more)["Credentials"])


class Account:
    """An account and its administrator."""

    def __init__(self, name):
        given = json.loads(os.environ["LAKEWARD_TEST_ACCOUNTS"])[name]
        self.id = given["Account"]
        root = session(given).client("iam")
        root.create_user(UserName="admin")
        root.attach_user_policy(UserName="admin", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        self.admin = session(root.create_access_key(UserName="admin")["AccessKey"])
        self.iam = self.admin.client("iam")
        self.emr = self.admin.client("emr")

    def arn(self, role):
        return f"arn:aws:iam::{self.id}:role/{role}"

    def user(self, name, *permissions):
        self.iam.create_user(UserName=name)
        if permissions:
            self.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(*permissions))
        return session(self.iam.create_access_key(UserName=name)["AccessKey"])

    def role(self, name, trusted, *permissions):
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trusted))
        if permissions:
            self.permit(name, *permissions)
        return self.arn(name)

    def permit(self, role, *permissions):
        """Puts these in the place of what the role was allowed."""
        self.iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=policy(*permissions))

    def forbid(self, role):
        self.iam.delete_role_policy(RoleName=role, PolicyName="own")

    def retrust(self, role, *trusted):
        self.iam.update_assume_role_policy(RoleName=role, PolicyDocument=policy(*trusted))

    def bucket(self, name, **objects):
        s3 = self.admin.client("s3")
        s3.create_bucket(Bucket=name)
        for key, text in objects.items():
            s3.put_object(Bucket=name, Key=f"{key}/part-0.csv", Body=text.encode())
        return s3

    def cluster(self, tags=(), rules=RULES, release="emr-6.11.0"):
        """A ready cluster whose machines hold the role `emr-ec2`."""
        if not self._has("emr-ec2"):
            self.role("emr-service", trust({"Service": "elasticmapreduce.amazonaws.com"}))
            self.role("emr-ec2", trust({"Service": "ec2.amazonaws.com"}), allow(CHAIN, self.arn("runtime-*")))
            self.iam.create_instance_profile(InstanceProfileName="emr-ec2")
            self.iam.add_role_to_instance_profile(InstanceProfileName="emr-ec2", RoleName="emr-ec2")
        name = f"rules-{time.monotonic_ns()}"
        self.emr.create_security_configuration(Name=name, SecurityConfiguration=json.dumps(rules))
        made = self.emr.run_job_flow(
            Name="shared",
            ReleaseLabel=release,
            Applications=[{"Name": name} for name in ["Spark", "Livy", "JupyterEnterpriseGateway"]],
            Instances={
                "InstanceGroups": [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}],
                "KeepJobFlowAliveWhenNoSteps": True,
            },
            JobFlowRole="emr-ec2",
            ServiceRole="emr-service",
            SecurityConfiguration=name,
            Tags=[{"Key": key, "Value": value} for key, value in tags],
        )
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            cluster = self.emr.describe_cluster(ClusterId=made["JobFlowId"])["Cluster"]
            if cluster["Status"]["State"] in ("WAITING", "RUNNING"):
                return cluster
            time.sleep(0.1)
        raise AssertionError(f"the cluster did not become ready: {cluster['Status']}")

    def _has(self, role):
        try:
            return bool(self.iam.get_role(RoleName=role))
        except self.iam.exceptions.NoSuchEntityException:
            return False


def connect(who, cluster, role_arn):
    """The user name and password for a cluster, under a runtime role."""
    answer = who.client("emr").get_cluster_session_credentials(ClusterId=cluster["Id"], ExecutionRoleArn=role_arn)
    pair = answer["Credentials"]["UsernamePassword"]
    return pair["Username"], pair["Password"]


class Livy:
    """A notebook's side of Livy."""

    def __init__(self, cluster, pair):
        self.base = f"https://{cluster['MasterPublicDnsName']}:8998"
        self.authorization = "Basic " + base64.b64encode(":".join(pair).encode()).decode()
        self.tls = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
        self.id = None

    def call(self, method, path, body=None):
        """Status and answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": self.authorization, "Content-Type": "application/json"}
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60, context=self.tls) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def open(self):
        status, made = self.call("POST", "/sessions", {"kind": "pyspark"})
        assert status == 201, (status, made)
        self.id = made["id"]
        self._until(f"/sessions/{self.id}", "idle", ("starting", "not_started"))
        return self

    def run(self, code):
        """What the code prints; an error of its own is an answer too, as `ename: evalue`."""
        status, made = self.call("POST", f"/sessions/{self.id}/statements", {"code": code})
        assert status == 201, (status, made)
        done = self._until(f"/sessions/{self.id}/statements/{made['id']}", "available", ("waiting", "running"))
        output = done["output"]
        if output["status"] == "error":
            return f"{output['ename']}: {output['evalue']}"
        return output["data"].get("text/plain", "")

    def rows(self, bucket, key):
        """The rows of a CSV object, or the refusal."""
        return self.run(f"print([tuple(row) for row in spark.read.option('header', True).csv('s3://{bucket}/{key}/').collect()])")

    def close(self):
        self.call("DELETE", f"/sessions/{self.id}")

    def _until(self, path, wanted, before):
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            status, found = self.call("GET", path)
            assert status == 200, (status, found)
            if found["state"] == wanted:
                return found
            assert found["state"] in before, found
            time.sleep(0.1)
        raise AssertionError(f"{path} did not become {wanted}: {found}")


def is_denied(text):
    """Whether an engine's answer is a refusal by the lake."""
    return "403 Forbidden" in text and "AccessDenied" in text
