"""SQL in which this engine differs from Spark (seen with Sail 0.7.2); each entry can go when the engine closes the gap.

* ``USE tpc`` and ``DESCRIBE t`` are syntax errors; Sail wants ``USE DATABASE tpc`` and ``DESCRIBE TABLE t``.
* ``SHOW DATABASES``, ``SHOW TABLES`` and ``SHOW COLUMNS`` answer other columns than Spark does.
* ``SET`` knows no settings of Spark's; the client's ``spark.conf`` does.
* ``CACHE``, ``UNCACHE`` and ``REFRESH`` aren't built. Nothing is cached here, so they have nothing to do but to look whether the
  table is there; ``CACHE TABLE t AS SELECT`` makes the view that it makes in Spark.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

NAME = r"(?:`[^`]+`|\w+)(?:\s*\.\s*(?:`[^`]+`|\w+))*"
COMMENT = r"--[^\n]*(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*\*/"
BEGINNING = re.compile(rf"(?:\s|{COMMENT})*")
END = rf"(?:\s|;|{COMMENT})*"
REWRITES = [
    (rf"use\s+(?!(?:database|schema|namespace|catalog)\s)({NAME})", r"USE DATABASE \1"),
    (
        r"(?:desc|describe)\s+(?!(?:function|catalog|database|schema|namespace|table|extended|formatted|query|select|with|values|from)\s)"
        rf"({NAME})",
        r"DESCRIBE TABLE \1",
    ),
    (rf"(?:desc|describe)\s+(?:table\s+)?formatted\s+({NAME})", r"DESCRIBE EXTENDED \1"),
]
RENAMES = [
    (r"show\s+(?:databases|schemas|namespaces)\b.*", ["name as namespace"]),
    (r"show\s+tables\b.*", ["database as namespace", "tableName", "isTemporary"]),
    (r"show\s+columns\b.*", ["name as col_name"]),
]
KEY = r"(?:`(?P<quoted>[^`]+)`|(?P<key>\w[\w.-]*))"
CACHE = rf"cache\s+(?:lazy\s+)?table\s+(?P<table>{NAME})(?:\s+options\s*\([^()]*\))?"
TIME_ZONE = "spark.sql.session.timeZone"
UNDEFINED = "<undefined>"


def bare(statement: str) -> str:
    """The statement without the comments before it."""
    match = BEGINNING.match(statement)
    return statement[match.end() :] if match else statement


def rewrite(statement: str) -> str:
    """The statement in the words that Sail knows."""
    words = bare(statement)
    for pattern, replacement in REWRITES:
        if match := re.fullmatch(pattern + END, words, re.IGNORECASE):
            return match.expand(replacement)
    return statement


def renamed_columns(statement: str) -> list[str] | None:
    """What to select from the answer to a SHOW statement so that it has Spark's columns."""
    words = bare(statement)
    for pattern, columns in RENAMES:
        if re.fullmatch(pattern, words, re.IGNORECASE | re.DOTALL):
            return columns
    return None


def answer(spark: Any, statement: str) -> Any:
    """The frame that a statement returns which the engine isn't asked for; None for all others."""
    words = bare(statement)
    for pattern, command in COMMANDS:
        if match := re.fullmatch(pattern + END, words, re.IGNORECASE | re.DOTALL):
            return command(spark, match)
    return None


def settings(spark: Any, pairs: list[tuple[str, str]]) -> Any:
    return spark.createDataFrame(pairs, "key string, value string")


def nothing(spark: Any) -> Any:
    from pyspark.sql.types import StructType

    return spark.createDataFrame([], StructType([]))


def show_settings(spark: Any, _: re.Match[str]) -> Any:
    return settings(spark, sorted(spark.conf.getAll.items()))


def set_time_zone(spark: Any, match: re.Match[str]) -> Any:
    spark.conf.set(TIME_ZONE, match["zone"])
    return settings(spark, [(TIME_ZONE, match["zone"])])


def set_one(spark: Any, match: re.Match[str]) -> Any:
    """``SET key = value``, and ``SET key``, which shows it."""
    key, value = match["quoted"] or match["key"], match["value"]
    if value is not None:
        spark.conf.set(key, value)
        return settings(spark, [(key, value)])
    from pyspark.errors import PySparkException

    try:
        value = spark.conf.get(key)
    except PySparkException:
        value = None
    return settings(spark, [(key, UNDEFINED if value is None else value)])


def reset_one(spark: Any, match: re.Match[str]) -> Any:
    spark.conf.unset(match["quoted"] or match["key"])
    return nothing(spark)


def look(spark: Any, match: re.Match[str]) -> Any:
    """Fails where the table isn't there or isn't the caller's to read."""
    _ = spark.table(match["table"]).schema
    return nothing(spark)


def make_view(spark: Any, match: re.Match[str]) -> Any:
    spark.sql(f"CREATE TEMPORARY VIEW {match['table']} AS {match['query']}")
    return nothing(spark)


def pass_over(spark: Any, _: re.Match[str]) -> Any:
    return nothing(spark)


COMMANDS: list[tuple[str, Callable[[Any, re.Match[str]], Any]]] = [
    (r"set", show_settings),
    (r"set\s+time\s+zone\s+(?:'(?P<zone>[^']+)')", set_time_zone),
    (rf"set\s+{KEY}\s*(?:=\s*(?P<value>.*?))?", set_one),
    (rf"reset\s+{KEY}", reset_one),
    (CACHE + r"\s+(?:as\s+)?(?P<query>(?:select|with|from|values|table)\b.*)", make_view),
    (CACHE, look),
    (rf"uncache\s+table\s+if\s+exists\s+{NAME}", pass_over),
    (rf"uncache\s+table\s+(?P<table>{NAME})", look),
    (rf"refresh\s+table\s+(?P<table>{NAME})", look),
    (r"clear\s+cache", pass_over),
]
