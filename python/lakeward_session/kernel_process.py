"""The process of a Jupyter kernel: ``python -m lakeward_session.kernel_process PARENT CONNECTION_FILE ASSIGNMENT REPORT``.

``ASSIGNMENT`` and ``REPORT`` are descriptors. An empty line on the second says that the process waits to be told whose it is:
``{"environment": {name: value}, "is_other": bool}`` on the first, up to its end. Then the second takes one JSON line,
``{"ready": true, ..}`` or ``{"fatal": reason}``, and is closed.
"""

import json
import logging
import os
import signal
import sys
import traceback
from typing import Any

from . import configuration, kernel_commands, modules
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
    known = [logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    silent = [logger for logger in known if logger.disabled]
    app = IPKernelApp.instance(config=config)
    app.initialize(["-f", connection])
    for logger in silent:  # its set-up of logging turned on every logger that was there
        logger.disabled = True
    return app


def prepare() -> Any:
    """What takes long and is nobody's yet: the engine, and the imports of the rest."""
    import ipykernel.kernelapp  # noqa: F401

    from . import kernel_magics  # noqa: F401
    from .engine import Engine

    modules.prepare()
    engine = Engine.start()
    engine.warm_up()
    return engine


def accept(engine: Any, assignment: dict[str, Any]) -> None:
    """Takes the owner's environment and settings."""
    os.environ.clear()
    os.environ.update(assignment["environment"])
    if assignment["is_other"]:
        engine.restart()
    else:
        configuration.apply(engine.spark)


def kernel(engine: Any, connection: str) -> Any:
    """A kernel whose user finds the engine in its names."""
    from . import kernel_magics

    app = application(connection)
    shell = app.shell
    shell.banner1 = BANNER
    kernel_commands.register(shell)
    shell.push(engine.names())
    shell.events.register("post_run_cell", lambda result: cancel_interrupted(engine, result))
    kernel_magics.register(shell, engine)
    return app


def main() -> None:
    parent, connection, assignment, report = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    die_with(parent)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with os.fdopen(report, "w") as line, os.fdopen(assignment) as told:
        try:
            engine = prepare()
            print(file=line, flush=True)
            accept(engine, json.load(told))
            app = kernel(engine, connection)
        except BaseException as error:  # the Spark client exits where it should raise
            traceback.print_exc()
            json.dump({"fatal": f"{type(error).__name__}: {error}"}, line)
            sys.exit(1)
        json.dump({"ready": True, "kind": "kernel", "engine": {"name": "sail", "pid": engine.pid, "port": engine.port}}, line)
    app.start()


if __name__ == "__main__":
    main()
