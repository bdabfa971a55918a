"""Who pays for a query that several dashboards of a refresh share."""

from typing import cast

import pytest

from shared.dashboards.plans.expansion import QueryUnit
from shared.errors import (
    AlmanacError,
    BudgetExceededError,
    BytesLimitExceededError,
    FailedJob,
    WarehouseTimeoutError,
)
from shared.precompute.refresh.planning import DashboardRun, RefreshTask


def refuse(*scopes: str) -> BudgetExceededError:
    return BudgetExceededError("full", details=[{"scope": scope, "refused": True} for scope in scopes])


def make_task() -> RefreshTask:
    runs = [cast("DashboardRun", object()) for _ in range(2)]
    return RefreshTask("f" * 64, [(run, cast("QueryUnit", object())) for run in runs])


@pytest.mark.parametrize(
    "error",
    [refuse("refresh"), refuse("dashboard"), refuse("refresh", "dashboard"), BytesLimitExceededError("cap")],
)
def test_the_next_dashboard_pays_when_only_the_first_ones_bounds_refuse(error: AlmanacError):
    task = make_task()
    first, second = (run for run, _ in task.uses)
    assert task.payer is first
    assert task.pass_on(error)
    assert task.payer is second
    assert not task.pass_on(error)
    assert task.payer is second


def test_nobody_else_is_asked_when_it_would_not_help():
    sent = BytesLimitExceededError("BigQuery's own")
    sent.failed_job = FailedJob("j", 1, 0, 0, 0)
    for error in (refuse("user"), refuse("dashboard", "environment"), WarehouseTimeoutError("late"), sent):
        assert not make_task().pass_on(error)
