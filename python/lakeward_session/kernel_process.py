"""The process of a Jupyter kernel: ``python -m lakeward_session.kernel_process PARENT CONNECTION_FILE REPORT``.

``REPORT`` is a descriptor that takes one JSON line, ``{"ready": true, ..}`` or ``{"fatal": reason}``, and is closed then.
"""

import json
import os
import signal
import sys
import traceback
from typing import Any

from .server import die_with

BANNER = "A kernel on a Lakeward cluster: spark, sqlContext and sc work under the session's runtime role. %%sql runs SQL.\n"


def cancel_interrupted(engine: Any, result: Any) -> None:
    """The engine goes on with a query whose cell was interrupted, unless it is told."""
    if isinstance(result.error_in_exec, KeyboardInterrupt):
        engine.cancel()


def application(connection: str) -> Any:
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.hist_file = ":memory:"
    config.IPKernelApp.parent_handle = os.getppid()
    app = IPKernelApp.instance(config=config)
    app.initialize(["-f", connection])
    return app


def prepare(connection: str) -> tuple[Any, dict[str, object]]:
    """A kernel whose user finds the engine in its names, and what there is to say of it."""
    from . import kernel_magics
    from .engine import Engine

    engine = Engine.start()
    app = application(connection)
    shell = app.shell
    shell.banner1 = BANNER
    shell.push(engine.names())
    shell.events.register("post_run_cell", lambda result: cancel_interrupted(engine, result))
    kernel_magics.register(shell, engine.spark)
    return app, {"ready": True, "kind": "kernel", "engine": {"name": "sail", "pid": engine.pid, "port": engine.port}}


def main() -> None:
    parent, connection, report = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    die_with(parent)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with os.fdopen(report, "w") as line:
        try:
            app, facts = prepare(connection)
        except BaseException as error:  # the Spark client exits where it should raise
            traceback.print_exc()
            json.dump({"fatal": f"{type(error).__name__}: {error}"}, line)
            sys.exit(1)
        json.dump(facts, line)
    app.start()


if __name__ == "__main__":
    main()
