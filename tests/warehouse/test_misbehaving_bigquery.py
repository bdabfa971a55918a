"""What becomes of a query, its job and its reservation when BigQuery's API fails."""

import copy
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from deploy.local.alone.bigquery import BigQueryServer
from shared.container import Container
from shared.errors import (
    AlmanacError,
    ErrorCode,
    WarehouseTimeoutError,
    WarehouseUnavailableError,
)
from shared.settings import Settings
from shared.warehouse.models.queries import QueryOutcome, QueryRequest
from tests.fixtures.containers import restart_with
from tests.warehouse.google_shape import GoogleShape
from tests.warehouse.misbehaving import MisbehavingServer
from tests.warehouse.test_queries import make_request

BILLED = 10 * 2**20
_next_id = iter(range(10_000, 10**9))


@pytest.fixture
def server(bigquery: BigQueryServer) -> Iterator[MisbehavingServer]:
    """Between the service and BigQuery as Google plays it."""
    shape = GoogleShape()
    with MisbehavingServer(bigquery.endpoint, shape).running() as running:
        yield running
    assert shape.faults == []


@pytest.fixture
def behind(settings: Settings, server: MisbehavingServer) -> Iterator[Container]:
    """A container that reaches BigQuery through the server."""
    built = Container(
        copy.replace(
            settings,
            bigquery_endpoint=server.endpoint,
            warehouse_call_timeout_seconds=1.5,
            warehouse_metadata_timeout_seconds=1.0,
            warehouse_timeout_seconds=8.0,
            reservation_grace_seconds=0.5,
        )
    )
    yield built
    built.warehouse_clients.rest.close()
    built.database.dispose()


def new_query() -> QueryRequest:
    """One that no cache knows."""
    return make_request(f"SELECT MAX(id) AS top FROM people WHERE id < {next(_next_id)}")


def run(container: Container, request: QueryRequest) -> tuple[QueryOutcome | AlmanacError, float]:
    """The answer, and how many seconds it took."""
    began = time.monotonic()
    answer = container.warehouse.run_queries([request])[0]
    return answer, time.monotonic() - began


def read_user(container: Container) -> tuple[int, int]:
    """Bytes reserved and billed of the caller's budget."""
    state = container.budgets.read_states("ana@example.com", None, None)[0]
    return state.bytes_reserved, state.bytes_billed


@pytest.mark.parametrize(
    "fault",
    [
        *("503", "500", "502", "504", "503 backendError", "500 internalError", "403 rateLimitExceeded"),
        *("429 html", "502 html", "503 html", "504 html"),
    ],
)
@pytest.mark.parametrize("call", ["dry_run", "insert", "get", "results"])
def test_what_bigquery_documents_as_transient_is_tried_again(
    behind: Container, server: MisbehavingServer, bigquery: BigQueryServer, call: str, fault: str
) -> None:
    server.fail(call, fault)
    before = bigquery.count_jobs()
    answer, seconds = run(behind, new_query())
    assert isinstance(answer, QueryOutcome)
    assert answer.receipt.bytes_billed == BILLED
    assert bigquery.count_jobs() == before + 1
    assert read_user(behind) == (0, BILLED)
    assert seconds < 5


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("503", ErrorCode.WAREHOUSE_UNAVAILABLE),
        ("500 backendError", ErrorCode.WAREHOUSE_UNAVAILABLE),
        ("403 rateLimitExceeded", ErrorCode.RATE_LIMITED),
        ("hang", ErrorCode.WAREHOUSE_TIMEOUT),
    ],
)
def test_what_does_not_pass_is_given_up_within_seconds(
    behind: Container, server: MisbehavingServer, bigquery: BigQueryServer, fault: str, code: ErrorCode
) -> None:
    server.fail("dry_run", *[fault] * 100)
    before = bigquery.count_jobs()
    answer, seconds = run(behind, new_query())
    assert isinstance(answer, AlmanacError)
    assert answer.code is code
    assert seconds < 6
    assert bigquery.count_jobs() == before
    assert read_user(behind) == (0, 0)


def test_a_dry_run_that_is_only_slow_is_asked_for_once_more(
    behind: Container, server: MisbehavingServer
) -> None:
    server.fail("dry_run", "hang")
    answer, _ = run(behind, new_query())
    assert isinstance(answer, QueryOutcome)
    assert (server.count("dry_run"), server.count("other")) == (2, 1)


def test_silence_is_met_once_and_what_else_is_planned_fails_at_once(
    behind: Container, server: MisbehavingServer
) -> None:
    for call in ("dry_run", "other"):
        server.fail(call, *["hang"] * 100)
    behind = restart_with(behind, warehouse_parallelism=2)
    began = time.monotonic()
    answers = behind.warehouse.run_queries([new_query() for _ in range(12)])
    assert time.monotonic() - began < 5
    codes = [answer.code for answer in answers if isinstance(answer, AlmanacError)]
    assert codes == [ErrorCode.WAREHOUSE_TIMEOUT] * 2 + [ErrorCode.WAREHOUSE_UNAVAILABLE] * 10
    assert server.count("dry_run") == 2
    for answer in answers:
        assert isinstance(answer, AlmanacError)
        assert answer.remediation == "Nothing was run and nothing billed. Try again in a moment."
        assert answer.retry_after_seconds == 5
    assert read_user(behind) == (0, 0)


@pytest.mark.parametrize("fault", ["403 quotaExceeded", "403 accessDenied", "400 invalidQuery"])
def test_what_is_not_transient_is_not_tried_again(
    behind: Container, server: MisbehavingServer, fault: str
) -> None:
    server.fail("insert", fault)
    answer, _ = run(behind, new_query())
    assert isinstance(answer, AlmanacError)
    assert server.count("insert") == 1
    assert read_user(behind) == (0, 0)


def test_a_refused_connection_is_unavailable_within_seconds(settings: Settings) -> None:
    container = Container(copy.replace(settings, bigquery_endpoint="http://127.0.0.1:9"))
    answer, seconds = run(container, new_query())
    assert isinstance(answer, WarehouseUnavailableError)
    assert seconds < 5
    container.warehouse_clients.rest.close()


def test_a_job_whose_answer_was_lost_is_ours_and_is_charged_once(
    behind: Container, server: MisbehavingServer, bigquery: BigQueryServer
) -> None:
    server.fail("insert", "lose")
    before = bigquery.count_jobs()
    answer, _ = run(behind, new_query())
    assert isinstance(answer, QueryOutcome)
    assert server.count("insert") == 2
    assert bigquery.count_jobs() == before + 1
    assert not answer.attached
    assert answer.receipt.bytes_billed == BILLED
    assert read_user(behind) == (0, BILLED)


def test_a_start_that_hangs_keeps_its_reservation_until_bigquery_can_be_asked(
    behind: Container, server: MisbehavingServer
) -> None:
    server.fail("insert", "hang")
    answer, seconds = run(behind, new_query())
    assert isinstance(answer, WarehouseTimeoutError)
    assert seconds < 6
    reserved, billed = read_user(behind)
    assert reserved > BILLED
    assert billed == 0
    now = behind.clock()
    behind.budgets._clock = lambda: now.replace(year=now.year + 1)
    server.fail("get", *["503"] * 100)
    assert behind.budgets.release_expired() == 0
    assert read_all(behind)[0] == reserved
    server.fail("get")
    behind.budgets._clock = lambda: now.replace(year=now.year + 2)
    assert behind.budgets.release_expired() == 1
    assert read_all(behind) == (0, 0)


def read_all(container: Container) -> tuple[int, int]:
    """Bytes reserved and billed of the environment, on whatever day."""
    with container.database.begin() as uow:
        now = Container(container.settings).budgets.today()
        state = uow.reservations.read_states(container.budgets.list_lines("-", None, None), now)[1]
    return state.bytes_reserved, state.bytes_billed


def test_a_poll_that_fails_for_longer_than_a_call_may_take_leaves_the_job_running(
    behind: Container, server: MisbehavingServer, bigquery: BigQueryServer
) -> None:
    server.fail("insert", None)
    server.fail("get", *["503"] * 6)  # three seconds of tries are not enough for so many
    before = bigquery.count_jobs()
    answer, _ = run(behind, new_query())
    assert isinstance(answer, QueryOutcome)
    assert server.count("cancel") == 0
    assert bigquery.count_jobs() == before + 1
    assert read_user(behind) == (0, BILLED)


@pytest.mark.parametrize("reason", ["backendError", "internalError", "jobBackendError", "jobInternalError"])
def test_a_job_that_failed_inside_google_is_tried_once_more_under_a_new_id(
    behind: Container, server: MisbehavingServer, bigquery: BigQueryServer, reason: str
) -> None:
    server.fail("insert", f"job {reason}")
    before = bigquery.count_jobs()
    answer, _ = run(behind, copy.replace(new_query(), fingerprint=uuid4().hex * 2))
    assert isinstance(answer, QueryOutcome)
    assert server.count("insert") == 2
    assert answer.job.job_id.endswith("_1")
    # The fault was put over a job that the emulator had run and billed; the second is answered from the cache. What
    # the first cost is settled with the reservation of both.
    assert answer.receipt.cache_hit
    assert answer.receipt.bytes_billed == BILLED
    assert bigquery.count_jobs() == before + 1
    assert read_user(behind) == (0, BILLED)


@pytest.mark.parametrize("found_out", ["asking for it", "reading it"])
def test_an_attached_job_whose_result_was_deleted_early_is_run_once_more_under_a_new_id(
    behind: Container, server: MisbehavingServer, found_out: str
) -> None:
    request = copy.replace(new_query(), fingerprint=uuid4().hex * 2)
    first, _ = run(behind, request)
    assert isinstance(first, QueryOutcome)
    gone = "404 notFound Not found: Table local:_0f3c.anon1"
    server.fail("results", *([None] if found_out == "reading it" else []), gone)
    began = server.count("insert")
    second, _ = run(behind, request)
    assert isinstance(second, QueryOutcome)
    assert not second.attached
    assert (first.job.job_id[-2:], second.job.job_id[-2:]) == ("_0", "_1")
    assert server.count("insert") == began + 2
    assert second.result.table == first.result.table
    assert read_user(behind) == (0, BILLED + (second.receipt.bytes_billed or 0))


def test_a_result_that_is_lost_to_who_ran_the_job_is_not_paid_for_twice(
    behind: Container, server: MisbehavingServer
) -> None:
    server.fail("results", None, "404 notFound Not found: Table local:_0f3c.anon1")
    answer, _ = run(behind, new_query())
    assert isinstance(answer, AlmanacError)
    assert server.count("insert") == 1
    assert read_user(behind) == (0, BILLED)


def test_a_job_that_fails_inside_google_twice_is_given_up_and_settled(
    behind: Container, server: MisbehavingServer
) -> None:
    server.fail("insert", "job backendError", "job backendError", "job backendError")
    answer, _ = run(behind, new_query())
    assert isinstance(answer, WarehouseUnavailableError)
    assert answer.message.startswith("BigQuery failed, not the query: ")
    assert server.count("insert") == 2
    assert read_user(behind) == (0, BILLED)  # the second was answered from the cache


@pytest.mark.parametrize("reason", ["invalidQuery", "resourcesExceeded", "responseTooLarge", "stopped"])
def test_a_job_that_failed_for_the_querys_sake_is_not_tried_again(
    behind: Container, server: MisbehavingServer, reason: str
) -> None:
    server.fail("insert", f"job {reason}")
    answer, _ = run(behind, new_query())
    assert isinstance(answer, AlmanacError)
    assert server.count("insert") == 1


def test_a_hang_while_waiting_ends_within_the_deadline_and_is_settled_or_left_open(
    behind: Container, server: MisbehavingServer
) -> None:
    server.fail("get", *["hang"] * 3)
    answer, seconds = run(behind, make_request(SLOW.format(next(_next_id))))
    assert isinstance(answer, WarehouseTimeoutError)
    assert server.count("cancel") == 1
    assert seconds < 12


SLOW = (
    "SELECT COUNT(*) AS n FROM people, UNNEST(GENERATE_ARRAY(1, 6000)) AS a, UNNEST(GENERATE_ARRAY(1, 3000)) AS b "
    "WHERE MOD(a * b + id, 7) = 3 AND id < {}"
)
"""Takes the emulator about a minute, unless it is stopped."""


def test_a_query_that_takes_too_long_is_cancelled_and_settled(
    behind: Container, server: MisbehavingServer
) -> None:
    behind = restart_with(behind, warehouse_timeout_seconds=2.0)
    answer, seconds = run(behind, make_request(SLOW.format(next(_next_id))))
    assert isinstance(answer, WarehouseTimeoutError)
    assert "2 s" in answer.message
    assert server.count("cancel") == 1
    assert 2 <= seconds < 8
    assert read_user(behind) == (0, BILLED)  # BigQuery may charge a cancelled job in full


def test_leaving_cancels_what_runs_and_starts_nothing_more(
    behind: Container, server: MisbehavingServer
) -> None:
    behind = restart_with(behind, warehouse_parallelism=1)
    answers = behind.warehouse.iterate_queries(
        [make_request(SLOW.format(next(_next_id))), new_query(), new_query()], tick_seconds=0.05
    )
    while server.count("insert") == 0:
        assert next(answers) is None
    began = time.monotonic()
    answers.close()
    assert time.monotonic() - began < 6
    assert server.count("insert") == 1
    assert server.count("cancel") >= 1
    assert read_user(behind) == (0, BILLED)


def test_a_job_this_account_may_not_read_keeps_its_reservation_and_is_logged(
    behind: Container, server: MisbehavingServer, caplog: pytest.LogCaptureFixture
) -> None:
    answer, _ = run(behind, new_query())
    assert isinstance(answer, QueryOutcome)
    server.fail("get", "403 accessDenied")
    assert behind.job_runner.find_bill(answer.job.job_id, uuid4()) is None
    assert f"Job {answer.job.job_id} could not be read, its cost stays reserved: out of order" in caplog.text
