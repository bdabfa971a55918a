"""The calls on datasets and tables: passed on, with changes noted and the time of the last one put right."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from deploy.local.gate.changes import Changes
from deploy.local.gate.ledger import Ledger
from deploy.local.gate.tables import TableName
from deploy.local.gate.upstream import Upstream, copy_answer

# https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/list#response-body
_LISTED = frozenset(
    {
        "kind", "id", "tableReference", "friendlyName", "type", "timePartitioning", "rangePartitioning", "clustering",
        "hivePartitioningOptions", "labels", "view", "creationTime", "expirationTime", "requirePartitionFilter",
    }
)  # fmt: skip


class Resources:
    """Handlers of the table and dataset calls that need more than passing on."""

    def __init__(self, upstream: Upstream, ledger: Ledger, changes: Changes) -> None:
        self._upstream = upstream
        self._ledger = ledger
        self._changes = changes

    async def get_table(self, request: Request) -> Response:
        """tables.get, with `lastModifiedTime` as it really is."""
        await self._changes.settle()
        answer = await self._upstream.forward(request, b"")
        if answer.status_code != HTTPStatus.OK:
            return copy_answer(answer)
        table = answer.json()
        if table.get("type") != "VIEW" and "numRows" in table:
            table["lastModifiedTime"] = str(self._ledger.modified_ms(table))
        return copy_answer(answer, table)

    async def list_tables(self, request: Request) -> Response:
        """tables.list, with as much of each table as BigQuery lists."""
        answer = await self._upstream.forward(request, b"")
        if answer.status_code != HTTPStatus.OK:
            return copy_answer(answer)
        listing = answer.json()
        listing["tables"] = [
            {name: value for name, value in table.items() if name in _LISTED}
            for table in listing.get("tables") or ()
        ]
        for table in listing["tables"]:
            table.get("view", {}).pop("query", None)  # a list tells that it is a view, not of what
        return copy_answer(answer, listing)

    async def change_table(self, request: Request) -> Response:
        """tables.patch, update and delete, and tabledata.insertAll."""
        answer = await self._upstream.forward(request, await request.body())
        if answer.is_success:
            path = request.path_params
            name = TableName(path["project"], path["dataset"], path["table"])
            self._ledger.touch(name, streamed=request.url.path.endswith("/insertAll"))
        return copy_answer(answer)

    async def delete_dataset(self, request: Request) -> Response:
        """datasets.delete, perhaps with every table in it."""
        answer = await self._upstream.forward(request, await request.body())
        if answer.is_success:
            self._ledger.touch_all()
        return copy_answer(answer)
