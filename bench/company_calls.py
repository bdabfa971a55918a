"""The calls of bench/company.py, by whichever state of the code PYTHONPATH names: prints milliseconds as JSON."""

import json
import sys
import time
from collections.abc import Callable

from pydantic import BaseModel

from shared.container import Container
from shared.schemas.costs import CostQuery, CostResponse
from shared.schemas.lineage import LineageResponse
from shared.schemas.paging import DashboardListQuery
from shared.schemas.saved_dashboards import DashboardListResponse
from shared.settings import Settings

ROUNDS = 5
SLOW_MS = 2000
"""Of a call that takes longer than that, one time is enough."""


def main(table: str) -> None:
    """Measure each call."""
    container = Container(Settings())
    calls: dict[str, Callable[[], object]] = {
        "`GET /lineage?table=`": lambda: _read_lineage(container, table, None),
        "`GET /lineage?table=&column=`": lambda: _read_lineage(container, table, "dep_delay"),
        "`GET /dashboards`": lambda: _list(container),
        "`GET /dashboards?q=`": lambda: _list(container, q="dashboard 7"),
        "`GET /costs`": lambda: _report(container),
        "`GET /costs?by=dashboard`": lambda: _report(container, by="dashboard"),
        "`GET /dashboards/drift`": container.drift.find_drift,
        "what is due, none": lambda: container.precompute.choose_slugs([], due_only=True),
    }
    print(json.dumps({name: _measure(call) for name, call in calls.items()}))


def _measure(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        answer = call()
        if isinstance(answer, BaseModel):
            answer.model_dump_json()
        best = min(best, (time.perf_counter() - started) * 1000)
        if best > SLOW_MS:
            break
    return best


def _read_lineage(container: Container, table: str, column: str | None) -> BaseModel:
    service = container.lineage
    if not hasattr(service, "read_impact"):
        return LineageResponse.from_graph(service.find_by_table(table, column))
    from shared.schemas.lineage import LineageImpactResponse

    return LineageImpactResponse.from_impact(service.read_impact(table, column))


def _list(container: Container, **query: str) -> BaseModel:
    found = container.saved_dashboards.search(DashboardListQuery(**query))
    return DashboardListResponse.from_listing(found)


def _report(container: Container, **query: str) -> BaseModel:
    search = CostQuery.model_validate(query).to_search()
    report = container.costs.read_report(search, actor="bench@example.com", sees_everyone=True)
    return CostResponse.from_report(report, container.settings.usd_per_tib)


if __name__ == "__main__":
    main(sys.argv[1])
