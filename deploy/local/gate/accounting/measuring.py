"""Asking the emulator to add up what the gate has to know: sizes of columns, values of constants."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from deploy.local.gate.errors import GateError
from deploy.local.gate.reading.constants import evaluating_sql, read_constant
from deploy.local.gate.reading.parameters import NO_PARAMETERS, Parameters
from deploy.local.gate.reading.partitions import Partition, read_partitions
from deploy.local.gate.reading.pruning import Constant, Values
from deploy.local.gate.sizes import measuring_sql
from deploy.local.gate.tables import Table, TableName
from deploy.local.gate.upstream import API, Upstream

_TIMEOUT_MS = 600_000
_MAX_TABLES = 1_000


class EvaluationError(Exception):
    """The emulator refused a query of the gate's own."""


class Measurer:
    """Sizes of tables, kept for as long as a table's version stays the same."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._known: OrderedDict[TableName, tuple[object, tuple[Partition, ...]]] = OrderedDict()
        self._locks: dict[TableName, asyncio.Lock] = {}

    async def partitions(self, table: Table) -> tuple[Partition, ...]:
        """The partitions of `table` with the bytes of every column; one for a table without partitions."""
        async with self._locks.setdefault(table.name, asyncio.Lock()):
            version, partitions = self._known.get(table.name, (None, ()))
            if version != table.version:
                partitions = read_partitions(table, await self._measure(table))
                self._known[table.name] = (table.version, partitions)
                while len(self._known) > _MAX_TABLES:
                    self._known.popitem(last=False)
            return partitions

    async def values(self, project: str, constants: Iterable[Constant], parameters: Parameters) -> Values:
        """The values of `constants`, evaluated in `project`; those that cannot be told are missing."""
        distinct = {constant.key: constant for constant in constants}
        values: dict[tuple[str, str], int | str | None] = {
            key: read_constant(constant, parameters) for key, constant in distinct.items()
        }
        unread = [
            constant
            for key, constant in distinct.items()
            if values[key] is None and constant.type != "STRING"
        ]
        if unread:
            row = await self._evaluate(project, unread, parameters)
            values |= dict(zip((constant.key for constant in unread), row, strict=True))
        return {key: value for key, value in values.items() if value is not None}

    async def _measure(self, table: Table) -> list[list[int | None]]:
        try:
            return await self._select(measuring_sql(table), table.name.project)
        except EvaluationError as error:
            message = f"The metering gate cannot measure {table.name}: {error}"
            raise GateError(HTTPStatus.NOT_IMPLEMENTED, "notImplemented", message) from error

    async def _evaluate(
        self, project: str, constants: list[Constant], parameters: Parameters
    ) -> list[int | None]:
        sql = f"SELECT {', '.join(map(evaluating_sql, constants))}"
        try:
            return (await self._select(sql, project, parameters))[0]
        except EvaluationError:
            # The query itself will say what is wrong with it; until then nothing is known.
            return [None] * len(constants)

    async def _select(
        self, sql: str, project: str, parameters: Parameters = NO_PARAMETERS
    ) -> list[list[int | None]]:
        body = {
            "query": sql,
            "useLegacySql": False,
            "timeoutMs": _TIMEOUT_MS,
            "parameterMode": "NAMED",
            "queryParameters": list(parameters.rest),
        }
        answer = await self._upstream.send("POST", f"{API}/projects/{project}/queries", body=body)
        if answer.status_code != HTTPStatus.OK:
            raise EvaluationError(answer.text)
        result: Mapping[str, Any] = answer.json()
        job_id = result["jobReference"]["jobId"]
        # Not a job of anybody's: it must not turn up in a listing.
        await self._upstream.send("DELETE", f"{API}/projects/{project}/jobs/{job_id}/delete")
        return [[_integer(cell["v"]) for cell in row["f"]] for row in result.get("rows") or ()]


def _integer(text: str | None) -> int | None:
    return None if text is None else int(text)
