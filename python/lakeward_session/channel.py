"""The protocol channel: JSON lines on private descriptors.

In:  ``{"id": n, "code": str, "kind": "python" | "sql"}``, ``{"id": n, "complete": {"code": str, "cursor": int}}``, or of a batch
     ``{"id": 0, "script": {"file": str, "args": [str], "py_files": [str]}}``
Out: ``{"warm": true}`` or ``{"fatal": reason}`` first; then, told whose it is (``assignment``), ``{"ready": true, ..}``, and per request
     ``{"id": n, "status": "ok", "data": {mime: value}}`` or
     ``{"id": n, "status": "error", "ename": str, "evalue": str, "traceback": [str]}``;
     a completion says ``{"id": n, "candidates": [str]}``;
     a script says ``{"id": 0, "stdout": str}`` and ``{"id": 0, "stderr": str}``, then ``{"id": 0, "exited": status}``

A Jupyter kernel speaks of other things on it; see ``kernel``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any


class Channel:
    """Owns the two descriptors; a forked child loses them."""

    def __init__(self, source: int, sink: int) -> None:
        self._source: int | None = source
        self._sink: int | None = sink
        os.register_at_fork(after_in_child=self._forget)

    @classmethod
    def take(cls, log: str | None = None) -> Channel:
        """Moves descriptors 0 and 1 aside; from here on fd 0 is empty, and fd 1 and 2 go to the log: a file, or what fd 2 is."""
        channel = cls(os.dup(0), os.dup(1))  # dup'ed descriptors are not inherited across exec
        sys.stdout.flush()
        sys.stderr.flush()
        empty = os.open(os.devnull, os.O_RDONLY)
        logged = os.dup(2) if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for source, target in ((empty, 0), (logged, 1), (logged, 2)):
            os.dup2(source, target)
        os.close(empty)
        os.close(logged)
        return channel

    def lines(self) -> Iterator[bytes]:
        """Yields the lines of requests as they came."""
        if self._source is None:
            return
        with os.fdopen(self._source, "rb", closefd=False) as lines:
            for line in lines:
                if line.strip():
                    yield line

    def send(self, message: dict[str, Any]) -> None:
        if self._sink is None:
            os._exit(0)  # a child forked by user code has run to the end of its statement
        text = json.dumps(message, ensure_ascii=False, allow_nan=False)
        self.write(text.encode("utf-8", "replace"))

    def write(self, line: bytes) -> None:
        """Sends one line that is JSON already."""
        if self._sink is None:
            return
        data = memoryview(line + b"\n")
        while data:
            data = data[os.write(self._sink, data) :]

    def _forget(self) -> None:
        for descriptor in (self._source, self._sink):
            if descriptor is not None:
                os.close(descriptor)
        self._source = self._sink = None
