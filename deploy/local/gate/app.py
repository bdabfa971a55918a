"""The gate as an ASGI application."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from deploy.local.gate.accounting.estimating import Estimator
from deploy.local.gate.accounting.measuring import Measurer
from deploy.local.gate.accounting.query_cache import QueryCache
from deploy.local.gate.catalog import Catalog
from deploy.local.gate.changes import Changes
from deploy.local.gate.errors import GateError, answer_error, answer_fault
from deploy.local.gate.job_timeouts import JobTimeouts
from deploy.local.gate.jobs import Jobs
from deploy.local.gate.judging import Judge
from deploy.local.gate.ledger import Ledger
from deploy.local.gate.limits.asking import Analyser
from deploy.local.gate.limits.explaining import Explainer
from deploy.local.gate.resources import Resources
from deploy.local.gate.upstream import API, Upstream
from deploy.local.gate.zoning import Zones

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_JOBS = API + "/projects/{project}/jobs"
_QUERIES = API + "/projects/{project}/queries"
_DATASET = API + "/projects/{project}/datasets/{dataset}"
_TABLE = _DATASET + "/tables/{table}"


def create_app() -> Starlette:
    """The gate before the emulator at GATE_EMULATOR_URL, remembering in the folder GATE_STATE_DIR.

    GATE_ANALYSER_DIR, where it is set, is the folder of Google's analyser.
    """
    upstream = Upstream(os.environ["GATE_EMULATOR_URL"])
    state_dir = Path(os.environ["GATE_STATE_DIR"])
    state_dir.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(state_dir / "gate.sqlite")
    timeouts = JobTimeouts(upstream)
    analyser_dir = os.environ.get("GATE_ANALYSER_DIR")
    analyser = Analyser(Path(analyser_dir)) if analyser_dir else None

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        timeouts.close()
        if analyser is not None:
            await analyser.close()
        await upstream.close()
        ledger.close()

    return Starlette(
        routes=_routes(upstream, ledger, timeouts, analyser),
        lifespan=lifespan,
        exception_handlers={GateError: answer_error, Exception: answer_fault},
    )


def _routes(
    upstream: Upstream, ledger: Ledger, timeouts: JobTimeouts, analyser: Analyser | None
) -> list[Route]:
    changes = Changes(upstream, ledger)
    catalog = Catalog(upstream, ledger, changes)
    judge = Judge(Estimator(upstream, catalog, Measurer(upstream)), QueryCache(upstream, ledger))
    explainer = Explainer(upstream, catalog, analyser)
    jobs = Jobs(upstream, ledger, changes, judge, timeouts, explainer, Zones(catalog))
    resources = Resources(upstream, ledger, changes)
    return [
        Route("/gate/jobs", jobs.summary),
        Route(_JOBS, jobs.list, methods=["GET"]),
        Route(_JOBS, jobs.insert, methods=["POST"]),
        Route(_JOBS + "/{job}", jobs.get, methods=["GET"]),
        Route(_JOBS + "/{job}/cancel", jobs.get, methods=["POST"]),
        Route(_QUERIES, jobs.query, methods=["POST"]),
        Route(_QUERIES + "/{job}", jobs.results, methods=["GET"]),
        Route("/upload" + _JOBS, jobs.upload, methods=["POST", "PUT"]),
        Route(_DATASET, resources.delete_dataset, methods=["DELETE"]),
        Route(_DATASET + "/tables", resources.list_tables, methods=["GET"]),
        Route(_TABLE, resources.get_table, methods=["GET"]),
        Route(_TABLE, resources.change_table, methods=["PUT", "PATCH", "DELETE"]),
        Route(_TABLE + "/insertAll", resources.change_table, methods=["POST"]),
        Route("/{path:path}", upstream.stream, methods=_METHODS),
    ]
