"""A Jupyter kernel, driven over ZMQ as a notebook drives it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.manager import KernelManager

from .settings import Profile, Settings

READY_SECONDS = 60
CELL_SECONDS = 240
WIDGET = "application/vnd.jupyter.widget-view+json"
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass
class Cell:
    """What a cell showed."""

    printed: str = ""
    shown: list[str] = field(default_factory=list)
    error: str | None = None
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """Everything a user could read."""
        return "\n".join([self.printed, *self.shown, self.error or ""])


class Notebook:
    """One kernel of one profile; always shut down at the end of the ``with``."""

    def __init__(self, settings: Settings, profile: Profile) -> None:
        self._environment = environment(settings, profile)
        self._manager: KernelManager | None = None
        self._client: Any = None
        self._stuck = False

    def __enter__(self) -> Notebook:
        manager = KernelManager(kernel_name="python3")
        manager.kernel_spec.argv[0] = sys.executable
        manager.start_kernel(env=self._environment, cwd=self._environment["HOME"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._manager = manager
        try:
            self._client = manager.blocking_client()
            self._client.start_channels()
            self._client.wait_for_ready(timeout=READY_SECONDS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.stop_channels()
        if self._manager is not None:
            self._manager.shutdown_kernel(now=True)

    def run(self, code: str, seconds: float = CELL_SECONDS) -> Cell:
        """Executes a cell; raises TimeoutError when it doesn't end in time."""
        cell = Cell()

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    cell.printed += content["text"]
                case "execute_result" | "display_data" | "update_display_data":
                    data = content["data"]
                    if WIDGET in data:  # sparkmagic's progress bars
                        return
                    cell.shown.append(str(data.get("text/html") or data.get("text/plain") or ", ".join(data)))
                case "error":
                    cell.error = ANSI.sub("", f"{content['ename']}: {content['evalue']}")

        if self._stuck:
            raise TimeoutError("an earlier cell of this notebook never ended")
        began = time.monotonic()
        try:
            self._client.execute_interactive(code, timeout=seconds, output_hook=hear, allow_stdin=False)
        except TimeoutError:
            self._stuck = True
            raise
        cell.seconds = time.monotonic() - began
        return cell

    def spark(self, code: str, seconds: float = CELL_SECONDS) -> Cell:
        """Executes a ``%%spark`` cell."""
        return self.run(f"%%spark\n{code}", seconds)


def environment(settings: Settings, profile: Profile) -> dict[str, str]:
    """Nothing of ours but the path: the profile's keys and home, and the way to the instance."""
    if profile.home is None:
        raise ValueError(f"profile {profile.name} has no home")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": profile.home,
        "HTTPS_PROXY": settings.proxy,
        "NO_PROXY": f"127.0.0.1,localhost,{settings.cluster_address}",
        "AWS_CA_BUNDLE": settings.ca_bundle,
        "REQUESTS_CA_BUNDLE": settings.ca_bundle,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        **profile.keys(),
    }
