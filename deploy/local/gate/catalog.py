"""Tables by name, read from the emulator, each with the time it really last changed."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from deploy.local.gate.changes import Changes
from deploy.local.gate.ledger import Ledger
from deploy.local.gate.reading.references import UnresolvedError
from deploy.local.gate.tables import Table, TableName, read_table
from deploy.local.gate.upstream import API, Upstream

_MAX_TABLES = 10_000


class Catalog:
    """Looks tables up; nothing is cached, so that a change is seen by the next query."""

    def __init__(self, upstream: Upstream, ledger: Ledger, changes: Changes) -> None:
        self._upstream = upstream
        self._ledger = ledger
        self._changes = changes

    async def find(self, name: TableName) -> tuple[Table, ...]:
        """The table, or the tables a wildcard matches, oldest name first. Raises UnresolvedError for none."""
        await self._changes.settle()
        if not name.table.endswith("*"):
            return (await self._get(name),)
        prefix = name.table.rstrip("*")
        listing = await self._read(f"{_dataset_path(name)}/tables?maxResults={_MAX_TABLES}", name)
        names = sorted(
            TableName.from_rest(item["tableReference"])
            for item in listing.get("tables") or ()
            if item.get("type") == "TABLE" and item["tableReference"]["tableId"].startswith(prefix)
        )
        if not names:
            raise UnresolvedError(f"{name} matches no table")
        return tuple(await asyncio.gather(*map(self._get, names)))

    async def _get(self, name: TableName) -> Table:
        resource = await self._read(f"{_dataset_path(name)}/tables/{name.table}", name)
        return read_table(resource, self._ledger.modified_ms(resource))

    async def _read(self, path: str, name: TableName) -> Mapping[str, Any]:
        answer = await self._upstream.send("GET", path)
        if answer.status_code != HTTPStatus.OK:
            raise UnresolvedError(f"{name} cannot be read: {answer.text}")
        resource: Mapping[str, Any] = answer.json()
        return resource


def _dataset_path(name: TableName) -> str:
    return f"{API}/projects/{name.project}/datasets/{name.dataset}"
