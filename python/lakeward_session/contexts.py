"""``sqlContext`` and ``sc`` for an engine that has only ``spark``."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class SqlContext:
    """The old entry point; everything is the session's."""

    def __init__(self, spark: Any) -> None:
        self.sparkSession = spark

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
    """As much of ``sc`` as makes sense without a JVM: small local collections."""

    def __init__(self, spark: Any) -> None:
        self._spark = spark

    @classmethod
    def of(cls, spark: Any) -> SparkContext:
        return cls(spark)

    @property
    def version(self) -> str:
        return self._spark.version

    def parallelize(self, c: Iterable[Any], numSlices: int | None = None) -> Collection:
        return Collection(self._spark, list(c))

    def setLogLevel(self, logLevel: str) -> None:
        """Accepted; the engine's log level is set when the session starts."""

    def __repr__(self) -> str:
        return "<SparkContext of a Spark Connect session: parallelize() only>"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"sc.{name} is not available: the engine has no JVM and no RDDs; use spark and DataFrames")


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
