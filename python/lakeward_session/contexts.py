"""``sqlContext`` and ``sc`` for an engine that has only ``spark``."""

from __future__ import annotations

import functools
import itertools
import json
import os
import statistics
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import modules


def current(spark: Any) -> Any:
    """The session, or the one that user code made when it had stopped it."""
    return type(spark).active() if getattr(spark, "is_stopped", False) else spark


class SqlContext:
    """The old entry point; everything is the session's."""

    def __init__(self, of: Any, sparkSession: Any = None, jsqlContext: Any = None) -> None:
        self._spark = sparkSession or (of._spark if isinstance(of, SparkContext) else of)

    @classmethod
    def getOrCreate(cls, sc: SparkContext) -> SqlContext:
        return cls(sc)

    @property
    def sparkSession(self) -> Any:
        return current(self._spark)

    def tables(self, dbName: str | None = None) -> Any:
        return self.sparkSession.sql("SHOW TABLES" if dbName is None else f"SHOW TABLES IN `{dbName}`")

    def tableNames(self, dbName: str | None = None) -> list[str]:
        return [row["tableName"] for row in self.tables(dbName).collect()]

    def registerDataFrameAsTable(self, df: Any, tableName: str) -> None:
        df.createOrReplaceTempView(tableName)

    def dropTempTable(self, tableName: str) -> None:
        self.sparkSession.catalog.dropTempView(tableName)

    def setConf(self, key: str, value: Any) -> None:
        self.sparkSession.conf.set(key, value)

    def getConf(self, key: str, *default: Any) -> Any:
        return self.sparkSession.conf.get(key, *default)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.sparkSession, name)  # sql, table, read, range, createDataFrame, udf, ...


class SparkContext:
    """As much of ``sc`` as makes sense without a JVM: facts of the session, modules, and small local collections. There is one
    context, whatever it is made with."""

    def __init__(self, *_: Any, conf: Any = None, **__: Any) -> None:
        from pyspark.sql import SparkSession

        self._spark = SparkSession.builder.getOrCreate()
        if conf is not None:
            self._spark.conf._set_all(dict(conf.getAll()), silent=False)

    @classmethod
    def of(cls, spark: Any) -> SparkContext:
        """The context of a session."""
        context = cls.__new__(cls)
        context._spark = spark
        return context

    @classmethod
    def getOrCreate(cls, conf: Any = None) -> SparkContext:
        return cls(conf=conf)

    @property
    def version(self) -> str:
        return current(self._spark).version

    @property
    def applicationId(self) -> str:
        return os.environ.get("LAKEWARD_APPLICATION_ID", "")

    @property
    def appName(self) -> str:
        return os.environ.get("LAKEWARD_SESSION_NAME", "")

    @property
    def defaultParallelism(self) -> int:
        return int(os.environ.get("SAIL_EXECUTION__DEFAULT_PARALLELISM") or os.cpu_count() or 1)

    @property
    def uiWebUrl(self) -> None:
        """The engine has no pages."""
        return

    def getConf(self) -> Any:
        from pyspark import SparkConf

        facts = [("spark.app.id", self.applicationId), ("spark.app.name", self.appName)]
        return SparkConf(loadDefaults=False).setAll([*facts, *current(self._spark).conf.getAll.items()])

    def addPyFile(self, path: str) -> None:
        """Takes a module or an archive of modules, from ``s3://`` or the session's own files; functions that run in the engine
        find it too."""
        modules.add(path)

    def install_pypi_package(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError(modules.WITHOUT_INDEX)

    def broadcast(self, value: Any) -> Broadcast:
        return Broadcast(value)

    def parallelize(self, c: Iterable[Any], numSlices: int | None = None) -> Collection:
        return Collection(current(self._spark), list(c))

    def cancelAllJobs(self) -> None:
        current(self._spark).interruptAll()

    def stop(self) -> None:
        current(self._spark).stop()

    def setLogLevel(self, logLevel: str) -> None:
        """Accepted; the engine's log level is set when the session starts."""

    def setJobGroup(self, groupId: str, description: str, interruptOnCancel: bool = False) -> None:
        """Accepted; the engine doesn't group its work."""

    def setJobDescription(self, value: str) -> None:
        """Accepted; the engine doesn't show its work."""

    def setLocalProperty(self, key: str, value: str) -> None:
        """Accepted; the engine has no use for it."""

    def getLocalProperty(self, key: str) -> None:
        """There are none."""

    def __repr__(self) -> str:
        return "<SparkContext of a Spark Connect session: parallelize() and the session's facts only>"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"sc.{name} is not available: the engine has no JVM and no RDDs; use spark and DataFrames")


class Broadcast:
    """What ``sc.broadcast`` returns: a value that travels with the functions that use it."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def unpersist(self, blocking: bool = False) -> None:
        """Nothing is kept elsewhere."""

    destroy = unpersist


class Collection:
    """What ``sc.parallelize`` returns: the items, held here in the interpreter."""

    def __init__(self, spark: Any, items: list[Any]) -> None:
        self.spark = spark
        self._items = items

    def collect(self) -> list[Any]:
        return list(self._items)

    def take(self, num: int) -> list[Any]:
        return self._items[:num]

    def first(self) -> Any:
        if not self._items:
            raise ValueError("the collection is empty")
        return self._items[0]

    def count(self) -> int:
        return len(self._items)

    def map(self, f: Callable[[Any], Any]) -> Collection:
        return Collection(self.spark, [f(item) for item in self._items])

    def flatMap(self, f: Callable[[Any], Iterable[Any]]) -> Collection:
        return Collection(self.spark, list(itertools.chain.from_iterable(map(f, self._items))))

    def filter(self, f: Callable[[Any], bool]) -> Collection:
        return Collection(self.spark, [item for item in self._items if f(item)])

    def distinct(self) -> Collection:
        return Collection(self.spark, list(dict.fromkeys(self._items)))

    def reduce(self, f: Callable[[Any, Any], Any]) -> Any:
        return functools.reduce(f, self._items)

    def reduceByKey(self, func: Callable[[Any, Any], Any], *_: Any, **__: Any) -> Collection:
        found: dict[Any, Any] = {}
        for key, value in self._items:
            found[key] = func(found[key], value) if key in found else value
        return Collection(self.spark, list(found.items()))

    def sortBy(self, keyfunc: Callable[[Any], Any], ascending: bool = True, numPartitions: int | None = None) -> Collection:
        return Collection(self.spark, sorted(self._items, key=keyfunc, reverse=not ascending))

    def foreach(self, f: Callable[[Any], None]) -> None:
        for item in self._items:
            f(item)

    def sum(self) -> Any:
        return sum(self._items)

    def mean(self) -> float:
        return statistics.fmean(self._items)

    def max(self, key: Callable[[Any], Any] | None = None) -> Any:
        return max(self._items, key=key)

    def min(self, key: Callable[[Any], Any] | None = None) -> Any:
        return min(self._items, key=key)

    def cache(self) -> Collection:
        return self

    persist = unpersist = cache

    def toDF(self, schema: Any = None) -> Any:
        return self.spark.createDataFrame(self._items, schema)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name}() is not available on this collection: the engine has no RDDs; use toDF() and DataFrames")


def absent(name: str, instead: str) -> Callable[..., Any]:
    """A name that exists so that using it says what to use instead."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"{name} is not available in this session: {instead}")

    refuse.__name__ = name
    return refuse


def frame_of_json(lines: Collection, schema: Any = None) -> Any:
    """A frame of JSON records, texts or mappings, with the types that Spark's JSON reader would infer."""
    records = [json.loads(item) if isinstance(item, (str, bytes)) else item for item in lines]
    if any(not isinstance(record, dict) for record in records):
        raise TypeError("spark.read.json needs JSON objects")
    if schema is None:
        names = sorted({name for record in records for name in record})
        if not names:
            raise ValueError("the JSON records have no fields: their schema can't be inferred")
        schema = ", ".join(f"{quoted(name)} {json_type([record.get(name) for record in records])}" for name in names)
        rows = [tuple(shaped(record.get(name), [r.get(name) for r in records]) for name in names) for record in records]
        return lines.spark.createDataFrame(rows, schema)
    return lines.spark.createDataFrame(records, schema)


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def json_type(values: list[Any]) -> str:
    """The SQL type that holds all the values; text if nothing narrower does."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        return "bigint"
    if kinds and kinds <= {int, float}:
        return "double"
    if kinds == {list}:
        return f"array<{json_type([item for value in values if value is not None for item in value])}>"
    if kinds == {dict}:
        present = [value for value in values if value]
        names = sorted({name for value in present for name in value})
        fields = ", ".join(f"{quoted(name)}: {json_type([value.get(name) for value in present])}" for name in names)
        return f"struct<{fields}>" if names else "string"
    return "string"


def shaped(value: Any, column: list[Any]) -> Any:
    """The value as the column's type holds it."""
    kind = json_type(column)
    if value is None:
        return None
    if kind == "double":
        return float(value)
    if kind == "string":
        return value if isinstance(value, str) else json.dumps(value)
    return value
