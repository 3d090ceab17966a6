"""Runs queries with duckdb-kql, an engine of KQL that shares nothing with ours; prints what came of each."""
import datetime
import json
import math
import sys

import duckdb_kql

connection = duckdb_kql.connect()


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return {"seconds": value.total_seconds()}
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value)
    return value


def outcome(query):
    try:
        result = duckdb_kql.kql(connection, query)
        return {"columns": result.columns, "rows": [[plain(cell) for cell in row] for row in result.fetchall()]}
    except duckdb_kql.KqlUnsupportedError as error:
        return {"unsupported": str(error)}
    except Exception as error:  # what it fails with is told, and counted
        return {"failed": f"{type(error).__name__}: {error}"}


print(json.dumps([outcome(query) for query in json.load(sys.stdin)], default=str, ensure_ascii=True))
