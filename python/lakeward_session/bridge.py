"""Everything in which this engine differs from what a Spark notebook expects, in one place.

Each entry names the gap and can go when the engine closes it (seen with Sail 0.7.2, pyspark-client 4.2.0):

* ``USE tpc`` and ``DESCRIBE t`` are syntax errors; Sail wants ``USE DATABASE tpc`` and ``DESCRIBE TABLE t``.
* ``SHOW DATABASES``, ``SHOW TABLES`` and ``SHOW COLUMNS`` answer other columns than Spark does.
* A refusal by the catalog loses its text: ``Failed to get table: unhandled error (AccessDeniedException)``. The same question
  is put to Glue once more, and its answer is what the user reads.
* Spark Connect's ``toJSON`` has no ``use_unicode`` and returns a frame of rows; notebooks want strings.
* Spark Connect has no ``sparkContext``, and ``read.json`` takes no collection.
"""

from __future__ import annotations

import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from . import contexts

NAME = r"(?:`[^`]+`|\w+)(?:\s*\.\s*(?:`[^`]+`|\w+))*"
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
LOST = re.compile(r"Failed to (get table|get database|list tables|list databases): (?:unhandled|service) error")
TABLE_NAMES = re.compile(rf"\b(?:from|join|table|into|describe|desc|extended)\s+({NAME}(?:\s*,\s*{NAME})*)", re.IGNORECASE)
DATABASE_NAME = re.compile(rf"\b(?:use|database|schema|namespace|in|from)\s+(?:(?:database|schema|namespace)\s+)?({NAME})", re.IGNORECASE)
asked = threading.local()


def rewrite(statement: str) -> str:
    """The statement in the words that Sail knows."""
    for pattern, replacement in REWRITES:
        if match := re.fullmatch(rf"\s*{pattern}\s*;?\s*", statement, re.IGNORECASE):
            return match.expand(replacement)
    return statement


def renamed_columns(statement: str) -> list[str] | None:
    """What to select from the answer to a SHOW statement so that it has Spark's columns."""
    for pattern, columns in RENAMES:
        if re.fullmatch(rf"\s*{pattern}", statement, re.IGNORECASE | re.DOTALL):
            return columns
    return None


class Memory(grpc.UnaryStreamClientInterceptor, grpc.UnaryUnaryClientInterceptor):
    """Remembers the request that a thread has under way, to explain its failure."""

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        remember(request)
        return continuation(details, request)

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        remember(request)
        return continuation(details, request)


def remember(request: Any) -> None:
    if type(request).__name__ in ("ExecutePlanRequest", "AnalyzePlanRequest"):
        asked.request = request


def texts_of(message: Any, wanted: frozenset[str]) -> Iterator[tuple[str, str]]:
    """All text fields of those names, anywhere in a protocol message."""
    for field, value in message.ListFields():
        for item in value if field.is_repeated and not isinstance(value, str) else (value,):
            if field.message_type is not None and hasattr(item, "ListFields"):
                yield from texts_of(item, wanted)
            elif field.name in wanted and isinstance(item, str):
                yield field.name, item


def tables_in(request: Any) -> list[tuple[str | None, str]]:
    """The tables that a request names, as (database or None, table)."""
    names: dict[str, None] = {}
    for field, text in texts_of(request, frozenset(("query", "sql", "unparsed_identifier", "table_name"))):
        if field in ("query", "sql"):
            names |= {name: None for group in TABLE_NAMES.findall(text) for name in re.split(r"\s*,\s*", group)}
        else:
            names[text] = None
    return [split_name(name) for name in names]


def database_in(request: Any) -> str | None:
    """The database that a request names, for requests about databases and lists of tables."""
    for field, text in texts_of(request, frozenset(("query", "sql", "db_name"))):
        if field == "db_name":
            return text
        if match := DATABASE_NAME.search(text):
            return split_name(match.group(1))[1]
    return None


def split_name(name: str) -> tuple[str | None, str]:
    parts = [part.strip("` ") for part in re.findall(r"`[^`]+`|[^.`\s]+", name)]
    return (parts[-2] if len(parts) > 1 else None, parts[-1] if parts else name)


def service_refusal(what: str, request: Any, current_database: Callable[[], str]) -> str | None:
    """Puts the failed question to Glue again; returns its error, or None if it has none."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    glue = boto3.client("glue")
    try:
        if what == "list databases":
            glue.get_databases(MaxResults=1)
        elif what == "list tables":
            glue.get_tables(DatabaseName=database_in(request) or current_database(), MaxResults=1)
        elif what == "get database":
            glue.get_database(Name=database_in(request) or current_database())
        else:
            for database, table in tables_in(request):
                try:
                    glue.get_table(DatabaseName=database or current_database(), Name=table)
                except ClientError as error:
                    if error.response["Error"]["Code"] != "EntityNotFoundException":  # a temporary view, perhaps
                        raise
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error'].get('Message', '')}"
    except BotoCoreError as error:
        return f"{type(error).__name__}: {error}"
    return None


def explained(error: Exception, request: Any, current_database: Callable[[], str]) -> Exception:
    """The same error, with the service's own words where the engine lost them."""
    from pyspark.errors.exceptions.connect import AnalysisException

    lost = LOST.search(str(error))
    if not lost:
        return error
    try:
        refusal = service_refusal(lost.group(1), request, current_database)
    except Exception:  # the explanation failed; the error itself still stands
        return error
    return error if refusal is None else AnalysisException(message=f"{refusal} (AWS Glue, {lost.group(1)})")


class JsonLines:
    """What ``toJSON`` returns: a lazy collection of JSON texts."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def take(self, count: int) -> list[str]:
        return [row[0] for row in self._frame.take(count)]

    def collect(self) -> list[str]:
        return [row[0] for row in self._frame.collect()]

    def first(self) -> str:
        return self._frame.first()[0]

    def count(self) -> int:
        return self._frame.count()

    def sample(self, withReplacement: Any = None, fraction: Any = None, seed: int | None = None) -> JsonLines:
        return JsonLines(self._frame.sample(withReplacement, fraction, seed))


def prepare(url: str) -> Callable[[], Any]:
    """Imports and patches the Spark Connect client; the result joins the server at that URL."""
    import pyspark

    # The client's own switches: builder.getOrCreate() finds this server, and no Spark distribution is searched for (the search
    # ends the process when it finds none).
    os.environ.update({"SPARK_REMOTE": url, "SPARK_CONNECT_MODE_ENABLED": "1"})
    os.environ.setdefault("SPARK_HOME", os.path.dirname(pyspark.__file__))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyspark.sql.connect.client import DefaultChannelBuilder
        from pyspark.sql.connect.client.core import SparkConnectClient
        from pyspark.sql.connect.dataframe import DataFrame
        from pyspark.sql.connect.readwriter import DataFrameReader
        from pyspark.sql.connect.session import SparkSession

    bridge_sql(SparkSession)
    bridge_errors(SparkConnectClient, SparkSession)
    bridge_json(DataFrame, DataFrameReader)
    SparkSession.sparkContext = property(contexts.SparkContext.of)  # type: ignore[attr-defined]

    def join() -> Any:
        channel = DefaultChannelBuilder(url)
        channel.add_interceptor(Memory())  # type: ignore[arg-type]
        return SparkSession.builder.channelBuilder(channel).getOrCreate()

    return join


def bridge_sql(session: type) -> None:
    plain = session.sql  # type: ignore[attr-defined]

    def sql(self: Any, sqlQuery: str, args: Any = None, **kwargs: Any) -> Any:
        frame = plain(self, rewrite(sqlQuery), args, **kwargs)
        columns = renamed_columns(sqlQuery)
        return frame if columns is None else frame.selectExpr(*columns)

    session.sql = sql  # type: ignore[attr-defined]


def bridge_errors(client: type, session: Any) -> None:
    plain = client._handle_error  # type: ignore[attr-defined]

    def handle_error(self: Any, error: Exception) -> None:
        request = getattr(asked, "request", None)
        try:
            plain(self, error)
        except Exception as raised:
            if raised is error:
                raise
            replaced = explained(raised, request, lambda: session.active().catalog.currentDatabase())
        raise replaced from None

    client._handle_error = handle_error  # type: ignore[attr-defined]


def bridge_json(frame: type, reader: type) -> None:
    plain_to_json = frame.toJSON  # type: ignore[attr-defined]
    plain_json = reader.json  # type: ignore[attr-defined]

    def to_json(self: Any, use_unicode: bool = True) -> JsonLines:
        return JsonLines(plain_to_json(self))

    def json(self: Any, path: Any, schema: Any = None, **options: Any) -> Any:
        if isinstance(path, frame):
            path = contexts.Collection(path.sparkSession, [row[0] for row in path.collect()])  # type: ignore[attr-defined]
        if isinstance(path, contexts.Collection):
            return contexts.frame_of_json(path, schema)
        return plain_json(self, path, schema, **options)

    frame.toJSON = to_json  # type: ignore[attr-defined]
    reader.json = json  # type: ignore[attr-defined]
