"""Refusals that name something without its place: found in the SQL, with what may have been meant."""

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared.errors import AlmanacError, SqlInvalidError
from shared.sql.lexer import Lexeme, read_lexemes
from shared.sql.violations import LineIndex
from shared.warehouse.bigquery.clients import WarehouseClients
from shared.warehouse.bigquery.metadata import TableMetadata, TableMetadataReader
from shared.warehouse.bigquery.refusal_kinds import RefusalKind, read_refusal
from shared.warehouse.guard.policy import GuardedQuery
from shared.warehouse.models.queries import QueryRequest

if TYPE_CHECKING:
    from google.api_core.retry import Retry

_MAX_TABLES = 1000


class RefusalExplainer:
    """Adds to SQL_INVALID the place of the name BigQuery did not find, and the nearest name there is."""

    def __init__(self, clients: WarehouseClients, metadata: TableMetadataReader) -> None:
        self._clients = clients
        self._metadata = metadata

    def explain(
        self, error: SqlInvalidError, guarded: GuardedQuery, request: QueryRequest
    ) -> SqlInvalidError:
        """`error`, with a position in `details` where the SQL has the name it is about."""
        refusal = read_refusal(error.message)
        if refusal.kind is RefusalKind.LOCATION and refusal.name:
            return self._explain_location(error, refusal.name, guarded)
        said = error.details[0] if error.details else {}
        found = _find_name(guarded.sql, refusal.name) if refusal.name and "line" not in said else None
        if found is None:
            return error
        line, column = LineIndex(guarded.sql).locate(found.start)
        detail: dict[str, object] = {"line": line, "column": column, "found": found.text}
        near = said.get("suggestion")
        if near is None:
            names = self._list_names(refusal.kind, found, guarded, request)
            near = _find_near(found.text.strip("`").rpartition(".")[2], names)
        if near is not None:
            detail["suggestion"] = near
        remediation = f"Did you mean {near}?" if near else refusal.kind.value
        return SqlInvalidError(error.message, remediation=remediation, details=[detail])

    def _explain_location(
        self, error: SqlInvalidError, dataset: str, guarded: GuardedQuery
    ) -> SqlInvalidError:
        """The same at the first table of the dataset, and where the dataset is, as far as BigQuery tells."""
        read = [table for table in guarded.tables if table.dataset.lower() == dataset.lower()]
        names = [f"{dataset}.{table.table}" for table in read]
        place = next((found for name in names if (found := _find_name(guarded.sql, name))), None)
        where = self._find_location(f"{read[0].project}.{read[0].dataset}") if read else None
        own = self._clients.location
        if where is None or where.lower() == own.lower():
            message, remediation = error.message, RefusalKind.LOCATION.value
        else:
            message = (
                f"{dataset} is in {where}, and this service's jobs run in {own}, where it cannot be read"
            )
            remediation = (
                f"Read a copy of it in {own}, or save the dashboard with a service whose BIGQUERY_LOCATION is "
                f"{where}."
            )
        details: list[dict[str, object]] = []
        if place is not None:
            line, column = LineIndex(guarded.sql).locate(place.start)
            details = [{"line": line, "column": column, "found": place.text}]
        return SqlInvalidError(message, remediation=remediation, details=details)

    def _find_location(self, dataset: str) -> str | None:
        """Where a dataset is; None when BigQuery does not tell, because it is not there or not ours to see."""

        def get(retry: "Retry", timeout: float) -> str | None:
            location: str | None = self._clients.rest.get_dataset(
                dataset, retry=retry, timeout=timeout
            ).location
            return location

        try:
            return self._clients.quick.ask(f"reading where {dataset} is", get)
        except AlmanacError:
            return None  # what is refused stays refused; only the other location is missing

    def _list_names(
        self, kind: RefusalKind, found: Lexeme, guarded: GuardedQuery, request: QueryRequest
    ) -> Iterable[str]:
        """Names of the kind that is missing; none where BigQuery cannot be asked."""
        if kind is RefusalKind.PARAMETER:
            return [parameter.name for parameter in request.parameters]
        if kind is RefusalKind.TABLE:
            return self._list_tables(found, guarded)
        if kind is RefusalKind.COLUMN:
            known = self._metadata.read_tables(guarded.tables)
            return [
                field.name for table in known if isinstance(table, TableMetadata) for field in table.fields
            ]
        return []

    def _list_tables(self, found: Lexeme, guarded: GuardedQuery) -> list[str]:
        name = found.text.strip("`").rpartition(".")[2]
        table = next((one for one in guarded.tables if one.table == name), None)
        if table is None:
            return []
        listed = self._metadata.list_tables(table.project, table.dataset, _MAX_TABLES)
        # What is refused stays refused; only the suggestion is missing.
        return [] if isinstance(listed, AlmanacError) else [one.table.table for one in listed]


def _find_name(sql: str, name: str) -> Lexeme | None:
    """The first place in the SQL that reads as `name`, or as its last part."""
    wanted = name.lower().split(".")
    for lexeme in read_lexemes(sql).lexemes:
        written = lexeme.text.strip("`").lower()
        if lexeme.kind in ("word", "quoted") and written.rpartition(".")[2] == wanted[-1]:
            return lexeme
    return None


def _find_near(name: str, known: Iterable[str]) -> str | None:
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None
