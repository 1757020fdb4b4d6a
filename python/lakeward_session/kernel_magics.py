"""``%%sql`` for a Jupyter kernel."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

ROWS = 2500


class UsageError(Exception):
    """The line of a magic is not understood."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise UsageError(f"{message}; usage: %%sql [-o NAME] [-n ROWS] [-q]")


def parser() -> Parser:
    options = Parser(prog="%%sql", add_help=False)
    options.add_argument("-o", "--output", metavar="NAME")
    options.add_argument("-n", "--maxrows", type=int, default=ROWS)
    options.add_argument("-q", "--quiet", action="store_true")
    return options


def register(shell: Any, spark: Any) -> None:
    """Adds ``%%sql [-o NAME] [-n ROWS] [-q]``: the cell's SQL, as a pandas frame of at most so many rows (negative: all)."""

    def sql(line: str, cell: str) -> Any:
        options = parser().parse_args(shlex.split(line))
        if options.output is not None and not options.output.isidentifier():
            raise UsageError(f"-o needs the name of a variable, not {options.output!r}")
        frame = spark.sql(cell.strip().rstrip(";"))
        if options.maxrows >= 0:
            frame = frame.limit(options.maxrows)
        rows = frame.toPandas()
        if options.output:
            shell.push({options.output: rows})
        return None if options.quiet else rows

    shell.register_magic_function(sql, magic_kind="cell", magic_name="sql")
