"""Entry point: take the protocol channel away, start the engine, answer requests until the input ends."""

import argparse
import os
import signal
import time
import traceback
from typing import Any

from . import batch, configuration
from .channel import Channel
from .interpreter import Interpreter, failure
from .output import DEFAULT_LIMIT


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lakeward_session")
    parser.add_argument("--kind", choices=("pyspark", "python", "kernel"), default="pyspark")
    parser.add_argument("--log", default=os.devnull, help="file that receives everything written to fd 1 and 2")
    parser.add_argument("--output-limit", type=int, default=DEFAULT_LIMIT, help="characters of output per statement")
    return parser.parse_args()


def begin(interpreter: Interpreter, kind: str) -> dict[str, object]:
    """Prepares the user's names and says what there is."""
    started = time.monotonic()
    facts: dict[str, object] = {"ready": True, "kind": kind, "pid": os.getpid()}
    if kind == "pyspark":
        from .engine import Engine

        engine = Engine.start()
        configuration.apply(engine.spark)
        interpreter.names.update(engine.names())
        interpreter.on_cancel = engine.cancel
        interpreter.sql = engine.spark.sql
        facts["engine"] = {"name": "sail", "pid": engine.pid, "port": engine.port}
    facts["seconds"] = round(time.monotonic() - started, 3)
    return facts


def main() -> int:
    options = arguments()
    channel = Channel.take(options.log)
    if options.kind == "kernel":
        from .kernel import serve

        return serve(channel, options.output_limit)
    interpreter = Interpreter(limit=options.output_limit)
    signal.signal(signal.SIGINT, interpreter.interrupt)
    try:
        channel.send(begin(interpreter, options.kind))
    except BaseException as error:  # the Spark client exits where it should raise
        traceback.print_exc()
        channel.send({"fatal": f"{type(error).__name__}: {error}"})
        return 1
    for request in channel.requests():
        answer(channel, interpreter, request)
    return 0


def answer(channel: Channel, interpreter: Interpreter, request: dict[str, Any]) -> None:
    """Does what one request asks for."""

    def say(message: dict[str, Any]) -> None:
        channel.send({"id": request["id"], **message})

    if "script" in request:
        try:
            batch.run(request["script"], say)
        except Exception as error:
            say(failure(error))
    elif "complete" in request:
        say({"candidates": interpreter.complete(request["complete"]["code"], request["complete"]["cursor"])})
    else:
        say(interpreter.execute(request["code"], request.get("kind", "python")))


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")
    # No orderly shutdown: exit hooks of user code or of the Spark client must not keep an ended session alive.
    os._exit(main())
