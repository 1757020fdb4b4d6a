"""The session's own Sail server, and a Spark Connect client joined to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from . import assignment, bridge, contexts

CATALOG = "lakeward"
START_SECONDS = 60.0
CANCEL_SECONDS = 5.0
YEAR_SECONDS = 365 * 24 * 3600


class EngineError(Exception):
    """The engine could not be started."""


def server_environment(environment: dict[str, str]) -> dict[str, str]:
    """What Sail needs besides the session's own environment; ENVIRONMENT.md explains each."""
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        raise EngineError("AWS_REGION is not set")
    return environment | {
        "SAIL_CATALOG__LIST": f'[{{type="glue", name="{CATALOG}", region="{region}"}}]',
        "SAIL_CATALOG__DEFAULT_CATALOG": CATALOG,
        "SAIL_CATALOG__DEFAULT_DATABASE": '["default"]',
        "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(YEAR_SECONDS),
        "SAIL_PARQUET__FILE_METADATA_CACHE__TYPE": "none",
        "SAIL_PARQUET__FILE_STATISTICS_CACHE__TYPE": "none",
        "RUST_LOG": environment.get("LAKEWARD_SAIL_LOG", "warn"),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Engine:
    """A running Sail server and the client's session on it."""

    def __init__(self, server: subprocess.Popen[bytes], port: int, spark: Any) -> None:
        self._server = server
        self.port = port
        self.spark = spark

    @property
    def pid(self) -> int:
        return self._server.pid

    @classmethod
    def start(cls) -> Engine:
        port = free_port()
        # A process group of its own: an interrupt meant for a statement must not reach the server.
        server = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.server", str(os.getpid()), str(port)],
            env=server_environment(dict(os.environ)),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        spark = bridge.prepare(f"sc://127.0.0.1:{port}")  # imports the client while the server starts
        wait_until_listening(server, port)
        engine = cls(server, port, spark())
        engine.configure(assignment.settings())
        return engine

    def configure(self, settings: dict[str, str]) -> None:
        """Gives the Spark session its settings. One that the engine does not take costs nobody the session."""
        for name, value in settings.items():
            try:
                self.spark.conf.set(name, value)
            except Exception as error:
                print(f"the engine does not take {name} = {value}: {error}", file=sys.__stderr__)

    def warm_up(self) -> None:
        """Takes a query the whole way, so that the first one of the session's owner is not the first."""
        self.spark.conf.set("spark.sql.session.timeZone", self.spark.conf.get("spark.sql.session.timeZone"))
        self.spark.sql("select 1 as one").toPandas()

    def stop(self) -> None:
        """Ends the server, for a session that wants none."""
        self._server.kill()
        self._server.wait()

    def names(self) -> dict[str, Any]:
        """What user code finds in its namespace."""
        return {
            "spark": self.spark,
            "sqlContext": contexts.SqlContext(self.spark),
            "sc": self.spark.sparkContext,
            "HiveContext": contexts.absent("HiveContext", "use spark or sqlContext"),
            "StreamingContext": contexts.absent("StreamingContext", "the engine has no streaming"),
        }

    def cancel(self) -> None:
        """Asks the server to drop what the session still runs, without waiting long."""
        thread = threading.Thread(target=self._interrupt_all, daemon=True)
        thread.start()
        thread.join(CANCEL_SECONDS)

    def _interrupt_all(self) -> None:
        try:
            self.spark.interruptAll()
        except Exception as error:
            print(f"could not interrupt the engine: {error}", file=sys.__stderr__)


def wait_until_listening(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise EngineError(f"sail ended with status {server.returncode}; see the session's log")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise EngineError(f"sail did not listen on port {port} within {START_SECONDS:.0f} seconds")
