"""The job's own time zone: the connection property `time_zone`, written into the query."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from deploy.local.gate.catalog import Catalog
from deploy.local.gate.errors import GateError
from deploy.local.gate.limits.questions import show_type
from deploy.local.gate.reading.references import Binder, UnresolvedError
from deploy.local.gate.reading.zones import FindType, UnknownTypeError, depends_on_types, spell_zone

_MARK = "value"


class Zones:
    """Rewords queries for the zones of their jobs."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def reword(self, project: str, query: Mapping[str, Any]) -> str | None:
        """The query's text with its job's zone written out; None where the zone, or UTC, changes nothing.

        Raises GateError for a zone that is none, and where nobody here can tell what the zone changes.
        """
        zone = _read_zone(query.get("connectionProperties") or ())
        tree = _parse(query["query"]) if zone else None
        if zone is None or tree is None:
            return None
        try:
            find_type = await self._type_values(tree, project, query)
            return tree.sql("bigquery") if spell_zone(tree, zone, find_type) else None
        except UnknownTypeError as error:
            raise GateError(HTTPStatus.BAD_REQUEST, "invalidQuery", str(error)) from error

    async def _type_values(self, tree: exp.Query, project: str, query: Mapping[str, Any]) -> FindType:
        if not depends_on_types(tree):
            return lambda _value: None
        given = {
            str(one.get("name")).lower(): str(one["parameterType"].get("type"))
            for one in query.get("queryParameters") or ()
        }
        for number, node in enumerate(tree.walk()):
            node.meta[_MARK] = number
        default = query.get("defaultDataset") or {}
        place = (default.get("projectId") or project, default.get("datasetId"))
        types = await self._annotate(tree.copy(), *place)

        def find_type(value: exp.Expr) -> exp.DType | None:
            if isinstance(value, exp.Parameter) and (name := value.name.lower()) in given:
                kind: exp.DType = exp.DataType.build(given[name], dialect="bigquery").this
                return kind
            return types.get(value.meta[_MARK])

        return find_type

    async def _annotate(self, tree: exp.Query, project: str, dataset: str | None) -> dict[int, exp.DType]:
        """The types of the marked values, as far as they are known."""
        binder = Binder(self._catalog.find)
        try:
            await binder.bind(tree, project, dataset)
            schema: dict[str, object] = {
                key: {field.name: show_type(field) for field in source.tables[-1].fields}
                for key, source in binder.sources.by_key.items()
                if source.tables
            }
            qualified = qualify(
                tree, dialect="bigquery", schema=schema, validate_qualify_columns=False, quote_identifiers=False,
                identify=False,
            )  # fmt: skip
            typed = annotate_types(qualified, schema=schema, dialect="bigquery")
        except (UnresolvedError, SqlglotError):
            return {}  # whether that matters is seen where a type is asked for
        known = ((node.meta.get(_MARK), node.type) for node in typed.walk() if node.type)
        return {
            mark: kind.this for mark, kind in known if mark is not None and kind.this != exp.DType.UNKNOWN
        }


def _read_zone(properties: Iterable[Mapping[str, Any]]) -> str | None:
    """The zone of a job's connection properties; None for UTC. Raises GateError."""
    zone = next((str(one.get("value")) for one in properties if one.get("key") == "time_zone"), None)
    if zone is None or zone == "UTC":
        return None
    try:
        return ZoneInfo(zone).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise GateError(HTTPStatus.BAD_REQUEST, "invalid", f"Invalid time zone: {zone}") from error


def _parse(sql: str) -> exp.Query | None:
    try:
        trees = [tree for tree in sqlglot.parse(sql, "bigquery") if tree]
    except (SqlglotError, RecursionError):
        return None  # for the emulator to refuse
    return trees[0] if len(trees) == 1 and isinstance(trees[0], exp.Query) else None
