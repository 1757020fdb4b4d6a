"""Other engines on the same objects, with plain temporary keys: ``python -m lakeward_check.engines --request FILE.json``.

FILE.json (or ``-`` for standard input):

    {"endpoint": "https://127.0.0.1:8443", "ca_bundle": "/state/ca.pem" or null, "region": "us-east-1",
     "access_key": "..", "secret_key": "..", "session_token": "..",
     "bucket": "lake", "prefix": "tpc/dl_tpc_customer/", "rows": 5}

Output, one JSON line per engine (pyarrow, duckdb, polars) and one for the raw objects:

    {"engine": "duckdb", "ok": true, "columns": [..], "count": 1000, "rows": [[..], ..]}
    {"engine": "raw", "ok": true, "objects": [{"key": "..", "size": 1, "base64": ".."}]}
    {"engine": "..", "ok": false, "error": "..."}

``rows`` holds the first rows, ``count`` counts all. ``--raw DIR`` writes the raw objects as files there instead of base64.
The exit status is 0 if every engine could be asked; being refused is an answer.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    endpoint: str
    region: str
    access_key: str
    secret_key: str
    bucket: str
    prefix: str
    session_token: str | None = None
    ca_bundle: str | None = None
    rows: int = 5

    @property
    def scheme(self) -> str:
        return self.endpoint.split("://", 1)[0]

    @property
    def host(self) -> str:
        return self.endpoint.split("://", 1)[1].rstrip("/")


def with_pyarrow(request: Request) -> dict[str, Any]:
    import pyarrow.parquet
    from pyarrow import fs

    store = fs.S3FileSystem(
        access_key=request.access_key,
        secret_key=request.secret_key,
        session_token=request.session_token,
        region=request.region,
        endpoint_override=request.host,
        scheme=request.scheme,
        tls_ca_file_path=request.ca_bundle,
    )
    table = pyarrow.parquet.read_table(f"{request.bucket}/{request.prefix}", filesystem=store, partitioning=None)
    head = table.slice(0, request.rows).to_pylist()
    return {"columns": table.column_names, "count": table.num_rows, "rows": [list(row.values()) for row in head]}


def with_duckdb(request: Request) -> dict[str, Any]:
    import duckdb

    connection = duckdb.connect()
    connection.load_extension(str(httpfs()))
    if request.ca_bundle:
        connection.execute("SET ca_cert_file = ?", [request.ca_bundle])
    secret = {
        "TYPE": "s3", "KEY_ID": request.access_key, "SECRET": request.secret_key, "SESSION_TOKEN": request.session_token or "",
        "REGION": request.region, "ENDPOINT": request.host, "URL_STYLE": "path",
    }  # fmt: skip
    options = ", ".join(f"{name} {quoted(value)}" for name, value in secret.items())
    connection.execute(f"CREATE SECRET lake ({options}, USE_SSL {'true' if request.scheme == 'https' else 'false'})")
    source = f"read_parquet({quoted(f's3://{request.bucket}/{request.prefix}*.parquet')})"
    counted = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
    head = connection.execute(f"SELECT * FROM {source} LIMIT {int(request.rows)}")
    columns = [column[0] for column in head.description or []]
    return {"columns": columns, "count": counted[0] if counted else 0, "rows": [list(row) for row in head.fetchall()]}


def httpfs() -> Path:
    """DuckDB's extension from its wheel, for exactly the running version."""
    import duckdb
    import duckdb_extension_httpfs

    folder = Path(duckdb_extension_httpfs.__file__).parent / "extensions"
    found = [path for path in folder.rglob("httpfs.duckdb_extension*") if duckdb.__version__ in str(path)]
    if not found:
        raise FileNotFoundError(f"no httpfs extension for duckdb {duckdb.__version__} in {folder}")
    return found[0]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def with_polars(request: Request) -> dict[str, Any]:
    import os

    import polars

    if request.ca_bundle:
        os.environ["SSL_CERT_FILE"] = request.ca_bundle
    options: dict[str, Any] = {
        "aws_endpoint_url": request.endpoint,
        "aws_region": request.region,
        "aws_access_key_id": request.access_key,
        "aws_secret_access_key": request.secret_key,
        **({"aws_session_token": request.session_token} if request.session_token else {}),
        "max_retries": 1,
        **({"aws_allow_http": "true"} if request.scheme == "http" else {}),
    }
    frame = polars.scan_parquet(f"s3://{request.bucket}/{request.prefix}*.parquet", storage_options=options).collect()
    return {"columns": frame.columns, "count": frame.height, "rows": [list(row) for row in frame.head(request.rows).rows()]}


def raw(request: Request, folder: Path | None) -> dict[str, Any]:
    """The bytes themselves, as a plain client gets them."""
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3", region_name=request.region, endpoint_url=request.endpoint, verify=request.ca_bundle or True,
        aws_access_key_id=request.access_key, aws_secret_access_key=request.secret_key, aws_session_token=request.session_token,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}, connect_timeout=5, read_timeout=60, proxies={}),
    )  # fmt: skip
    objects = []
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=request.bucket, Prefix=request.prefix):
        for entry in page.get("Contents", []):
            body = client.get_object(Bucket=request.bucket, Key=entry["Key"])["Body"].read()
            found: dict[str, Any] = {"key": entry["Key"], "size": len(body), "listed": entry["Size"], "etag": entry["ETag"]}
            if folder is None:
                found["base64"] = base64.b64encode(body).decode("ascii")
            else:
                path = folder / entry["Key"].replace("/", "_")
                path.write_bytes(body)
                found["file"] = str(path)
            objects.append(found)
    return {"objects": objects}


def answer(engine: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"engine": engine, "ok": True, **ask()}
    except Exception as error:
        return {"engine": engine, "ok": False, "error": f"{type(error).__name__}: {error}"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="lakeward_check.engines")
    parser.add_argument("--request", required=True, metavar="FILE.json")
    parser.add_argument("--raw", type=Path, metavar="DIR")
    options = parser.parse_args()
    text = sys.stdin.read() if options.request == "-" else Path(options.request).read_text(encoding="utf-8")
    request = Request(**json.loads(text))
    engines = {"pyarrow": with_pyarrow, "duckdb": with_duckdb, "polars": with_polars}
    for name, ask in engines.items():
        print(json.dumps(answer(name, lambda ask=ask: ask(request)), default=str), flush=True)
    print(json.dumps(answer("raw", lambda: raw(request, options.raw))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
