"""The Spark settings that a session was opened with: ``%%configure``'s ``conf``."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

VARIABLE = "LAKEWARD_SPARK_CONF"


def apply(spark: Any) -> None:
    """Sets what the environment's JSON object names. What the engine doesn't take is said in the log, and nothing fails for it:
    notebooks bring settings of machines and memory that mean nothing here."""
    try:
        settings = json.loads(os.environ.get(VARIABLE) or "{}")
    except ValueError as error:
        print(f"{VARIABLE} is no JSON object: {error}", file=sys.__stderr__)
        return
    for name, value in settings.items():
        try:
            spark.conf.set(name, value)
        except Exception as error:
            first = (str(error).splitlines() or [""])[0]
            print(f"setting {name} is not taken: {first}", file=sys.__stderr__)
