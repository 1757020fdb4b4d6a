"""Whose interpreter this is: told once, by the line that follows ``{"warm": true}``.

``{"begin": {"kind": str, "name": str, "application": str, "settings": {name: value}, "engine": {name: value}, "token": str or null}}``.
Before it there is no owner, no name and no key; the token opens the session's keys, and is in a file of its own where there is an
enclosure. ``engine`` is what the engine's environment has to be.
"""

from __future__ import annotations

import json
import os
from typing import Any

from . import configuration

TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"


def accept(begin: dict[str, Any]) -> bool:
    """Takes the session's name, settings and token; children find them too. Answers whether an engine that runs already
    was started with another share of the machine than the session gets."""
    os.environ["LAKEWARD_SESSION_NAME"] = begin["name"]
    os.environ["LAKEWARD_APPLICATION_ID"] = begin["application"]
    os.environ[configuration.VARIABLE] = json.dumps(begin["settings"])
    if begin.get("token") is not None:
        descriptor = os.open(os.environ[TOKEN_FILE], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(begin["token"])
    engine = begin["engine"]
    is_other = any(os.environ.get(name) != value for name, value in engine.items())
    os.environ.update(engine)
    return is_other
