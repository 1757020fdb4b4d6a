"""What an administrator changes during the scenario, undone afterwards."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from .settings import Settings

POLICY_NAME = "scenario"
READ_THE_LAKE = ["lakeformation:GetDataAccess", "glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables",
                 "glue:GetPartitions"]  # fmt: skip


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str, **extra: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **extra}


def trust(principal: dict[str, str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}


def role_name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


class Admin:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._iam = settings.client("admin", "iam")
        self._lake = settings.client("admin", "lakeformation")

    @property
    def instance_profile(self) -> str:
        return f"arn:aws:iam::{self._settings.account}:role/{self._settings.instance_profile_role}"

    @property
    def root(self) -> str:
        return f"arn:aws:iam::{self._settings.account}:root"

    @contextlib.contextmanager
    def role(self, suffix: str, trusted: dict[str, str]) -> Iterator[str]:
        """A new runtime role."""
        name = f"{self._settings.stack}-{suffix}"
        arn = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust(trusted)))["Role"]["Arn"]
        try:
            with self.inline(name, policy(allow(READ_THE_LAKE, "*"))):
                yield arn
        finally:
            self._iam.delete_role(RoleName=name)

    @contextlib.contextmanager
    def inline(self, role: str, document: str, name: str = POLICY_NAME) -> Iterator[None]:
        """An inline policy on a role."""
        self._iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
        try:
            yield
        finally:
            self._iam.delete_role_policy(RoleName=role, PolicyName=name)

    def may_pass(self, caller_role: str, runtime_role: str) -> contextlib.AbstractContextManager[None]:
        """Lets a Studio execution role ask for a session under that runtime role."""
        condition = {"StringEquals": {"elasticmapreduce:ExecutionRoleArn": [runtime_role]}}
        statement = allow("elasticmapreduce:GetClusterSessionCredentials", "*", Condition=condition)
        return self.inline(role_name(caller_role), policy(statement), f"{POLICY_NAME}-pass")

    def may_assume(self, runtime_role: str) -> contextlib.AbstractContextManager[None]:
        """Lets the instance profile assume the role, as far as its own policies go."""
        actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
        return self.inline(self._settings.instance_profile_role, policy(allow(actions, runtime_role)), f"{POLICY_NAME}-assume")

    @contextlib.contextmanager
    def trusting(self, role: str, principal: dict[str, str]) -> Iterator[None]:
        """Adds a statement to the trust policy of a role."""
        before = self._iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        before = json.loads(unquote(before)) if isinstance(before, str) else before
        statements = before["Statement"] if isinstance(before["Statement"], list) else [before["Statement"]]
        self._iam.update_assume_role_policy(RoleName=role, PolicyDocument=policy(*statements, trust(principal)))
        try:
            yield
        finally:
            self._iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(before))

    @contextlib.contextmanager
    def granted(self, principal: str, table: str) -> Iterator[None]:
        """SELECT on a table, by Lake Formation."""
        grant = {
            "Principal": {"DataLakePrincipalIdentifier": principal},
            "Resource": {"Table": {"DatabaseName": self._settings.database, "Name": table}},
            "Permissions": ["SELECT"],
        }
        self._lake.grant_permissions(**grant)
        try:
            yield
        finally:
            self._lake.revoke_permissions(**grant)
