"""Bytes that BigQuery does not tell are unknown, and the budget is charged what was reserved."""

import copy

import pytest

from shared.container import Container
from shared.database.repositories.cost_report import CostGrouping
from shared.errors import BudgetExceededError, SqlInvalidError
from shared.warehouse.models.bill import Accuracy
from shared.warehouse.spending.costs import CostSearch
from tests.warehouse.misbehaving import MisbehavingServer
from tests.warehouse.test_queries import dry_run_one, make_request, run_one

CAP = 40 * 2**20
BILLED = 10 * 2**20
SQL = "SELECT MAX(id) AS top FROM people WHERE name != 'hidden {}'"


def read_user(container: Container) -> tuple[int, int]:
    state = container.budgets.read_states("ana@example.com", None, None)[0]
    return state.bytes_reserved, state.bytes_billed


def read_sums(container: Container) -> tuple[int, int, int]:
    search = CostSearch((CostGrouping.USER,), None, None, 1, 10)
    sums = container.costs.read_report(search, actor="ana@example.com", sees_everyone=True).costs.totals
    return sums.bytes_billed, sums.bytes_settled, sums.unknown


def test_a_table_with_row_level_security_reserves_and_settles_the_whole_cap(
    at_google: Container, google: MisbehavingServer
) -> None:
    assert google.shape is not None
    google.shape.hides_bytes = True
    request = make_request(SQL.format(1), max_bytes_billed=CAP)
    plan = dry_run_one(at_google, request)
    assert (plan.bytes_estimated, plan.accuracy) == (None, Accuracy.UNKNOWN)
    assert (plan.bytes_billed_expected, plan.bytes_billed_max) == (None, CAP)
    receipt = run_one(at_google, request).receipt
    assert (receipt.bytes_estimated, receipt.bytes_billed, receipt.bytes_settled) == (None, None, CAP)
    assert (receipt.usd_estimated, receipt.usd_billed) == (None, None)
    assert read_user(at_google) == (0, CAP)
    assert read_sums(at_google) == (0, CAP, 1)


def test_hidden_bytes_cannot_spend_beyond_the_budget(at_google: Container, google: MisbehavingServer) -> None:
    assert google.shape is not None
    google.shape.hides_bytes = True
    limited = Container(copy.replace(at_google.settings, max_bytes_per_user_day=2 * CAP + BILLED))
    for number in range(2):
        run_one(limited, make_request(SQL.format(10 + number), max_bytes_billed=CAP))
    with pytest.raises(BudgetExceededError):
        run_one(limited, make_request(SQL.format(12), max_bytes_billed=CAP))
    limited.database.dispose()


@pytest.mark.parametrize("accuracy", ["LOWER_BOUND", "UNKNOWN"])
def test_an_estimate_that_is_no_bound_reserves_the_cap_and_settles_what_is_billed(
    at_google: Container, google: MisbehavingServer, accuracy: str
) -> None:
    assert google.shape is not None
    google.shape.accuracy = accuracy
    request = make_request(SQL.format(accuracy), max_bytes_billed=CAP)
    plan = dry_run_one(at_google, request)
    assert plan.accuracy is Accuracy(accuracy)
    assert (plan.bytes_estimated is None) is (accuracy == "UNKNOWN")
    assert plan.bytes_billed_max == CAP
    receipt = run_one(at_google, request).receipt
    assert (receipt.estimate_accuracy, receipt.bytes_billed) == (Accuracy(accuracy), BILLED)
    assert read_user(at_google) == (0, BILLED)


def test_a_name_bigquery_does_not_know_keeps_its_place_and_what_was_meant(at_google: Container) -> None:
    with pytest.raises(SqlInvalidError) as caught:
        run_one(at_google, make_request("SELECT id,\n  nmae FROM people"))
    (detail,) = caught.value.details
    assert (detail["line"], detail["column"], detail["suggestion"]) == (2, 3, "name")
    assert caught.value.remediation == "Did you mean name?"
