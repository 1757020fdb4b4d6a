"""A day with the AWS CLI: what an administrator types, and what comes back.

Keys, endpoint, region and CA come from the environment. Commands run as processes, as typed.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def run(*arguments, keys=None, fails=None):
    """One command; its answer as JSON. `fails` is a text that its error must hold."""
    environment = dict(os.environ, AWS_PAGER="", AWS_EC2_METADATA_DISABLED="true")
    if keys:
        environment.update(
            AWS_ACCESS_KEY_ID=keys["AccessKeyId"],
            AWS_SECRET_ACCESS_KEY=keys["SecretAccessKey"],
            AWS_SESSION_TOKEN=keys.get("SessionToken", ""),
        )
    command = [sys.executable, "-m", "awscli", *arguments, "--output", "json"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    if fails:
        assert ended.returncode != 0, f"{arguments} succeeded"
        assert fails in ended.stderr, f"no {fails!r} in {ended.stderr!r}"
        return None
    assert ended.returncode == 0, f"{arguments}: {ended.stderr}"
    return json.loads(ended.stdout) if ended.stdout.strip() else None


def document(folder, name, *statements):
    path = Path(folder) / name
    path.write_text(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), encoding="utf-8")
    return f"file://{path}"


def main():
    folder = tempfile.mkdtemp()
    account = run("sts", "get-caller-identity")["Account"]
    run("iam", "create-user", "--user-name", "cli-user", "--tags", "Key=team,Value=red")
    keys = run("iam", "create-access-key", "--user-name", "cli-user")["AccessKey"]
    assert run("sts", "get-caller-identity", keys=keys)["Arn"] == f"arn:aws:iam::{account}:user/cli-user"
    run("iam", "list-users", keys=keys, fails="AccessDenied")

    allow = document(folder, "allow.json", {"Effect": "Allow", "Action": ["iam:Get*", "iam:List*", "sts:AssumeRole"], "Resource": "*"})
    arn = run("iam", "create-policy", "--policy-name", "look", "--policy-document", allow)["Policy"]["Arn"]
    run("iam", "attach-user-policy", "--user-name", "cli-user", "--policy-arn", arn)
    names = run("iam", "list-users", "--query", "Users[].UserName", keys=keys)
    assert "cli-user" in names, names
    broken = Path(folder) / "broken.json"
    broken.write_text('{"Version": "2012-10-17", "Statement": [{]}', encoding="utf-8")
    run("iam", "create-policy", "--policy-name", "broken", "--policy-document", f"file://{broken}", fails="MalformedPolicyDocument")

    trust = document(
        folder, "trust.json", {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:user/cli-user"}, "Action": "sts:AssumeRole"}
    )
    role = run("iam", "create-role", "--role-name", "cli-role", "--assume-role-policy-document", trust)["Role"]["Arn"]
    run("iam", "attach-role-policy", "--role-name", "cli-role", "--policy-arn", arn)
    session = run("sts", "assume-role", "--role-arn", role, "--role-session-name", "day", keys=keys)["Credentials"]
    who = run("sts", "get-caller-identity", keys=session)["Arn"]
    assert who == f"arn:aws:sts::{account}:assumed-role/cli-role/day", who
    found = run("iam", "get-role", "--role-name", "cli-role", keys=session)["Role"]
    assert found["AssumeRolePolicyDocument"]["Statement"][0]["Action"] == "sts:AssumeRole"
    run("iam", "delete-role", "--role-name", "cli-role", keys=session, fails="AccessDenied")

    simulated = run(
        "iam", "simulate-principal-policy", "--policy-source-arn", role, "--action-names", "iam:ListRoles", "iam:DeleteRole"
    )["EvaluationResults"]
    assert [one["EvalDecision"] for one in simulated] == ["allowed", "implicitDeny"], simulated
    events = run("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=DeleteRole")["Events"]
    assert any('"errorCode"' in event["CloudTrailEvent"] for event in events)

    run("iam", "detach-role-policy", "--role-name", "cli-role", "--policy-arn", arn)
    run("iam", "delete-role", "--role-name", "cli-role")
    run("iam", "get-role", "--role-name", "cli-role", fails="NoSuchEntity")
    run("iam", "detach-user-policy", "--user-name", "cli-user", "--policy-arn", arn)
    run("iam", "delete-policy", "--policy-arn", arn)
    run("iam", "delete-access-key", "--user-name", "cli-user", "--access-key-id", keys["AccessKeyId"])
    run("iam", "delete-user", "--user-name", "cli-user")
    print("all held")


if __name__ == "__main__":
    main()
