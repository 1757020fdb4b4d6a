"""Completion of the name before the cursor, from what is there: no code is parsed, and nothing is called.

As with ``rlcompleter``, walking a dotted name reads attributes, and so may run a property or ``__getattr__`` of the user's; what
is offered is only listed.
"""

from __future__ import annotations

import builtins
import keyword
import re
from typing import Any

LOOK_BACK = 256
CANDIDATES = 1000
NAME_LENGTH = 200
DOTTED = re.compile(r"(?:[^\W\d]\w*\.)*(?:[^\W\d]\w*)?\Z")


def candidates(code: str, cursor: int, names: dict[str, Any]) -> list[str]:
    """Names that may stand at the cursor, sorted; of a dotted name the last part."""
    before = code[: max(cursor, 0)][-LOOK_BACK:]
    match = DOTTED.search(before)
    if match is None or before[: match.start()].endswith((".", '"', "'")) or re.search(r"\w\Z", before[: match.start()]):
        return []  # an attribute of something that isn't a name, the inside of a number or a text
    *owners, prefix = match.group().split(".")
    words = attributes(owners, names) if owners else {*names, *dir(builtins), *keyword.kwlist}
    found = [word for word in words if isinstance(word, str) and word.startswith(prefix) and len(word) <= NAME_LENGTH]
    if not prefix.startswith("_"):
        found = [word for word in found if not word.startswith("_")]
    return sorted(found)[:CANDIDATES]


def attributes(owners: list[str], names: dict[str, Any]) -> set[str]:
    """What the object at the end of a dotted name has."""
    first, *rest = owners
    if first in names:
        value = names[first]
    elif hasattr(builtins, first):
        value = getattr(builtins, first)
    else:
        return set()
    for name in rest:
        value = getattr(value, name)
    return set(dir(value))
