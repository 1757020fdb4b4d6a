"""One JSON line per statement."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

Finding = tuple[bool, object]


class Report:
    def __init__(self) -> None:
        self.failed: list[str] = []

    def expect(self, statement: str, expectation: str, find: Callable[[], Finding]) -> bool:
        """Runs the finding; an exception is a failure that says so."""
        try:
            ok, seen = find()
        except Exception as error:
            ok, seen = False, f"{type(error).__name__}: {error}"
        text = seen if isinstance(seen, str) else json.dumps(seen, default=str)
        line = {"statement": statement, "expectation": expectation, "seen": " ".join(text.split())[:400], "ok": bool(ok)}
        print(json.dumps(line, ensure_ascii=False), flush=True)
        if not ok:
            self.failed.append(statement)
            print(f"{statement} does not hold", file=sys.stderr, flush=True)
        return bool(ok)
