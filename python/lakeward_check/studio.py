"""What Studio's cluster button does: choose a role, insert the connect cell, run it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from .notebook import Cell, Notebook
from .settings import Settings

LOAD = "%load_ext sagemaker_studio_analytics_extension.magics"
DENIED = re.compile(r"access\s*denied", re.IGNORECASE)
SESSION = """
import json as _json
_magic = get_ipython().magics_manager.registry["RemoteSparkMagics"]
print(_json.dumps([{"id": s.id, "url": s.http_client._http_client._endpoint.url}
                   for s in _magic.spark_controller.session_manager.sessions.values()]))
"""


@dataclass(frozen=True)
class Connection:
    """The outcome of a connect cell."""

    cell: Cell
    ok: bool

    @property
    def denied(self) -> bool:
        return not self.ok and DENIED.search(self.cell.text) is not None

    @property
    def seen(self) -> str:
        if self.ok:
            return f"connected in {self.cell.seconds:.1f} s"
        lines = [line for line in self.cell.text.splitlines() if re.search(r"error|denied|invalid", line, re.IGNORECASE)]
        return (lines[-1] if lines else self.cell.text.strip()[-200:])[:300]


def connect_cell(settings: Settings, role: str) -> str:
    return (
        f"{LOAD}\n%sm_analytics emr connect --verify-certificate {settings.ca_bundle} --cluster-id {settings.cluster_id}"
        f" --auth-type Basic_Access --language python --emr-execution-role-arn {role}"
    )


def connect(notebook: Notebook, settings: Settings, role: str) -> Connection:
    """Inserts and runs the connect cell."""
    cell = notebook.run(connect_cell(settings, role))
    return Connection(cell, cell.error is None and succeeded(cell.printed))


def succeeded(printed: str) -> bool:
    """Reads the JSON line with which every connect ends."""
    for line in reversed(printed.splitlines()):
        try:
            outcome = json.loads(line)
        except ValueError:
            continue
        if isinstance(outcome, dict) and outcome.get("namespace") == "sagemaker-analytics":
            return outcome.get("success") is True
    return False


def livy_session(notebook: Notebook) -> tuple[str, int]:
    """The Livy URL and session id that the notebook's client holds."""
    cell = notebook.run(SESSION, 30)
    sessions = json.loads(cell.printed.strip().splitlines()[-1])
    return sessions[0]["url"].rstrip("/"), sessions[0]["id"]


@dataclass(frozen=True)
class Table:
    """A table as ``DataFrame.show()`` prints it."""

    columns: list[str]
    rows: list[list[str]]

    @classmethod
    def last_in(cls, text: str) -> Table:
        """The last table in the text; raises ValueError if there is none."""
        blocks = re.findall(r"^\+-[-+]*\+\n(\|.*\|)\n\+-[-+]*\+\n((?:\|.*\|\n)*)\+-[-+]*\+", text, re.MULTILINE)
        if not blocks:
            raise ValueError(f"no table in: {text.strip()[-300:]}")
        header, body = blocks[-1]
        return cls(cells(header), [cells(line) for line in body.splitlines()])

    def column(self, name: str) -> list[str]:
        return [row[self.columns.index(name)] for row in self.rows]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip()[1:-1].split("|")]
