"""Whose interpreter this is: told once, by the line that follows ``{"warm": true}``.

``{"begin": {"kind": str, "name": str, "application": str, "settings": {name: value}, "token": str or null}}``. Before it there is
no owner, no name and no key; the token opens the session's keys, and is in a file of its own where there is an enclosure.
"""

from __future__ import annotations

import json
import os
from typing import Any

from . import configuration

TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"


def accept(begin: dict[str, Any]) -> None:
    """Takes the session's name, settings and token; children find them too."""
    os.environ["LAKEWARD_SESSION_NAME"] = begin["name"]
    os.environ["LAKEWARD_APPLICATION_ID"] = begin["application"]
    os.environ[configuration.VARIABLE] = json.dumps(begin["settings"])
    if begin.get("token") is not None:
        descriptor = os.open(os.environ[TOKEN_FILE], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(begin["token"])
