"""Tests of the Python parts: ``python -B -m unittest discover -s python/tests -t python`` from the repository's root.

Processes that they start find the packages as in a session: by PYTHONPATH. What needs packages of a session is skipped where they
are missing, and fails with ``LAKEWARD_TEST_SESSION=required``.
"""

import faulthandler
import importlib.util
import os
import pathlib
import sys

# Longer than all tests take together: one that hangs shows where, and fails.
LONGEST_SECONDS = 900
faulthandler.dump_traceback_later(LONGEST_SECONDS, exit=True)

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ["PYTHONPATH"] = str(ROOT)
# The packages' folders are to hold sources only.
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
sys.dont_write_bytecode = True


def has(*packages):
    """Whether the packages of a session are there; where they must be, a missing one fails."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing and os.environ.get("LAKEWARD_TEST_SESSION") == "required":
        raise ModuleNotFoundError(f"LAKEWARD_TEST_SESSION=required, and this Python has no {', '.join(missing)}")
    return not missing
