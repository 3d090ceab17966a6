"""Queries a workspace with the official client, signed in by the environment; prints what came of each query."""
import json
import sys
from datetime import timedelta

from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.monitor.query import LogsBatchQuery, LogsQueryClient, LogsQueryStatus

workspace, resource, queries = json.loads(sys.stdin.read()).values()
client = LogsQueryClient(DefaultAzureCredential())


def outcome(ask):
    try:
        result = ask()
    except HttpResponseError as error:
        return {"status": error.status_code, "code": error.message.split(")")[0].removeprefix("("), "message": error.message}
    if result.status != LogsQueryStatus.SUCCESS:
        return {"partial": result.partial_error.code}
    table = result.tables[0]
    return {"columns": table.columns, "types": table.columns_types, "rows": [[str(cell) for cell in row] for row in table.rows]}


answers = {query: outcome(lambda q=query: client.query_workspace(workspace, q, timespan=timedelta(days=1))) for query in queries}
answers["resource"] = outcome(lambda: client.query_resource(resource, queries[0], timespan=None))
if "rows" in answers["resource"]:
    batch = client.query_batch([LogsBatchQuery(workspace, query, timespan=timedelta(days=1)) for query in queries])
    answers["batch"] = [type(result).__name__ for result in batch]
print(json.dumps(answers))
