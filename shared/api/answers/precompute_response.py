"""The answer of `/precompute`: one report at the end, or progress as it happens."""

from collections.abc import Generator
from contextlib import closing
from typing import Literal

import flask
from pydantic import BaseModel, RootModel

from shared.api.answers.ndjson import NDJSON_TYPE, DoneLine, ErrorLine, build_ndjson_response
from shared.api.call import Call
from shared.api.responses import Reply
from shared.errors import WarehouseTimeoutError
from shared.precompute.refresh.models import DashboardRefresh, QueryEvent, RefreshEvent, StillRunning
from shared.schemas.precompute import DashboardRefreshModel, PrecomputeResponse, QueryRefreshModel


class QueryLine(BaseModel):
    """A query is done; there will be `total` such lines."""

    event: Literal["query"] = "query"
    slug: str
    total: int
    refresh: QueryRefreshModel


class DashboardLine(BaseModel):
    """A dashboard is assembled."""

    event: Literal["dashboard"] = "dashboard"
    refresh: DashboardRefreshModel


class RunningLine(BaseModel):
    """Nothing was done for some seconds; jobs go on. Who leaves the stream stops them."""

    event: Literal["running"] = "running"


class ProgressLine(RootModel[QueryLine | DashboardLine | RunningLine | DoneLine | ErrorLine]):
    """Each line of the stream is one of these; `done` or `error` is the last."""


def build_precompute_response(call: Call, events: Generator[RefreshEvent]) -> Reply | flask.Response:
    """All reports together; for who accepts `application/x-ndjson` one `ProgressLine` per event."""
    watched = _add_up(call, events)
    if call.prefers(NDJSON_TYPE):
        return build_ndjson_response(call, _describe_all(watched))
    with closing(_stop_when_gone(call, watched)) as heard:
        refreshes = [event for event in heard if isinstance(event, DashboardRefresh)]
    return Reply(PrecomputeResponse.from_refreshes(refreshes))


def _add_up(call: Call, events: Generator[RefreshEvent]) -> Generator[RefreshEvent]:
    with closing(events):
        for event in events:
            if isinstance(event, QueryEvent):
                call.bytes_billed += event.refresh.receipt.bytes_settled
            yield event


def _stop_when_gone(call: Call, events: Generator[RefreshEvent]) -> Generator[RefreshEvent]:
    """The events, until nobody waits for their end: closing them then cancels what runs."""
    with closing(events):
        for event in events:
            if call.is_gone():
                raise WarehouseTimeoutError(
                    "The client left before the refresh was done; its jobs are cancelled."
                )
            yield event


def _describe_all(events: Generator[RefreshEvent]) -> Generator[BaseModel]:
    with closing(events):
        for event in events:
            yield _describe(event)


def _describe(event: RefreshEvent) -> QueryLine | DashboardLine | RunningLine:
    if isinstance(event, StillRunning):
        return RunningLine()
    if isinstance(event, QueryEvent):
        refresh = QueryRefreshModel.model_validate(event.refresh)
        return QueryLine(slug=event.slug, total=event.total, refresh=refresh)
    return DashboardLine(refresh=DashboardRefreshModel.model_validate(event))
