"""A batch: one script, run to its end as spark-submit does, in a process of its own beside the engine.

The script and its modules are fetched here, with the role's keys. The process gets the engine's address; what it prints and how
it ends is told as it happens.
"""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import IO, Any

from . import modules

CHUNK_BYTES = 64 * 1024
LINGER_SECONDS = 2.0  # for what the script's own children still print

Say = Callable[[dict[str, Any]], None]


def run(script: dict[str, Any], say: Say) -> None:
    """Runs it, and says what it prints and how it ends."""
    lock = threading.Lock()

    def say_alone(message: dict[str, Any]) -> None:
        with lock:
            say(message)

    path = modules.fetch(script["file"], tempfile.mkdtemp(prefix="batch-"))
    for file in script["py_files"]:
        modules.add(file, is_new=True)
    task = {"script": path, "args": script["args"], "paths": modules.places()}
    child = subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.submitted", json.dumps(task)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    pumps = [pump(child.stdout, "stdout", say_alone), pump(child.stderr, "stderr", say_alone)]
    code = child.wait()
    for thread in pumps:
        thread.join(LINGER_SECONDS)
    say_alone({"exited": code})


def pump(stream: IO[bytes] | None, name: str, say: Say) -> threading.Thread:
    """Says what comes out of a stream until it ends."""
    assert stream is not None
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def copy() -> None:
        while chunk := os.read(stream.fileno(), CHUNK_BYTES):
            if text := decoder.decode(chunk):
                say({name: text})
        if rest := decoder.decode(b"", final=True):
            say({name: rest})

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread
