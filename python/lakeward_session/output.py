"""What a statement prints, kept within a limit."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import TextIO

DEFAULT_LIMIT = 8 * 1024 * 1024


class Budget:
    """The characters that one statement may still print, over both streams."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.left = limit
        self.dropped = 0

    def take(self, wanted: int) -> int:
        granted = min(wanted, self.left)
        self.left -= granted
        self.dropped += wanted - granted
        return granted


class Writer(io.TextIOBase):
    """A text stream to write to."""

    @property
    def encoding(self) -> str:
        return "utf-8"

    def writable(self) -> bool:
        return True


class Captured(Writer):
    """A text stream that keeps what the budget allows and counts the rest."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._parts: list[str] = []

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        granted = self._budget.take(len(text))
        if granted:
            self._parts.append(text[:granted])
        return len(text)

    def text(self) -> str:
        return "".join(self._parts)


class Stream(Writer):
    """One of the interpreter's two streams, the same object in every statement: who keeps it, as a handler of ``logging`` does,
    is heard in later statements too. Between statements it is the log."""

    def __init__(self, log: TextIO) -> None:
        self._log = log
        self.target: Captured | None = None

    def write(self, text: str) -> int:
        return (self.target or self._log).write(text)

    def flush(self) -> None:
        if self.target is None:
            self._log.flush()


class Output:
    """What both streams take in one statement."""

    def __init__(self, limit: int) -> None:
        self._budget = Budget(limit)
        self.stdout = Captured(self._budget)
        self.stderr = Captured(self._budget)

    def text(self) -> str:
        """Stdout, then stderr, without trailing white space; says so if something was left out."""
        text = (self.stdout.text() + self.stderr.text()).rstrip()
        if self._budget.dropped:
            text += f"\n[output truncated: {self._budget.dropped} more characters than the limit of {self._budget.limit}]"
        return text


class Streams:
    """``sys.stdout`` and ``sys.stderr`` of user code."""

    def __init__(self) -> None:
        self._stdout = Stream(sys.__stdout__ or io.StringIO())
        self._stderr = Stream(sys.__stderr__ or io.StringIO())

    @contextlib.contextmanager
    def capture(self, output: Output) -> Iterator[None]:
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = self._stdout, self._stderr
        self._stdout.target, self._stderr.target = output.stdout, output.stderr
        try:
            yield
        finally:
            self._stdout.target = self._stderr.target = None
            sys.stdout, sys.stderr = before
