"""A batch: one script, run to its end as spark-submit does, in a process of its own beside the engine.

The script and its modules are fetched here, with the role's keys. The process gets the engine's address; what it prints and how
it ends is told as it happens.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import IO, Any

FILE_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
LINGER_SECONDS = 2.0  # for what the script's own children still print
ADDRESS = re.compile(r"s3[an]?://([^/]+)/(.+)", re.DOTALL)
NAME = re.compile(r"[\w.=+ -]{1,128}")

Say = Callable[[dict[str, Any]], None]


class BatchError(Exception):
    """The script or one of its modules can't be had."""


def run(script: dict[str, Any], say: Say) -> None:
    """Runs it, and says what it prints and how it ends."""
    lock = threading.Lock()

    def say_alone(message: dict[str, Any]) -> None:
        with lock:
            say(message)

    folder = tempfile.mkdtemp(prefix="batch-")
    path = fetch(script["file"], folder)
    modules = tempfile.mkdtemp(prefix="modules-")
    archives = [fetched for file in script["py_files"] if not (fetched := fetch(file, modules)).endswith(".py")]
    task = {"script": path, "args": script["args"], "paths": [modules, *archives]}
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


def fetch(address: str, folder: str) -> str:
    """Copies an object of S3 into the folder, and answers its path there."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    match = ADDRESS.fullmatch(address)
    if match is None:
        raise BatchError(f"{address} is not an address in S3: s3://BUCKET/KEY")
    bucket, key = match.groups()
    name = key.rsplit("/", 1)[-1]
    if not NAME.fullmatch(name):
        raise BatchError(f"{address}: the file's name may hold letters, digits, spaces and ._=+- only")
    path = os.path.join(folder, name)
    try:
        answer = boto3.client("s3").get_object(Bucket=bucket, Key=key)
        with open(path, "xb") as file:
            copy_bounded(answer["Body"], file, address)
    except ClientError as error:
        details = error.response["Error"]
        raise BatchError(f"cannot read {address}: {details['Code']}: {details.get('Message', '')}") from None
    except FileExistsError:
        raise BatchError(f"{address}: another file of this batch has the same name") from None
    except (BotoCoreError, OSError) as error:
        raise BatchError(f"cannot read {address}: {type(error).__name__}: {error}") from None
    return path


def copy_bounded(source: Any, target: IO[bytes], address: str) -> None:
    """Copies at most what a script may have."""
    left = FILE_BYTES
    while chunk := source.read(CHUNK_BYTES):
        left -= len(chunk)
        if left < 0:
            raise BatchError(f"{address} is larger than {FILE_BYTES} bytes")
        target.write(chunk)
