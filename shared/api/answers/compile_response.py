"""The answer of `/dashboards/compile`: how it failed, and progress, a line per dashboard as soon as it is planned."""

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Literal

from pydantic import BaseModel, RootModel

from shared.api.answers.ndjson import DoneLine, ErrorLine
from shared.dashboards.plans.plan import CompiledDashboard, report_late
from shared.errors import AlmanacError, ValidationFailedError
from shared.schemas.plans import CompileItem


class StartedLine(BaseModel):
    """The first line: how many dashboards there are to plan."""

    event: Literal["started"] = "started"
    dashboards: int


class PlanLine(BaseModel):
    """A dashboard is planned, or found invalid; `index` is its place in the request."""

    event: Literal["plan"] = "plan"
    index: int
    result: CompileItem


class CompileLine(RootModel[StartedLine | PlanLine | DoneLine | ErrorLine]):
    """Each line of the stream is one of these; `done` or `error` is the last."""


def describe_progress(
    count: int, compiled: Generator[CompiledDashboard], *, kept_prices: bool
) -> Generator[BaseModel]:
    """The lines for `count` dashboards; closing them closes `compiled`."""
    yield StartedLine(dashboards=count)
    with closing(compiled):
        for index, one in enumerate(compiled):
            yield PlanLine(index=index, result=CompileItem.from_compiled(one, kept_prices=kept_prices))


def describe_invalid(compiled: Sequence[CompiledDashboard]) -> AlmanacError | None:
    """The error of a compile in which a dashboard is invalid, or else not all is known; None without any."""
    names = list(
        dict.fromkeys(one.slug or one.path for one in compiled if not one.valid and not one.late_queries)
    )
    if not names:
        return report_late(compiled, "Not everything could be planned")
    return ValidationFailedError(
        f"Not valid: {', '.join(names)}.",
        remediation="Correct the diagnostics in data.results and send it again.",
    )
