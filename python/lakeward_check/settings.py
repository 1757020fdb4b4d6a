"""The instance under test, as FILE.json describes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROLE_FILE = Path(".sagemaker-analytics-configuration-DO_NOT_DELETE/emr-configurations-DO_NOT_DELETE.json")


@dataclass(frozen=True)
class Profile:
    """A Studio user profile (or the administrator): keys and a home directory."""

    name: str
    access_key: str
    secret_key: str
    session_token: str | None = None
    home: str | None = None
    role_arn: str | None = None

    def listed_roles(self, account: str) -> list[str]:
        """The runtime roles that the file in the home directory offers for clusters of that account."""
        if self.home is None:
            raise ValueError(f"profile {self.name} has no home")
        listed = json.loads((Path(self.home) / ROLE_FILE).read_text(encoding="utf-8"))
        return list(listed["emr-execution-role-arns"].get(account, []))

    def keys(self) -> dict[str, str]:
        """As environment variables of an AWS client."""
        keys = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        return keys | ({"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {})


@dataclass(frozen=True)
class Settings:
    region: str
    account: str
    stack: str
    cluster_id: str
    cluster_address: str
    endpoint: str
    proxy: str
    ca_bundle: str
    instance_profile_role: str
    hidden_columns: list[str]
    sales_filter: dict[str, Any]
    roles: dict[str, str]
    profiles: dict[str, Profile]
    database: str = "tpc"

    @classmethod
    def load(cls, path: str) -> Settings:
        fields = json.loads(Path(path).read_text(encoding="utf-8"))
        known = cls.__dataclass_fields__
        fields["profiles"] = {
            name: Profile(name, **{k: v for k, v in profile.items() if k in Profile.__dataclass_fields__})
            for name, profile in fields["profiles"].items()
        }
        return cls(**{name: value for name, value in fields.items() if name in known})

    def client(self, profile: str, service: str) -> Any:
        """A boto3 client of the profile, at the instance's endpoint."""
        import boto3
        from botocore.config import Config

        who = self.profiles[profile]
        return boto3.client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint,
            verify=self.ca_bundle,
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret_key,
            aws_session_token=who.session_token,
            config=Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 2}, proxies={}),
        )
