"""Modules that a session is given: ``.py`` files and archives of them, for its own code and for the functions that it sends to the
engine. They lie in one folder, which the engine's Python searches too."""

from __future__ import annotations

import importlib
import importlib.abc
import os
import re
import shutil
import sys
import tempfile
import zipfile
from typing import IO, Any

FOLDER = os.path.join(os.path.expanduser("~"), ".lakeward-modules")
ARCHIVES = (".zip", ".egg", ".whl")
WITHOUT_INDEX = (
    "no package index can be reached from this session. Take pure Python modules from S3 with sc.addPyFile('s3://BUCKET/KEY.zip') "
    "(or .py, .whl); packages for all sessions belong to the Python that Lakeward is started with, --session-python"
)
FILE_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
ADDRESS = re.compile(r"s3[an]?://([^/]+)/(.+)", re.DOTALL)
NAME = re.compile(r"[\w.=+ -]{1,128}")


class ModuleFileError(Exception):
    """A script, a module or an archive can't be had."""

    __module__ = "builtins"  # a traceback names it without our package


class Latecomers(importlib.abc.MetaPathFinder):
    """Puts archives on the search path that came after the process was started. It finds nothing itself."""

    def __init__(self) -> None:
        self._changed = 0

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        try:
            changed = os.stat(FOLDER).st_mtime_ns
        except OSError:
            return
        if changed != self._changed:
            self._changed = changed
            search()


def prepare() -> None:
    """Lets this process find what is there, and what will be."""
    os.makedirs(FOLDER, exist_ok=True)
    sys.meta_path.insert(0, Latecomers())
    # What pip installs is found like the rest: the Python itself is read-only.
    os.environ.update({"PIP_TARGET": FOLDER, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_RETRIES": "0"})
    if "HTTPS_PROXY" not in os.environ:  # no host but the AWS endpoint: fail at once
        os.environ["PIP_NO_INDEX"] = "1"


def places() -> list[str]:
    """What to search: the folder, then its archives."""
    os.makedirs(FOLDER, exist_ok=True)
    names = sorted(name for name in os.listdir(FOLDER) if name.endswith(ARCHIVES))
    return [FOLDER, *(os.path.join(FOLDER, name) for name in names)]


def search() -> None:
    """Searches all of it before what is installed, as Spark does."""
    sys.path[1:1] = [place for place in places() if place not in sys.path]
    importlib.invalidate_caches()


def add(address: str, is_new: bool = False) -> None:
    """Takes a module or an archive, ``s3://BUCKET/KEY`` or a file of the session. A file of the same name is replaced, unless it
    has to be new."""
    name = address.rsplit("/", 1)[-1]
    if not name.endswith((".py", *ARCHIVES)):
        raise ModuleFileError(f"{address}: modules come as .py files, or as archives of them ({', '.join(ARCHIVES)})")
    os.makedirs(FOLDER, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix=".") as folder:
        path = copy(address, folder) if "://" not in address else fetch(address, folder)
        if name.endswith(ARCHIVES) and not zipfile.is_zipfile(path):
            raise ModuleFileError(f"{address} is no zip archive")
        final = os.path.join(FOLDER, os.path.basename(path))
        if is_new and os.path.exists(final):
            raise ModuleFileError(f"{address}: another file has the same name")
        os.replace(path, final)
    search()


def copy(source: str, folder: str) -> str:
    """Copies a file of the session."""
    try:
        return shutil.copy(source, folder)
    except OSError as error:
        raise ModuleFileError(f"cannot read {source}: {type(error).__name__}: {error}") from None


def fetch(address: str, folder: str) -> str:
    """Copies an object of S3 into the folder, where none has its name yet, and answers its path there."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    match = ADDRESS.fullmatch(address)
    if match is None:
        raise ModuleFileError(f"{address} is not an address in S3: s3://BUCKET/KEY")
    bucket, key = match.groups()
    name = key.rsplit("/", 1)[-1]
    if not NAME.fullmatch(name):
        raise ModuleFileError(f"{address}: the file's name may hold letters, digits, spaces and ._=+- only")
    path = os.path.join(folder, name)
    try:
        answer = boto3.client("s3").get_object(Bucket=bucket, Key=key)
        with open(path, "xb") as file:
            copy_bounded(answer["Body"], file, address)
    except ClientError as error:
        details = error.response["Error"]
        raise ModuleFileError(f"cannot read {address}: {details['Code']}: {details.get('Message', '')}") from None
    except FileExistsError:
        raise ModuleFileError(f"{address}: another file has the same name") from None
    except (BotoCoreError, OSError) as error:
        raise ModuleFileError(f"cannot read {address}: {type(error).__name__}: {error}") from None
    return path


def copy_bounded(source: Any, target: IO[bytes], address: str) -> None:
    """Copies at most what a script may have."""
    left = FILE_BYTES
    while chunk := source.read(CHUNK_BYTES):
        left -= len(chunk)
        if left < 0:
            raise ModuleFileError(f"{address} is larger than {FILE_BYTES} bytes")
        target.write(chunk)
