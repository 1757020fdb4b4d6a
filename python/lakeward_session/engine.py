"""The session's own Sail server, and a Spark Connect client joined to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from . import bridge, configuration, contexts

CATALOG = "lakeward"
START_SECONDS = 60.0
CANCEL_SECONDS = 3.0
WATCHES = 4  # so often in a row a server that works on is seen at work
WATCH_SECONDS = 0.4
AT_WORK = 0.2  # of one processor
REJOINS = 3
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
        self._spark = spark

    @property
    def spark(self) -> Any:
        """The session that user code works with now."""
        return contexts.current(self._spark)

    @property
    def pid(self) -> int:
        return self._server.pid

    @classmethod
    def start(cls) -> Engine:
        port = free_port()
        server = serve(port)
        spark = bridge.prepare(f"sc://127.0.0.1:{port}")  # imports the client while the server starts
        wait_until_listening(server, port)
        engine = cls(server, port, spark())
        configuration.apply(engine.spark)
        return engine

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

    def sql(self, statement: str) -> Any:
        return self.spark.sql(statement)

    def cancel(self) -> bool:
        """Asks the server to drop what the session still runs, without waiting long. A plan that never looks up from its work
        (a join without an equality, for one) goes on: then the server is started anew, and the answer is true."""
        thread = threading.Thread(target=self._interrupt_all, daemon=True)
        thread.start()
        thread.join(CANCEL_SECONDS)
        if not self._works_on():
            return False
        print("the engine went on with a cancelled statement: it is started anew", file=sys.__stderr__)
        self.restart()
        return True

    def _works_on(self) -> bool:
        """Whether the server computes without a pause."""
        for _ in range(WATCHES):
            before = processor_seconds(self.pid)
            time.sleep(WATCH_SECONDS)
            if processor_seconds(self.pid) - before < WATCH_SECONDS * AT_WORK:
                return False
        return True

    def restart(self) -> None:
        """Starts the server again at its port, with the environment as it is now. Temporary views and settings made since the
        start are gone."""
        self._server.kill()
        self._server.wait()
        self._server = serve(self.port)
        wait_until_listening(self._server, self.port)
        for _ in range(REJOINS):
            try:
                self.spark.sql("select 1").collect()
                break
            except Exception as error:  # the client asks for what the old server was doing, once
                print(f"joining the new engine: {error}", file=sys.__stderr__)
        configuration.apply(self.spark)

    def _interrupt_all(self) -> None:
        try:
            self.spark.interruptAll()
        except Exception as error:
            print(f"could not interrupt the engine: {error}", file=sys.__stderr__)


def serve(port: int) -> subprocess.Popen[bytes]:
    """Starts a server. Its process group is its own: an interrupt meant for a statement must not reach it."""
    return subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.server", str(os.getpid()), str(port)],
        env=server_environment(dict(os.environ)),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def processor_seconds(pid: int) -> float:
    """What a process has used of processors; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
