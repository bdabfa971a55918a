"""What the emulator says against a query, in the words that BigQuery has for it, or as the emulator's own limit."""

import asyncio
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from deploy.local.analyser.errors import RefusedError
from deploy.local.gate.catalog import Catalog
from deploy.local.gate.errors import GateError
from deploy.local.gate.limits.asking import Analyser, UnansweredError
from deploy.local.gate.limits.questions import Written, analyse, read_single_query, resolve
from deploy.local.gate.reading.references import UnresolvedError
from deploy.local.gate.reading.rewriting import rewrite_query
from deploy.local.gate.tables import Table
from deploy.local.gate.upstream import API, Upstream

_ABOUT_TEXT = frozenset({"invalidQuery", "notFound", "notImplemented", "dontRetry"})
_NO_TABLE = "Not found: Table"  # may be an array that the emulator takes for a table
_UNKNOWN_FUNCTION = re.compile(r"(Table-valued f|F)unction not found")
_BEYOND_THE_ANALYSER = re.compile(r"not (supported|implemented|enabled)", re.IGNORECASE)
_KIND_OF_ERROR = re.compile(r"\b(?:[A-Z][a-z]+ Error|\w+(?:Error|Exception)): ?")
_INSIDE = re.compile(r"Internal error: ")
_SHOWS_ITS_PARTS = re.compile(r"<(?:class|Token|function|module)\b.*?(?P<place> at \[\d+:\d+\])?$", re.DOTALL)

logger = logging.getLogger(__name__)


class Explainer:
    """Asks Google's analyser about queries that the emulator has refused."""

    def __init__(self, upstream: Upstream, catalog: Catalog, analyser: Analyser | None) -> None:
        self._upstream = upstream
        self._catalog = catalog
        self._analyser = analyser

    async def explain(
        self, project: str, query: Mapping[str, Any], error: Mapping[str, Any]
    ) -> GateError | None:
        """What to answer instead of the emulator's `error` (an ErrorProto) about the text of a query; None: nothing."""
        reason, message = str(error.get("reason")), str(error.get("message"))
        if self._analyser is None or reason not in _ABOUT_TEXT:
            return None
        if reason == "notFound" and not message.startswith(_NO_TABLE):
            return None
        try:
            if not await self._analyse(self._analyser, project, query):
                return None
        except RefusedError as refused:
            return _take_refusal(str(refused), reason, message)
        except (UnansweredError, UnresolvedError) as unanswered:
            logger.debug("Google's analyser has no answer: %s", unanswered)
            return None
        words = f"BigQuery takes this query; the local emulator cannot run it: {_word_plainly(message)}"
        return GateError(HTTPStatus.BAD_REQUEST, "invalidQuery", words)

    async def explain_run(
        self, project: str, query: Mapping[str, Any], error: Mapping[str, Any]
    ) -> GateError | None:
        """The same for a query that has run: not where a dry run of it passes, as then its data is at fault."""
        if self._analyser is None or error.get("reason") not in _ABOUT_TEXT:
            return None
        text = await asyncio.to_thread(rewrite_query, query["query"]) or query["query"]
        body = {"configuration": {"dryRun": True, "query": {**query, "query": text}}}
        answer = await self._upstream.send("POST", f"{API}/projects/{project}/jobs", body=body)
        if answer.status_code == HTTPStatus.OK:
            return None
        return await self.explain(project, query, error)

    async def _analyse(self, analyser: Analyser, project: str, query: Mapping[str, Any]) -> bool:
        """True: accepted; False: nothing to ask about."""
        sql = read_single_query(query["query"])
        if sql is None:
            return False
        default = query.get("defaultDataset") or {}
        place = (default.get("projectId") or project, default.get("datasetId"))
        tables: dict[Written, tuple[Table, ...]] = {}
        for name in await analyser.ask(lambda client: client.list_tables(sql)):
            tables[name] = await self._catalog.find(resolve(name, *place))
            if not tables[name][-1].fields:
                raise UnresolvedError(f"{'.'.join(name)} has no columns")
        parameters = query.get("queryParameters") or ()
        await analyser.ask(lambda client: analyse(client, sql, tables, parameters))
        return True


def read_error(answer: httpx.Response) -> Mapping[str, Any]:
    """The first ErrorProto of an answer in BigQuery's error JSON; {} when it is none."""
    try:
        errors = answer.json()["error"]["errors"]
    except (ValueError, KeyError, TypeError):
        return {}
    first: Mapping[str, Any] = errors[0] if errors else {}
    return first


def _take_refusal(refusal: str, reason: str, message: str) -> GateError | None:
    """The analyser's words, but where it may be behind BigQuery, and where the emulator misses a table."""
    is_unknown_function = _UNKNOWN_FUNCTION.match(refusal) and not _UNKNOWN_FUNCTION.match(message)
    if reason == "notFound" or is_unknown_function or _BEYOND_THE_ANALYSER.search(refusal):
        return None
    return GateError(HTTPStatus.BAD_REQUEST, "invalidQuery", refusal)


def _word_plainly(message: str) -> str:
    """The emulator's message without the names of its parts' errors."""
    if _INSIDE.match(message):
        return "it fails inside"
    if parts := _SHOWS_ITS_PARTS.search(message):
        return f"it cannot read the text{parts['place'] or ''}"
    return _KIND_OF_ERROR.sub("", message)
