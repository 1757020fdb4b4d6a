"""The magics of sparkmagic's notebooks, for a Jupyter kernel that has Spark itself."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from typing import Any

from . import modules

ROWS = 2500
# The cell runs where Spark is: these say nothing more.
HERE = ("%%local", "%%spark")
USAGE = "%%sql [-o NAME] [-n ROWS] [-q] [-m take|sample] [-r FRACTION] [-c True|False]"


class UsageError(Exception):
    """The line of a magic is not understood."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise UsageError(f"{message}; usage: {USAGE}")


def parser() -> Parser:
    options = Parser(prog="%%sql", add_help=False)
    options.add_argument("-o", "--output", metavar="NAME")
    options.add_argument("-n", "--maxrows", type=int, default=ROWS)
    options.add_argument("-q", "--quiet", action="store_true")
    options.add_argument("-m", "--samplemethod", choices=("take", "sample"), default="take")
    options.add_argument("-r", "--samplefraction", type=float, default=0.1)
    options.add_argument("-c", "--coerce", choices=("True", "False"))  # the frame has the columns' own types either way
    return options


def register(shell: Any, engine: Any) -> None:
    """Adds ``%%sql``, ``%%local``, ``%%spark``, ``%%configure`` and ``%matplot``, and tells ``%pip`` what can't be."""

    def sql(line: str, cell: str) -> Any:
        options = parser().parse_args(shlex.split(line))
        if options.output is not None and not options.output.isidentifier():
            raise UsageError(f"-o needs the name of a variable, not {options.output!r}")
        frame = engine.sql(cell.strip().rstrip(";"))
        if options.samplemethod == "sample":
            frame = frame.sample(False, options.samplefraction)
        if options.maxrows >= 0:
            frame = frame.limit(options.maxrows)
        rows = frame.toPandas()
        if options.output:
            shell.push({options.output: rows})
        return None if options.quiet else rows

    def here(line: str, cell: str) -> None:
        raise UsageError("%%local and %%spark take no options here: the cell runs where Spark is, and frame.toPandas() gives a local one")

    def configure(line: str, cell: str) -> None:
        apply(engine.spark, cell)

    def matplot(line: str) -> None:
        show_figure(shell.ev(line.strip()))

    plain_pip = shell.find_line_magic("pip")

    def pip(line: str) -> None:
        if line.split()[:1] == ["install"] and "PIP_NO_INDEX" in os.environ and not os.path.exists(line.split()[-1]):
            raise UsageError(modules.WITHOUT_INDEX)
        plain_pip(line)

    shell.input_transformers_cleanup.append(run_here)
    for kind, name, magic in (
        ("cell", "sql", sql), ("cell", "local", here), ("cell", "spark", here), ("cell", "configure", configure),
        ("line", "matplot", matplot), ("line", "pip", pip),
    ):  # fmt: skip
        shell.register_magic_function(magic, magic_kind=kind, magic_name=name)


def run_here(lines: list[str]) -> list[str]:
    """The cell without a first line that says where it runs."""
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None or lines[first].strip() not in HERE:
        return lines
    return [*lines[:first], "\n", *lines[first + 1 :]]


def apply(spark: Any, cell: str) -> None:
    """Sets what a running kernel can be given, and says what it can't: its start is over."""
    try:
        asked = json.loads(cell)
        settings = dict(asked.pop("conf", {}))
        files = list(asked.pop("pyFiles", []))
    except (AttributeError, TypeError, ValueError) as error:
        raise UsageError(f"%%configure takes a JSON object such as {{\"conf\": {{…}}}}: {error}") from None
    for address in files:
        modules.add(address)
    for name, value in settings.items():
        try:
            spark.conf.set(name, value)
        except Exception as error:
            print(f"{name} is not taken: {error}", file=sys.stderr)
    for name in asked:
        print(f"{name} is not taken: a kernel has what its cluster's settings give it", file=sys.stderr)


def show_figure(value: Any) -> None:
    """Shows pyplot's current figure, or a figure, once."""
    from IPython.display import display
    from matplotlib import pyplot

    figure = value.gcf() if hasattr(value, "gcf") else value
    display(figure)
    pyplot.close(figure)
