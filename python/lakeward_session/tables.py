"""Statements of kind ``sql``: one query, answered as Livy's SQL interpreter answers it."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
from collections.abc import Callable, Mapping
from typing import Any

from . import magics

ROWS = 1000


def query(sql: Callable[[str], Any], code: str) -> dict[str, Any]:
    """Runs the query; at most a thousand rows come back, with their schema."""
    frame = sql(code.strip().rstrip(";"))
    rows = frame.take(ROWS)
    data = [[plain(cell) for cell in row] for row in rows]
    return {"application/json": {"schema": json.loads(frame.schema.json()), "data": data}}


def plain(cell: Any) -> Any:
    """The cell in JSON's own types. A decimal is a number where that is exact, else text; bytes are base64."""
    if isinstance(cell, decimal.Decimal):
        return float(cell) if decimal.Decimal(repr(float(cell))) == cell else str(cell)
    if isinstance(cell, (bytes, bytearray)):
        return base64.b64encode(cell).decode("ascii")
    if isinstance(cell, (datetime.date, datetime.time)):  # a datetime is a date
        return cell.isoformat()
    if hasattr(cell, "asDict"):
        return {name: plain(item) for name, item in cell.asDict().items()}
    if isinstance(cell, Mapping):
        return {str(key): plain(item) for key, item in cell.items()}
    if isinstance(cell, (list, tuple)):
        return [plain(item) for item in cell]
    return magics.plain(cell)
