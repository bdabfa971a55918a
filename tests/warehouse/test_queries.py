"""Queries through Google's own client to the emulator behind the metering gate."""

import datetime
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.alone.bigquery import BigQueryServer
from shared.container import Container
from shared.database.models.runs import RunStatus
from shared.errors import (
    AlmanacError,
    BudgetExceededError,
    BytesLimitExceededError,
    SqlInvalidError,
    SqlNotAllowedError,
    TableNotAllowedError,
    WarehouseTimeoutError,
)
from shared.warehouse.bigquery.job_parts import make_labels
from shared.warehouse.bigquery.jobs import make_job_id
from shared.warehouse.models.queries import DryRun, QueryOutcome, QueryParameter, QueryRequest
from shared.warehouse.spending.run_log import QueryRunLog
from tests.fixtures.containers import restart_with
from tests.fixtures.warehouse import ROW_COUNT

MB = 10**6


def run_one(container: Container, request: QueryRequest) -> QueryOutcome:
    answer = container.warehouse.run_queries([request])[0]
    if isinstance(answer, AlmanacError):
        raise answer
    return answer


def dry_run_one(container: Container, request: QueryRequest) -> DryRun:
    answer = container.warehouse.dry_run_queries([request])[0]
    if isinstance(answer, AlmanacError):
        raise answer
    return answer


def make_request(sql: str, **changes: object) -> QueryRequest:
    return replace(QueryRequest(sql, default_dataset="shop", actor="ana@example.com"), **changes)


class TestDryRun:
    def test_reports_bytes_schema_and_tables_and_runs_nothing(
        self, warehouse: Container, bigquery: BigQueryServer, people_table: str
    ) -> None:
        before = bigquery.count_jobs()
        plan = dry_run_one(warehouse, make_request("SELECT id FROM people"))
        assert plan.bytes_estimated == ROW_COUNT * 8
        assert [(field.name, field.type) for field in plan.fields] == [("id", "INT64")]
        assert [str(table) for table in plan.referenced_tables] == [people_table]
        assert bigquery.count_jobs() == before

    def test_reads_only_the_partitions_that_match(self, warehouse: Container) -> None:
        sql = "SELECT id FROM people WHERE day = @day"
        parameter = QueryParameter("day", "DATE", "2024-01-01")
        plan = dry_run_one(warehouse, make_request(sql, parameters=(parameter,)))
        one_day = len([index for index in range(ROW_COUNT) if index % 28 == 0])
        assert plan.bytes_estimated == one_day * (8 + 8)

    def test_answers_in_input_order_with_errors_in_their_places(self, warehouse: Container) -> None:
        answers = warehouse.warehouse.dry_run_queries(
            [
                make_request("SELECT 1 AS one"),
                make_request("DROP TABLE people"),
                make_request("SELECT 2 AS two"),
            ]
        )
        assert isinstance(answers[1], SqlNotAllowedError)
        names = [answer.fields[0].name for answer in answers if isinstance(answer, DryRun)]
        assert names == ["one", "two"]


class TestRun:
    def test_returns_rows_in_the_order_of_the_query_with_a_receipt(self, warehouse: Container) -> None:
        outcome = run_one(warehouse, make_request("SELECT id, name FROM people ORDER BY id DESC", max_rows=3))
        assert outcome.result.table.to_pydict()["id"] == [499, 498, 497]
        assert outcome.result.total_rows == ROW_COUNT
        assert outcome.result.truncated
        assert outcome.receipt.bytes_billed == 10 * 2**20

    def test_reads_large_results_by_the_storage_read_api_in_order(self, warehouse: Container) -> None:
        warehouse = restart_with(warehouse, storage_read_min_rows=100)
        outcome = run_one(warehouse, make_request("SELECT id FROM people ORDER BY id", max_rows=400))
        assert outcome.result.read_by == "storage_read"
        assert outcome.result.table.column("id").to_pylist() == list(range(400))

    def test_binds_typed_parameters(self, warehouse: Container) -> None:
        sql = "SELECT COUNT(*) AS n FROM people WHERE id IN UNNEST(@ids) AND day >= @since AND name != @evil"
        parameters = (
            QueryParameter("ids", "ARRAY<INT64>", [1, 2, 30]),
            QueryParameter("since", "DATE", "2024-01-03"),
            QueryParameter("evil", "STRING", "' OR TRUE --"),
        )
        outcome = run_one(warehouse, make_request(sql, parameters=parameters))
        assert outcome.result.table.to_pydict()["n"] == [2]

    def test_serves_a_repeated_query_from_the_cache_of_bigquery_for_nothing(
        self, warehouse: Container
    ) -> None:
        request = make_request("SELECT MAX(id) AS top FROM people")
        assert not run_one(warehouse, request).receipt.cache_hit
        again = run_one(warehouse, request)
        assert again.receipt.cache_hit
        assert again.receipt.bytes_billed == 0
        assert again.receipt.bytes_saved == 10 * 2**20 > again.receipt.bytes_estimated > 0

    def test_a_result_without_rows_keeps_its_columns(self, warehouse: Container) -> None:
        outcome = run_one(warehouse, make_request("SELECT id, day FROM people WHERE id < 0"))
        assert outcome.result.table.num_rows == 0
        assert outcome.result.table.column_names == ["id", "day"]

    def test_leaves_a_row_in_query_runs(self, warehouse: Container) -> None:
        outcome = run_one(
            warehouse, make_request("SELECT MIN(id) AS low FROM people", fingerprint="ab" * 32, attempt=1)
        )
        with warehouse.database.begin() as uow:
            assert uow.query_runs.find_last_attempts(["ab" * 32]) == {"ab" * 32: 1}
        assert outcome.job.job_id.startswith(f"almanac_{warehouse.settings.environment}_abababab")
        assert outcome.job.started_at is not None
        assert outcome.job.started_at.tzinfo is datetime.UTC

    def test_a_second_worker_attaches_to_the_same_job_and_pays_nothing(
        self, warehouse: Container, bigquery: BigQueryServer
    ) -> None:
        request = make_request("SELECT SUM(id) AS total FROM people", fingerprint="cd" * 32, attempt=1)
        before = bigquery.count_jobs()
        first, second = run_one(warehouse, request), run_one(warehouse, request)
        assert first.job.job_id == second.job.job_id
        assert bigquery.count_jobs() == before + 1
        assert (first.attached, second.attached) == (False, True)
        assert second.receipt.bytes_billed == 0


class TestRefusals:
    def test_what_reads_no_table_runs_also_when_nothing_is_left(self, warehouse: Container) -> None:
        warehouse = restart_with(warehouse, max_bytes_per_user_day=1)
        assert run_one(warehouse, make_request("SELECT 1 AS one")).receipt.bytes_billed == 0
        with pytest.raises(BudgetExceededError):
            run_one(warehouse, make_request("SELECT COUNT(*) AS n FROM people"))

    def test_a_cap_below_the_estimate_is_refused_before_anything_runs(
        self, warehouse: Container, bigquery: BigQueryServer
    ) -> None:
        before = bigquery.count_jobs()
        with pytest.raises(BytesLimitExceededError) as caught:
            run_one(warehouse, make_request("SELECT name FROM people", max_bytes_billed=100))
        assert caught.value.details[0]["cap_bytes"] == 100
        assert bigquery.count_jobs() == before

    def test_a_cap_below_what_the_estimate_is_billed_as_is_refused_with_the_cap_that_would_do(
        self, warehouse: Container, bigquery: BigQueryServer
    ) -> None:
        before = bigquery.count_jobs()
        with pytest.raises(BytesLimitExceededError) as caught:
            run_one(warehouse, make_request("SELECT name FROM people WHERE id > 8", max_bytes_billed=10 * MB))
        assert caught.value.details == [{"cap_bytes": 10 * MB, "required_bytes": 10 * 2**20}]
        assert caught.value.remediation == "Raise the cap to 10485760 bytes or more."
        assert bigquery.count_jobs() == before
        run_one(warehouse, make_request("SELECT name FROM people WHERE id > 8", max_bytes_billed=10 * 2**20))

    def test_bigquery_itself_enforces_the_cap_that_the_estimate_does_not_reach(
        self, warehouse: Container
    ) -> None:
        request = make_request("SELECT name FROM people")
        labels = make_labels(request, warehouse.settings, uuid4())
        job_id = make_job_id(request, warehouse.settings.environment)
        started = warehouse.job_runner.start(request, job_id, MB, labels)
        assert started is not None
        with pytest.raises(BytesLimitExceededError) as caught:
            warehouse.job_runner.wait(started)
        assert caught.value.details[0]["required_bytes"] == 10 * 2**20

    def test_a_refused_run_leaves_no_reservation(self, warehouse: Container) -> None:
        with pytest.raises(SqlInvalidError):
            run_one(warehouse, make_request("SELECT 1 / (id - id) FROM people"))
        states = warehouse.budgets.read_states("ana@example.com", None, None)
        assert [(state.bytes_reserved, state.bytes_billed) for state in states] == [(0, 0), (0, 0)]

    def test_nothing_is_started_on_a_reservation_that_ran_out(
        self, warehouse: Container, bigquery: BigQueryServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its bytes may have gone back to the budget already, and be somebody else's."""
        settings = warehouse.settings
        late = datetime.timedelta()
        warehouse.clock = lambda: datetime.datetime.now(datetime.UTC) + late
        start = QueryRunLog.start

        def start_slowly(log: QueryRunLog, *arguments: Any) -> Any:
            nonlocal late
            lifetime = settings.warehouse_timeout_seconds + settings.reservation_grace_seconds
            late = datetime.timedelta(seconds=lifetime + 1)
            return start(log, *arguments)

        monkeypatch.setattr(QueryRunLog, "start", start_slowly)
        before = bigquery.count_jobs()
        with pytest.raises(WarehouseTimeoutError, match="nothing ran"):
            run_one(warehouse, make_request("SELECT id FROM people"))
        assert bigquery.count_jobs() == before
        states = warehouse.budgets.read_states("ana@example.com", None, None)
        assert [(state.bytes_reserved, state.bytes_billed) for state in states] == [(0, 0), (0, 0)]

    def test_the_budget_of_a_user_is_refused_with_what_is_left(self, warehouse: Container) -> None:
        warehouse = restart_with(warehouse, max_bytes_per_user_day=5 * MB)
        with pytest.raises(BudgetExceededError) as caught:
            run_one(warehouse, make_request("SELECT name FROM people"))
        line = next(one for one in caught.value.details if one["scope"] == "user")
        assert (line["limit_bytes"], line["used_bytes"], line["remaining_bytes"]) == (5 * MB, 0, 5 * MB)
        assert str(line["resets_at"]).endswith("T00:00:00+00:00")
        assert line["refused"]
        assert caught.value.retry_after_seconds is not None

    def test_billed_bytes_count_against_the_budget(self, warehouse: Container) -> None:
        run_one(warehouse, make_request("SELECT name FROM people WHERE id > 7"))
        states = warehouse.budgets.read_states("ana@example.com", None, None)
        assert {state.bytes_billed for state in states} == {10 * 2**20}

    @pytest.mark.parametrize(
        ("sql", "error"),
        [
            ("SELECT id FROM secret.salaries", TableNotAllowedError),
            ("DELETE FROM people WHERE TRUE", SqlNotAllowedError),
            ("SELECT 1; SELECT 2", SqlNotAllowedError),
            ("SELECT FROM WHERE", SqlInvalidError),
            ("SELECT nonsense FROM people", SqlInvalidError),
            ("SELECT 1 AS a FROM missing_table", SqlInvalidError),
            ("", SqlInvalidError),
        ],
    )
    def test_bad_sql_has_its_code_and_costs_nothing(
        self, warehouse: Container, bigquery: BigQueryServer, sql: str, error: type[AlmanacError]
    ) -> None:
        before = bigquery.count_jobs()
        with pytest.raises(error):
            run_one(warehouse, make_request(sql))
        assert bigquery.count_jobs() == before

    def test_a_failed_run_is_on_record(self, warehouse: Container) -> None:
        with pytest.raises(SqlInvalidError):
            run_one(
                warehouse, make_request("SELECT 1 / (id - id) FROM people", fingerprint="ef" * 32, attempt=1)
            )
        with warehouse.database.begin() as uow:
            assert uow.query_runs.find_last_attempts(["ef" * 32]) == {"ef" * 32: 1}
        assert RunStatus.FAILED.value == "failed"
