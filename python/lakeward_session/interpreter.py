"""Runs statements the way Livy's Python interpreter does.

All but the last top-level statement are executed; the last is compiled in 'single' mode, so a trailing expression prints its
value. Lines that begin with ``%`` are magics, looked for only when the code isn't Python as it stands.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import codeop
import functools
import json
import operator
import os
import re
import signal
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any

from . import completion, magics, tables
from .output import DEFAULT_LIMIT, Output, Streams

FILE = "<stdin>"
OURS = os.path.dirname(__file__) + os.sep
FUTURES = functools.reduce(operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names))
OUTERMOST = re.compile(rf'\s*File "{FILE}".*in <module>')

Data = dict[str, Any]
Step = Callable[[], Data]


class Incomplete(Exception):
    """The code ends in the middle of a statement."""


class Interpreter:
    """One namespace, one statement at a time."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        module = types.ModuleType("__main__")
        module.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = module  # pickle and cloudpickle look user classes up there
        self.names: dict[str, Any] = module.__dict__
        self.on_cancel: Callable[[], bool] = lambda: False  # whether the engine had to be started anew
        self.sql: Callable[[str], Any] | None = None  # the engine's, whatever user code makes of its names
        self._streams = Streams()
        self._limit = limit
        self._futures = 0
        self._running = False
        self._is_expected = False
        self._was_stopped_early = False

    def interrupt(self, *_: object) -> None:
        """Signal handler: ends the running statement, also one that is about to run, and does nothing between statements."""
        if self._running:
            raise KeyboardInterrupt
        self._was_stopped_early = self._is_expected

    def expect(self) -> None:
        """A request is there: an interrupt that comes before its code runs is meant for it."""
        self._is_expected, self._was_stopped_early = True, False

    def execute(self, code: str, kind: str = "python") -> dict[str, Any]:
        """Runs one statement and returns the reply, without its id."""
        output = Output(self._limit)
        try:
            if kind == "sql":
                return self._within_limit({"status": "ok", "data": self._guarded([lambda: self._query(code)], output)})
            data = self._guarded(self._prepared(code, output), output)
        except KeyboardInterrupt as error:
            reply = failure(error, output)
            if self.on_cancel():
                reply["evalue"] += "; the engine had to be started anew: temporary views and settings are gone"
            return reply
        except BaseException as error:  # SystemExit too: user code must not end the session
            return failure(error, output)
        data.setdefault("text/plain", "")
        data["text/plain"] = "\n".join(part for part in (data["text/plain"], output.text()) if part)
        return self._within_limit({"status": "ok", "data": data})

    def complete(self, code: str, cursor: int) -> list[str]:
        """What may stand at the cursor; nothing, where the user's own objects fail to say or are interrupted."""
        found: list[str] = []
        try:
            self._guarded([lambda: found.extend(completion.candidates(code, cursor, self.names)) or {}], Output(0))
        except BaseException:
            return []
        return found

    def _query(self, code: str) -> Data:
        if self.sql is None:
            raise RuntimeError("this session has no SQL engine; open one of kind sql or pyspark")
        return tables.query(self.sql, code)

    def _guarded(self, steps: list[Step], output: Output) -> Data:
        """Takes the steps one by one; an interrupt ends them, and their output is captured."""
        data: Data = {}
        signal_guard = signal.getsignal(signal.SIGINT)
        with self._streams.capture(output):
            try:
                self._running, self._is_expected = True, False
                if self._was_stopped_early:
                    self._was_stopped_early = False
                    raise KeyboardInterrupt
                for step in steps:
                    data = step()
            finally:
                self._running = False
                if signal.getsignal(signal.SIGINT) is not signal_guard:
                    signal.signal(signal.SIGINT, signal_guard)
        return data

    def _prepared(self, code: str, output: Output) -> list[Step]:
        try:
            return self._steps(code, output)
        except Exception as error:
            raise error.with_traceback(None)  # where the compiler was when it met a typo is nobody's concern

    def _steps(self, code: str, output: Output) -> list[Step]:
        try:
            return self._python(ast.parse(code, FILE), output)
        except SyntaxError:
            chunks = magics.split(code)
            if all(isinstance(chunk, str) for chunk in chunks):
                if is_incomplete(code):
                    raise Incomplete("incomplete statement") from None
                raise
        steps: list[Step] = []
        for chunk in chunks:
            if isinstance(chunk, str):
                steps += self._python(ast.parse(chunk, FILE), output)
            else:
                steps.append(self._magic(chunk))
        return steps

    def _magic(self, magic: magics.Magic) -> Step:
        return lambda: magic(self.names)

    def _python(self, tree: ast.Module, output: Output) -> list[Step]:
        if not tree.body:
            return []
        # Compiling now reports an error in any part before anything has run.
        before = self._compiled(ast.Module(tree.body[:-1], []), "exec")
        last = self._compiled(ast.Interactive([tree.body[-1]]), "single")
        return [lambda: self._evaluate(before, output), lambda: self._evaluate(last, output)]

    def _compiled(self, tree: ast.Module | ast.Interactive, mode: str) -> types.CodeType:
        """Compiles with the features that user code imported from ``__future__``, and with none of this module's."""
        code = compile(tree, FILE, mode, self._futures, dont_inherit=True)
        self._futures |= code.co_flags & FUTURES
        return code

    def _evaluate(self, code: types.CodeType, output: Output) -> Data:
        shown: Data = {}

        def display(value: object) -> None:
            if value is None:
                return
            builtins._ = value  # type: ignore[attr-defined]
            html = html_of(value)
            if html is None or shown or output.text():  # clients show one form only: it must not hide what was printed
                print(repr(value))
            else:
                shown.update({"text/html": html, "text/plain": repr(value)})

        sys.displayhook = display
        exec(code, self.names)
        return shown

    def _within_limit(self, reply: dict[str, Any]) -> dict[str, Any]:
        data = reply["data"]
        for mime in [mime for mime in data if mime != "text/plain"]:
            try:
                size = len(data[mime]) if isinstance(data[mime], str) else len(json.dumps(data[mime], allow_nan=False))
            except ValueError as error:
                return failure(error)
            if size > self._limit:
                return failure(ValueError(f"the output of type {mime} has {size} characters, the limit is {self._limit}"))
        return reply


def html_of(value: object) -> str | None:
    """The value's own HTML, if it has one."""
    method = None if isinstance(value, type) else getattr(value, "_repr_html_", None)
    if not callable(method):
        return None
    try:
        html = method()
    except Exception:
        return None
    return html if isinstance(html, str) and html else None


def is_incomplete(code: str) -> bool:
    try:
        return codeop.compile_command(code, FILE, "exec") is None
    except (SyntaxError, ValueError, OverflowError):
        return False


def failure(error: BaseException, output: Output | None = None) -> dict[str, Any]:
    """The error reply, with the user's frames and those of libraries, but none of ours. What was printed before is put above
    them: Livy drops it, but the last words before an error are the ones that matter."""
    if isinstance(error, Incomplete):
        return {"status": "error", "ename": "Error", "evalue": str(error), "traceback": []}
    report = traceback.TracebackException(type(error), error, error.__traceback__)
    report.stack = traceback.StackSummary.from_list([frame for frame in report.stack if not frame.filename.startswith(OURS)])
    lines = list(report.format(chain=False))
    outermost = next((n for n, line in enumerate(lines) if OUTERMOST.match(line)), None)
    if outermost is not None:
        del lines[outermost]
    cancelled = isinstance(error, KeyboardInterrupt) and not error.args
    evalue = "the statement was cancelled" if cancelled else text_of(error)
    if output is not None and (printed := output.text()):
        lines = [*f"{printed}\n".splitlines(keepends=True), *lines]
    return {"status": "error", "ename": type(error).__name__, "evalue": evalue, "traceback": lines}


def text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return f"<{type(error).__name__} that cannot be printed>"
