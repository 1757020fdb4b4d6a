"""Livy's Python magics: ``%table NAME``, ``%json NAME``, ``%matplot NAME``."""

from __future__ import annotations

import base64
import datetime
import decimal
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TABLE = "application/vnd.livy.table.v1+json"
TYPES = {bool: "BOOLEAN_TYPE", int: "BIGINT_TYPE", float: "DOUBLE_TYPE", str: "STRING_TYPE", decimal.Decimal: "DECIMAL_TYPE",
         datetime.date: "DATE_TYPE", datetime.datetime: "TIMESTAMP_TYPE", type(None): "NULL_TYPE"}  # fmt: skip


class UnknownMagic(Exception):
    """A line begins with ``%`` and names no magic."""

    __module__ = "builtins"  # a traceback names it without our package


class MagicError(Exception):
    """A magic was given something it can't show."""

    __module__ = "builtins"


@dataclass(frozen=True)
class Magic:
    """One magic line; called with the user's names, it returns what to show."""

    name: str
    argument: str

    def __call__(self, names: dict[str, Any]) -> dict[str, Any]:
        return MAGICS[self.name](self._value(names))

    def _value(self, names: dict[str, Any]) -> Any:
        try:
            return names[self.argument]
        except KeyError:
            raise NameError(f"name '{self.argument}' is not defined") from None


def split(code: str) -> list[str | Magic]:
    """Cuts the code at lines that begin with ``%``."""
    chunks: list[str | Magic] = []
    python: list[str] = []
    for line in code.rstrip().split("\n"):
        if not line.startswith("%"):
            python.append(line)
            continue
        if python:
            chunks.append("\n".join(python))
            python = []
        chunks.append(parse(line))
    if python:
        chunks.append("\n".join(python))
    return chunks


def parse(line: str) -> Magic:
    name, _, argument = line[1:].strip().partition(" ")
    if name not in MAGICS:
        raise UnknownMagic(f"unknown magic command '%{name}'; there are " + ", ".join(f"%{known}" for known in MAGICS))
    if not argument.strip().isidentifier():
        raise MagicError(f"%{name} needs the name of a variable")
    return Magic(name, argument.strip())


def show_table(value: Any) -> dict[str, Any]:
    """Rows as Livy's table: a list of mappings or sequences, a mapping of columns, or a pandas frame."""
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        value = value.to_dict(orient="records")
    rows = list(zip(*value.values(), strict=True)) if isinstance(value, Mapping) else list(value)
    names = [str(name) for name in value] if isinstance(value, Mapping) else column_names(rows)
    data = [[plain(cell) for cell in cells_of(row, names)] for row in rows]
    headers = [{"name": name, "type": column_type([cells_of(row, names)[n] for row in rows])} for n, name in enumerate(names)]
    lines = ["\t".join(names)] + ["\t".join(str(cell) for cell in row) for row in data]
    return {TABLE: {"headers": headers, "data": data}, "text/plain": "\n".join(lines)}


def column_names(rows: list[Any]) -> list[str]:
    names: dict[str, None] = {}
    for row in rows:
        if isinstance(row, Mapping):
            names |= {str(name): None for name in row}
        elif isinstance(row, Sequence) and not isinstance(row, str):
            names |= {str(n): None for n in range(len(row))}
        else:
            raise MagicError(f"%table needs rows that are mappings or sequences, not {type(row).__name__}")
    return list(names)


def cells_of(row: Any, names: list[str]) -> list[Any]:
    if isinstance(row, Mapping):
        by_name = {str(name): cell for name, cell in row.items()}
        return [by_name.get(name) for name in names]
    return [*row, *[None] * (len(names) - len(row))]


def column_type(cells: list[Any]) -> str:
    found = {TYPES.get(type(cell), "STRING_TYPE") for cell in cells if cell is not None}
    if not found:
        return TYPES[type(None)]
    if len(found) > 1:
        raise MagicError("%table needs one type per column, found " + ", ".join(sorted(found)))
    return found.pop()


def show_json(value: Any) -> dict[str, Any]:
    return {"application/json": plain(value)}


def plain(value: Any) -> Any:
    """The value in JSON's own types; what JSON lacks becomes text or null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return plain(value.to_dict(orient="records"))
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return json.loads(json.dumps(value, default=str))


def show_figure(value: Any) -> dict[str, Any]:
    """``%matplot plt`` or a figure, as a PNG."""
    figure = value.gcf() if hasattr(value, "gcf") else value
    if not hasattr(figure, "savefig"):
        raise MagicError(f"%matplot needs matplotlib.pyplot or a figure, not {type(value).__name__}")
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return {"image/png": base64.b64encode(image.getvalue()).decode("ascii"), "text/plain": ""}


MAGICS = {"table": show_table, "json": show_json, "matplot": show_figure}
