"""The process of a batch's script: ``python -m lakeward_session.submitted TASK``, where the task is a JSON object.

``pyspark`` finds the session's engine, ``sys.argv`` and ``sys.path`` are as spark-submit sets them, and the exit status is the
script's own.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import types
from typing import Any

from . import bridge, configuration, modules


def main(task: dict[str, Any]) -> None:
    path = task["script"]
    sys.argv = [path, *task["args"]]
    sys.path[:1] = [os.path.dirname(path), *task["paths"]]
    modules.prepare()
    remote = os.environ.get("SPARK_REMOTE")
    if remote:
        configuration.apply(bridge.prepare(remote)())  # the script's own getOrCreate() finds this session
    with open(path, "rb") as file:
        source = file.read()
    module = types.ModuleType("__main__")
    module.__dict__["__file__"] = path
    sys.modules["__main__"] = module  # pickle and cloudpickle look the script's classes up there
    try:
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    except Exception as error:
        report(error)
        sys.exit(1)


def report(error: BaseException) -> None:
    """Prints the traceback as Python does, without our own frame."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")
    main(json.loads(sys.argv[1]))
