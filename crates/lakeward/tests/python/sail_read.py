"""Reads a table with a session's own Sail: its objects by path, and the table by name.

The argument names a JSON file: {"paths": ["s3://.."], "tables": ["tpc.t"], "answer": FILE}. The answer maps each of them to
{"columns": [..], "rows": [[text or null, ..], ..]} or {"error": "..."}. Keys and endpoint come from the environment.
"""

import json
import sys
from pathlib import Path

from lakeward_session.engine import Engine


def read(frame):
    collected = frame().collect()
    columns = frame().columns
    return {"columns": columns, "rows": [[None if value is None else str(value) for value in row] for row in collected]}


def answer(frame):
    try:
        return read(frame)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    spark = Engine.start().spark
    found = {path: answer(lambda path=path: spark.read.parquet(path)) for path in request["paths"]}
    found |= {table: answer(lambda table=table: spark.table(table)) for table in request["tables"]}
    Path(request["answer"]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
