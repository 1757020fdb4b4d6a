"""Everything in which this engine differs from what a Spark notebook expects, in one place.

Each entry names the gap and can go when the engine closes it (seen with Sail 0.7.2, pyspark-client 4.2.0):

* SQL: see ``dialect``.
* A refusal by the catalog loses its text: ``Failed to get table: unhandled error (AccessDeniedException)``. The same question
  is put to Glue once more, and its answer is what the user reads.
* Spark Connect's ``toJSON`` has no ``use_unicode`` and returns a frame of rows; notebooks want strings.
* Spark Connect has no ``sparkContext``, and ``read.json`` takes no collection.
* ``spark.addArtifacts`` and the catalog's ``cacheTable``, ``refreshTable`` and the like aren't built.
* ``spark.conf.set`` takes what is fixed when a session starts, and does nothing with it. Spark refuses it.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from . import contexts, dialect, modules
from .dialect import NAME

LOST = re.compile(r"Failed to ([a-z]+ (?:table|database|view)s?): (?:unhandled|service) error(?: \((\w+)\))?")
NEEDED = {
    "create table": "glue:CreateTable, and CREATE_TABLE on the database",
    "alter table": "glue:UpdateTable, and ALTER on the table",
    "drop table": "glue:DeleteTable, and DROP on the table",
    "create database": "glue:CreateDatabase, and CREATE_DATABASE on the catalog",
    "drop database": "glue:DeleteDatabase, and DROP on the database",
    "create view": "glue:CreateTable, and CREATE_TABLE on the database",
    "drop view": "glue:DeleteTable, and DROP on the view",
}
CREATES_TABLE = re.compile(r"create\s+(?:or\s+replace\s+)?(?:external\s+)?table\b", re.IGNORECASE)
# Settings of Spark's that a running session can't change, by the beginning of their names.
FIXED = (
    "spark.cores.", "spark.default.parallelism", "spark.driver.", "spark.dynamicAllocation.", "spark.eventLog.",
    "spark.executor.", "spark.jars", "spark.local.dir", "spark.master", "spark.memory.", "spark.serializer", "spark.shuffle.",
    "spark.sql.catalogImplementation", "spark.sql.extensions", "spark.sql.warehouse.dir", "spark.submit.", "spark.ui.", "spark.yarn.",
)  # fmt: skip
TABLE_NAMES = re.compile(rf"\b(?:from|join|table|into|describe|desc|extended)\s+({NAME}(?:\s*,\s*{NAME})*)", re.IGNORECASE)
DATABASE_NAME = re.compile(rf"\b(?:use|database|schema|namespace|in|from)\s+(?:(?:database|schema|namespace)\s+)?({NAME})", re.IGNORECASE)
asked = threading.local()


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
        elif what in ("list tables", "list views"):
            glue.get_tables(DatabaseName=database_in(request) or current_database(), MaxResults=1)
        elif what == "get database":
            glue.get_database(Name=database_in(request) or current_database())
        elif what == "get table":
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
    what, code = lost.groups()
    try:
        refusal = service_refusal(what, request, current_database)
    except Exception:  # the explanation failed; the error itself still stands
        return error
    if refusal is not None:
        new = f"; if the table is new, this takes {NEEDED['create table']}" if what == "get table" and creates_table(request) else ""
        return AnalysisException(message=f"{refusal} (AWS Glue, {what}){new}")
    if code is not None and what in NEEDED:
        return AnalysisException(message=f"{code} (AWS Glue, {what}); this takes {NEEDED[what]} in Lake Formation")
    return error


def creates_table(request: Any) -> bool:
    """Whether a request makes a table, by SQL or by a frame's writer."""
    if any(CREATES_TABLE.match(dialect.bare(text)) for _, text in texts_of(request, frozenset(("query", "sql")))):
        return True
    plan = getattr(request, "plan", None)
    return plan is not None and plan.command.WhichOneof("command_type") in ("write_operation", "write_operation_v2")


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
        from pyspark.sql.connect.catalog import Catalog
        from pyspark.sql.connect.client import DefaultChannelBuilder
        from pyspark.sql.connect.client.core import SparkConnectClient
        from pyspark.sql.connect.conf import RuntimeConf
        from pyspark.sql.connect.dataframe import DataFrame
        from pyspark.sql.connect.readwriter import DataFrameReader
        from pyspark.sql.connect.session import SparkSession

    bridge_sql(SparkSession)
    bridge_errors(SparkConnectClient, SparkSession, DefaultChannelBuilder)
    bridge_json(DataFrame, DataFrameReader)
    bridge_caches(Catalog)
    bridge_settings(RuntimeConf)
    bridge_contexts(SparkSession)
    return lambda: SparkSession.builder.channelBuilder(DefaultChannelBuilder(url)).getOrCreate()


def bridge_sql(session: type) -> None:
    plain = session.sql  # type: ignore[attr-defined]

    @functools.wraps(plain)
    def sql(self: Any, sqlQuery: str, args: Any = None, **kwargs: Any) -> Any:
        answer = dialect.answer(self, sqlQuery) if isinstance(sqlQuery, str) else None
        if answer is not None:
            return answer
        frame = plain(self, dialect.rewrite(sqlQuery), args, **kwargs)
        columns = dialect.renamed_columns(sqlQuery)
        return frame if columns is None else frame.selectExpr(*columns)

    session.sql = sql  # type: ignore[attr-defined]


def bridge_caches(catalog: Any) -> None:
    """Nothing is cached: a changed grant is felt at the next query."""

    def look(self: Any, tableName: str, *_: Any, **__: Any) -> None:
        _ = self._sparkSession.table(tableName).schema

    def is_cached(self: Any, tableName: str) -> bool:
        look(self, tableName)
        return False

    for name in ("cacheTable", "uncacheTable", "refreshTable"):
        put(catalog, name, look)
    for name in ("clearCache", "refreshByPath"):
        put(catalog, name, lambda *_, **__: None)
    put(catalog, "isCached", is_cached)


def put(owner: Any, name: str, instead: Callable[..., Any]) -> None:
    """Puts a function in the place of a method, under its name and with its documentation."""

    @functools.wraps(getattr(owner, name))
    def method(*args: Any, **kwargs: Any) -> Any:
        return instead(*args, **kwargs)

    setattr(owner, name, method)


def bridge_settings(conf: Any) -> None:
    plain = conf.set

    @functools.wraps(plain)
    def set_one(self: Any, key: str, value: Any) -> None:
        if isinstance(key, str) and key.startswith(FIXED):
            from pyspark.errors.exceptions.connect import AnalysisException

            instead = "name it in %%configure, or in the cluster's settings"
            raise AnalysisException(message=f'[CANNOT_MODIFY_CONFIG] "{key}" is fixed since the session was started; {instead}')
        plain(self, key, value)

    conf.set = set_one


def bridge_contexts(session: Any) -> None:
    """``sc`` and the old entry points, also for those who import them."""
    import pyspark
    import pyspark.sql

    def add_artifacts(self: Any, *path: str, pyfile: bool = False, archive: bool = False, file: bool = False) -> None:
        if not pyfile or archive or file:
            raise NotImplementedError("only Python modules can be added (pyfile=True); read other files from S3 in your code")
        for one in path:
            modules.add(one)

    put(session, "addArtifacts", add_artifacts)
    put(session, "addArtifact", add_artifacts)
    session.sparkContext = property(contexts.SparkContext.of)
    module = types.ModuleType("pyspark.context")
    module.SparkContext = pyspark.SparkContext = contexts.SparkContext  # type: ignore[attr-defined]
    sys.modules["pyspark.context"] = pyspark.context = module  # type: ignore[attr-defined]
    pyspark.sql.SQLContext = contexts.SqlContext  # type: ignore[assignment,misc]


def bridge_errors(client: type, session: Any, channel: Any) -> None:
    plain = client._handle_error  # type: ignore[attr-defined]
    plain_init = channel.__init__

    @functools.wraps(plain_init)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        plain_init(self, *args, **kwargs)
        self.add_interceptor(Memory())

    channel.__init__ = init

    @functools.wraps(plain)
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

    @functools.wraps(plain_to_json)
    def to_json(self: Any, use_unicode: bool = True) -> JsonLines:
        return JsonLines(plain_to_json(self))

    @functools.wraps(plain_json)
    def json(self: Any, path: Any, schema: Any = None, **options: Any) -> Any:
        if isinstance(path, frame):
            path = contexts.Collection(path.sparkSession, [row[0] for row in path.collect()])  # type: ignore[attr-defined]
        if isinstance(path, contexts.Collection):
            return contexts.frame_of_json(path, schema)
        return plain_json(self, path, schema, **options)

    frame.toJSON = to_json  # type: ignore[attr-defined]
    reader.json = json  # type: ignore[attr-defined]
