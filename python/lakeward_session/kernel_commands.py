"""``!command`` in a Jupyter kernel, through pipes: IPython wants a terminal for it, and an enclosure has none."""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import signal
import subprocess
import sys
from typing import Any

CHUNK_BYTES = 64 * 1024
# An interrupt that comes just before the wait begins is felt after it.
LOOK_SECONDS = 1.0
# For a command that was interrupted to end by itself.
GRACE_SECONDS = 2.0


def register(shell: Any) -> None:
    """Lets ``!command``, and magics that run one, show what it prints; its status is in ``_exit_code``."""

    def system(command: str) -> None:
        if command.rstrip().endswith("&"):
            raise OSError("Background processes not supported.")
        status = run(shell.var_expand(command, depth=1))
        shell.user_ns["_exit_code"] = status
        if status != 0 and shell.system_raise_on_error:
            raise subprocess.CalledProcessError(status, command)

    shell.system = system


def run(command: str) -> int:
    """Runs it in the user's shell, passes on what it prints as it comes, and answers its exit status (of a signal, minus its
    number)."""
    child = subprocess.Popen(
        command,
        shell=True,
        executable=os.environ.get("SHELL"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with child:
        try:
            pass_on(child)
            return child.wait()
        except BaseException:
            end(child)
            raise


def pass_on(child: subprocess.Popen[bytes]) -> None:
    """Prints in this thread what both streams bring, until both end: the cell is over when all of it is shown."""
    with selectors.DefaultSelector() as waiting:
        for source, target in ((child.stdout, sys.stdout), (child.stderr, sys.stderr)):
            assert source is not None
            waiting.register(source, selectors.EVENT_READ, (codecs.getincrementaldecoder("utf-8")("replace"), target))
        while waiting.get_map():
            for key, _ in waiting.select(LOOK_SECONDS):
                decoder, target = key.data
                chunk = os.read(key.fd, CHUNK_BYTES)
                if text := decoder.decode(chunk, final=not chunk):
                    target.write(text)
                    target.flush()
                if not chunk:
                    waiting.unregister(key.fileobj)


def end(child: subprocess.Popen[bytes]) -> None:
    """Interrupts the command and what it started, then kills what is left."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
