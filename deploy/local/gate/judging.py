"""What is to be done with a query: run it, answer it from the cache, or refuse it."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from deploy.local.gate.accounting.estimating import Estimator
from deploy.local.gate.accounting.query_cache import QueryCache
from deploy.local.gate.billing import Accuracy, Outcome, Receipt
from deploy.local.gate.errors import GateError
from deploy.local.gate.reading.outputs import check_names, list_names

_INVALID = Receipt(Outcome.EXECUTED, 0, 0, Accuracy.UPPER_BOUND)


@dataclass(frozen=True)
class Verdict:
    """What to do with a query: its receipt, where its result is filed, why it is refused."""

    receipt: Receipt
    cache_key: str | None = None
    refusal: str | None = None


class Judge:
    """Estimates queries and holds them against their caps."""

    def __init__(self, estimator: Estimator, cache: QueryCache) -> None:
        self._estimator = estimator
        self._cache = cache

    async def judge(self, project: str, query: Mapping[str, Any], *, dry_run: bool) -> Verdict:
        """The verdict on a query configuration. Raises GateError when its cap is no number, and where BigQuery refuses
        what the emulator would run: names of columns, a table that asks for a filter.

        A dry run is never refused; an invalid query is left to the emulator, which says what is wrong.
        """
        limit = 0 if dry_run else _read_limit(query)
        analysis = await self._estimator.analyse(project, query)
        if analysis is None:
            return Verdict(_INVALID)
        check_names(list_names(analysis.tree))
        estimate = await self._estimator.estimate(analysis)
        about = (estimate.accuracy, estimate.referenced)
        key = self._cache.key(project, query, analysis.tree, analysis.sources) if analysis.tree else None
        if key is not None and await self._cache.has(key):
            return Verdict(Receipt(Outcome.CACHED, 0, 0, *about))
        if limit and estimate.billed > limit:
            message = f"Query exceeded limit for bytes billed: {limit}. {estimate.billed} or higher required."
            return Verdict(Receipt(Outcome.REFUSED, 0, 0, *about), refusal=message)
        return Verdict(Receipt(Outcome.EXECUTED, estimate.processed, estimate.billed, *about), cache_key=key)


def _read_limit(query: Mapping[str, Any]) -> int:
    """maximumBytesBilled, 0 for none. Raises GateError for what is not a number of bytes."""
    given = query.get("maximumBytesBilled") or "0"
    if not str(given).isdecimal():
        message = f"Invalid value for maximumBytesBilled: {given}"
        raise GateError(HTTPStatus.BAD_REQUEST, "invalid", message)
    return int(given)
