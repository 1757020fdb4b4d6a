"""Entry point: take the protocol channel away, start the engine, answer requests until the input ends."""

import argparse
import json
import os
import signal
import time
import traceback
from typing import Any

from . import assignment, batch, configuration, modules
from .channel import Channel
from .interpreter import Interpreter, failure
from .output import DEFAULT_LIMIT


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lakeward_session")
    parser.add_argument("--kind", choices=("pyspark", "python", "kernel"), default="pyspark")
    parser.add_argument("--engine", choices=("sail",), default="sail")
    parser.add_argument("--ahead", action="store_true", help="nobody waits yet: do now what the first statement would wait for")
    parser.add_argument("--log", help="file that receives everything written to fd 1 and 2; without it, fd 2 does")
    parser.add_argument("--output-limit", type=int, default=DEFAULT_LIMIT, help="characters of output per statement")
    return parser.parse_args()


def engine_of(options: argparse.Namespace) -> Any:
    """A running engine for the kind of session that is likely; a kernel's process has its own."""
    if options.kind != "pyspark":
        return None
    from .engine import Engine

    engine = Engine.start()
    if options.ahead:
        engine.warm_up()
    return engine


def bridge_of(options: argparse.Namespace, channel: Channel) -> Any:
    """A kernel's process, for a session that is one."""
    if options.kind != "kernel":
        return None
    from .kernel import Bridge

    bridge = Bridge(channel, options.output_limit)
    if options.ahead:
        bridge.wait_until_prepared()
    return bridge


def begin(interpreter: Interpreter, engine: Any, kind: str, is_other: bool) -> dict[str, object]:
    """Prepares the user's names and says what there is."""
    facts: dict[str, object] = {"ready": True, "kind": kind, "pid": os.getpid()}
    if engine is not None and kind == "python":
        engine.stop()
    elif engine is not None:
        engine.restart() if is_other else configuration.apply(engine.spark)
        interpreter.names.update(engine.names())
        interpreter.on_cancel = engine.cancel
        interpreter.sql = engine.sql
        facts["engine"] = {"name": "sail", "pid": engine.pid, "port": engine.port}
    return facts


def main() -> int:
    options = arguments()
    channel = Channel.take(options.log)
    lines = channel.lines()
    interpreter = Interpreter(limit=options.output_limit)
    signal.signal(signal.SIGINT, signal.SIG_IGN if options.kind == "kernel" else interpreter.interrupt)
    try:
        started = time.monotonic()
        modules.prepare()
        engine, bridge = engine_of(options), bridge_of(options, channel)
        channel.send({"warm": True, "seconds": round(time.monotonic() - started, 3)})
        line = next(lines, None)
        if line is None:
            return 0
        told = json.loads(line)["begin"]
        is_other = assignment.accept(told)
        configuration.take_modules()
        if bridge is not None:
            return bridge.serve(lines, is_other)
        channel.send(begin(interpreter, engine, told["kind"], is_other))
    except BaseException as error:  # the Spark client exits where it should raise
        traceback.print_exc()
        channel.send({"fatal": f"{type(error).__name__}: {error}"})
        return 1
    for line in lines:
        interpreter.expect()
        answer(channel, interpreter, json.loads(line))
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
