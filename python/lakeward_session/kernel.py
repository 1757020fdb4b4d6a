"""Joins a Jupyter kernel to the protocol channel: ``python -m lakeward_session --kind kernel``.

The kernel is a process of its own below this one, so that it can be restarted and may die. Between the two are Jupyter's ZMQ
sockets, in a folder that nobody else opens, with signed messages. On the channel are JSON lines.

The kernel's process is started before it is known whose it is: it prepares what takes long, and then waits to be told.

In:  ``{"start": {"environment": {name: value}}}`` first, then ``{"message": ..}`` (see ``kernel_messages``),
     ``{"interrupt": true}``, ``{"restart": n}``
Out: ``{"ready": true, ..}`` or ``{"fatal": reason}`` first, then ``{"message": ..}``, ``{"restarted": n}``;
     ``{"fatal": reason}`` when the kernel is given up
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import zmq
from jupyter_client import KernelClient, write_connection_file

from . import kernel_messages
from .channel import Channel

WAITING_LINES = 16
# Jupyter's server takes no more of a gateway in one message; it would drop the connection.
MESSAGE_LIMIT = (10 << 20) - (1 << 10)
# Shows figures below their cells.
FIGURES = "module://matplotlib_inline.backend_inline"
# A kernel that dies so many times in so many seconds is given up.
DEATHS = 5
DEATH_SECONDS = 60.0
# What the kernel's process says when it waits to be told whose it is.
PREPARED = b"\n"
# What is under way on the sockets of a kernel that died.
LAST_MESSAGES = 0.2


class KernelError(Exception):
    """The kernel's process could not be prepared."""


class Kernel:
    """One run of the kernel's process."""

    def __init__(self, connection: str) -> None:
        report, told = os.pipe()
        assignment, self._assignment = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.kernel_process", str(os.getpid()), connection, str(assignment), str(told)],
                env=dict(os.environ) | {"MPLBACKEND": FIGURES},
                stdin=subprocess.DEVNULL,
                pass_fds=(assignment, told),
            )
        finally:
            os.close(told)
            os.close(assignment)
        self.exit = os.pidfd_open(self._process.pid)
        self.report: int | None = report
        self._said = b""

    def assign(self, environment: dict[str, str], is_other: bool) -> None:
        """Says whose it is: its environment, and whether its engine has to be started anew for that."""
        whole = dict(os.environ) | environment | {"MPLBACKEND": FIGURES}
        try:
            with os.fdopen(self._assignment, "w") as line:
                json.dump({"environment": whole, "is_other": is_other}, line)
        except BrokenPipeError:
            pass  # it ended, which is noticed elsewhere

    def wait_until_prepared(self) -> None:
        """Waits for what it says before it is told whose it is."""
        assert self.report is not None
        if os.read(self.report, len(PREPARED)) != PREPARED:
            raise KernelError(f"the kernel ended before it was ready ({self.ending()})")

    def facts(self) -> dict[str, Any] | None:
        """What it had to say about its start, once that is whole; asked when there is more of it."""
        assert self.report is not None
        if text := os.read(self.report, 64 << 10):
            self._said += text
            return None
        os.close(self.report)
        self.report = None
        try:
            return json.loads(self._said)
        except ValueError:
            return {"fatal": f"the kernel ended before it was ready ({self.ending()})"}

    def last_facts(self) -> dict[str, Any]:
        """The same of a kernel that ended."""
        while (facts := self.facts()) is None:
            pass
        return facts

    def kill(self) -> None:
        self._process.kill()

    def ending(self) -> str:
        """How it ended; waits for that."""
        status = self._process.wait()
        return f"signal {-status}" if status < 0 else f"exit status {status}"

    def close(self) -> None:
        os.close(self.exit)
        if self.report is not None:
            os.close(self.report)
            self.report = None


class Bridge:
    """Passes messages on, one at a time, in one thread."""

    def __init__(self, channel: Channel, output_limit: int) -> None:
        self._channel = channel
        self._limit = min(output_limit * 4, MESSAGE_LIMIT)
        self._environment: dict[str, str] = {}
        self._connection = connection_file()
        self._client = KernelClient(connection_file=self._connection)
        self._client.load_connection_file()
        self._session = self._client.session
        identity = self._session.bsession  # the kernel asks for input where it was asked to run
        self._sockets: dict[zmq.Socket[bytes], str] = {
            self._client.connect_control(identity=identity): "control",
            self._client.connect_iopub(identity=identity): "iopub",
            self._client.connect_shell(identity=identity): "shell",
            self._client.connect_stdin(identity=identity): "stdin",
        }
        self._by_channel = {name: socket for socket, name in self._sockets.items()}
        self._requests = requests = zmq.Context.instance().socket(zmq.PULL)
        requests.setsockopt(zmq.RCVHWM, WAITING_LINES)
        requests.bind("inproc://requests")
        self._poller = zmq.Poller()
        for socket in self._sockets:
            self._poller.register(socket, zmq.POLLIN)
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self._restart: int | None = None
        self._facts: dict[str, Any] | None = None
        self._is_heard = False
        self._has_been_ready = False
        self._kernel = self._launch()

    def wait_until_prepared(self) -> None:
        self._kernel.wait_until_prepared()

    def serve(self, lines: Iterator[bytes], is_other: bool) -> int:
        """Runs the kernel, whose owner is known now, until the input ends or the kernel is given up."""
        self._environment = json.loads(next(lines))["start"]["environment"]
        self._kernel.assign(self._environment, is_other)
        threading.Thread(target=self._hear, args=(lines,), name="requests", daemon=True).start()
        return self._run()

    def _hear(self, lines: Any) -> None:
        """Hands the channel's lines to the bridge's thread; no more are taken than it keeps up with."""
        socket = zmq.Context.instance().socket(zmq.PUSH)
        socket.setsockopt(zmq.SNDHWM, WAITING_LINES)
        socket.connect("inproc://requests")
        for line in lines:
            socket.send(line)
        socket.send(b"")

    def _run(self) -> int:
        while True:
            status = self._step({ready for ready, _ in self._poller.poll()})
            if status is not None:
                return status

    def _step(self, ready: set[Any]) -> int | None:
        self._pass_on(ready)
        if self._kernel.report in ready:
            status = self._started()
            if status is not None:
                return status
        if self._kernel.exit in ready:
            return self._died()
        if self._requests in ready:
            line = self._requests.recv()
            if not line:
                return 0
            self._obey(json.loads(line))
        return None

    def _pass_on(self, ready: set[Any]) -> None:
        for socket in self._sockets.keys() & ready:
            try:
                _, parts = self._session.feed_identities(socket.recv_multipart())
                message = self._session.deserialize(parts)
            except Exception as error:  # whatever reached the socket: it is no message of the kernel
                print(f"a message on a kernel's socket was dropped: {error}", file=sys.__stderr__)
                continue
            if message["msg_type"] == "iopub_welcome":
                self._is_heard = True
                self._announce()
            elif self._is_for_clients(message):
                line = kernel_messages.within(self._limit, message, self._sockets[socket], self._session)
                if line is not None:
                    self._channel.write(line)

    def _is_for_clients(self, message: dict[str, Any]) -> bool:
        """Neither about our own interrupts, nor from before the channel's first line."""
        return self._has_been_ready and message["parent_header"].get("session") != self._session.session

    def _obey(self, request: dict[str, Any]) -> None:
        if "message" in request:
            self._send(request)
        elif "interrupt" in request:
            self._session.send(self._by_channel["control"], "interrupt_request", {})
        elif "restart" in request:
            self._restart = request["restart"]
            self._kernel.kill()

    def _send(self, request: dict[str, Any]) -> None:
        try:
            message = kernel_messages.received(request)
        except kernel_messages.Malformed as error:
            print(f"a client's message was dropped: {error}", file=sys.__stderr__)
            return
        self._session.send(self._by_channel[message["channel"]], message, buffers=message.pop("buffers"))

    def _started(self) -> int | None:
        """What a new kernel says first."""
        report = self._kernel.report
        facts = self._kernel.facts()
        if facts is None:
            return None
        self._poller.unregister(report)
        if "fatal" in facts:
            return self._give_up(str(facts["fatal"]))
        self._facts = facts
        self._announce()
        return None

    def _announce(self) -> None:
        """Takes requests when the kernel is ready and its output arrives here: what it says to nobody is lost."""
        if self._facts is None or not self._is_heard:
            return
        if not self._has_been_ready:
            self._has_been_ready = True
            self._channel.send(self._facts)
        else:
            for word in ("starting", "idle"):  # its own words came before it was heard
                self._channel.write(kernel_messages.state(self._session, word))
        if self._restart is not None:
            self._channel.send({"restarted": self._restart})
        self._restart = None
        self._poller.register(self._requests, zmq.POLLIN)

    def _died(self) -> int | None:
        """Starts the kernel anew when it was told to end, and also when it was not, as Jupyter does, but not for ever."""
        ending = self._kernel.ending()
        self._drain()
        self._poller.unregister(self._kernel.exit)
        if self._kernel.report is not None:
            self._poller.unregister(self._kernel.report)
            if self._restart is None:
                return self._give_up(str(self._kernel.last_facts().get("fatal", f"the kernel ended ({ending})")))
        self._kernel.close()
        if self._restart is None:
            print(f"the kernel ended ({ending})", file=sys.__stderr__)
            self._deaths.append(time.monotonic())
            if len(self._deaths) == DEATHS and self._deaths[-1] - self._deaths[0] < DEATH_SECONDS:
                return self._give_up(f"the kernel ended {DEATHS} times within {DEATH_SECONDS:.0f} seconds, at last with {ending}")
        self._channel.write(kernel_messages.state(self._session, "restarting"))
        if self._requests in self._poller:
            self._poller.unregister(self._requests)
        self._facts, self._is_heard = None, False
        self._kernel = self._launch()
        self._kernel.assign(self._environment, is_other=False)
        return None

    def _drain(self) -> None:
        """Passes on what a kernel said before it ended."""
        while ready := {found for found, _ in self._poller.poll(LAST_MESSAGES * 1000)} & self._sockets.keys():
            self._pass_on(ready)

    def _launch(self) -> Kernel:
        kernel = Kernel(self._connection)
        self._poller.register(kernel.exit, zmq.POLLIN)
        self._poller.register(kernel.report, zmq.POLLIN)
        return kernel

    def _give_up(self, reason: str) -> int:
        self._channel.write(kernel_messages.state(self._session, "dead"))
        self._channel.send({"fatal": reason})
        return 1


def connection_file() -> str:
    """Writes a new key and the places of the sockets, in a folder for this user alone. The places are relative to the working
    directory, because the path of a Unix socket must be short."""
    folder = tempfile.mkdtemp(prefix="kernel-")
    place = os.path.relpath(os.path.join(folder, "socket"))
    file, _ = write_connection_file(os.path.join(folder, "connection.json"), transport="ipc", ip=place)
    return file
