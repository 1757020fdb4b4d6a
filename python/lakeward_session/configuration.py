"""The Spark settings that a session was opened with: ``%%configure``'s ``conf``."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from . import modules

VARIABLE = "LAKEWARD_SPARK_CONF"
MODULES = "spark.submit.pyFiles"


def apply(spark: Any) -> None:
    """Sets what the environment's JSON object names. What the engine doesn't take is said in the log, and nothing fails for it:
    notebooks bring settings of machines and memory that mean nothing here."""
    for name, value in settings().items():
        try:
            spark.conf._set_all({name: value}, silent=False)  # as at the start of a session: what is fixed later is not yet
        except Exception as error:
            first = (str(error).splitlines() or [""])[0]
            print(f"setting {name} is not taken: {first}", file=sys.__stderr__)


def settings() -> dict[str, Any]:
    """The settings by name."""
    try:
        return json.loads(os.environ.get(VARIABLE) or "{}")
    except ValueError as error:
        print(f"{VARIABLE} is no JSON object: {error}", file=sys.__stderr__)
        return {}


def take_modules() -> None:
    """Takes the modules that the settings name.

    Raises ``ModuleFileError`` where one can't be had: a session without it is not what was asked for."""
    for address in str(settings().get(MODULES) or "").split(","):
        if address.strip():
            modules.add(address.strip())
