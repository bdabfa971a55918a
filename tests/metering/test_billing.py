"""From bytes processed to bytes billed, caps, failures."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import requests
from google.api_core.exceptions import BadRequest, ClientError, Conflict, InternalServerError
from google.cloud.bigquery import QueryJobConfig

from deploy.local.gate.billing import bill
from tests.metering.conftest import MB, TIMEOUT_SECONDS, Meter

LARGE_ROWS = 1_400_000
LARGE_BYTES = LARGE_ROWS * 8


@pytest.fixture(scope="module")
def small(meter: Meter, dataset: str) -> str:
    meter.run(f"CREATE TABLE {dataset}.small AS SELECT x FROM UNNEST([1, 2, 3]) AS x")
    return f"{dataset}.small"


@pytest.fixture(scope="module")
def large(meter: Meter, dataset: str) -> str:
    meter.run(f"CREATE TABLE {dataset}.large AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, {LARGE_ROWS})) AS x")
    return f"{dataset}.large"


@pytest.mark.parametrize(
    ("processed", "billed"),
    [
        ([], 0),
        ([0], 0),
        ([1], 10 * MB),
        ([10 * MB], 10 * MB),
        ([10 * MB + 1], 11 * MB),
        ([1, 1], 20 * MB),
        ([1, 0, 30 * MB], 40 * MB),
        ([10 * MB + 1, 10 * MB + 1], 21 * MB),
        ([5 * 10**9], 4769 * MB),
    ],
)
def test_tables_cost_ten_megabytes_at_least_and_the_sum_is_rounded_up(
    processed: list[int], billed: int
) -> None:
    assert bill(processed) == billed


def test_a_small_query_is_billed_the_minimum(meter: Meter, small: str) -> None:
    job = meter.run(f"SELECT x FROM {small}")
    assert (job.total_bytes_processed, job.total_bytes_billed, job.cache_hit) == (3 * 8, 10 * MB, False)


def test_every_table_is_billed_its_minimum(meter: Meter, small: str, large: str) -> None:
    job = meter.run(f"SELECT COUNT(*) FROM {small} AS s JOIN {large} AS l USING (x)")
    assert job.total_bytes_processed == LARGE_BYTES + 3 * 8
    assert job.total_bytes_billed == 21 * MB


def test_a_large_query_is_rounded_up(meter: Meter, large: str) -> None:
    assert meter.run(f"SELECT MAX(x) FROM {large}").total_bytes_billed == 11 * MB


def test_counting_rows_is_free(meter: Meter, large: str) -> None:
    job = meter.run(f"SELECT COUNT(*) FROM {large}")
    assert (job.total_bytes_processed, job.total_bytes_billed) == (0, 0)


def test_a_dry_run_estimates_and_bills_nothing(meter: Meter, large: str) -> None:
    before = meter.server.count_jobs()
    job = meter.dry_run(f"SELECT x FROM {large}")
    assert (job.total_bytes_processed, job.total_bytes_billed) == (LARGE_BYTES, 0)
    assert [field.name for field in job.schema] == ["x"]
    assert meter.server.count_jobs() == before


def test_query_and_wait_reports_the_same(meter: Meter, small: str) -> None:
    config = QueryJobConfig(use_query_cache=False)
    rows = meter.client.query_and_wait(
        f"SELECT x FROM {small}", job_config=config, retry=None, job_retry=None
    )
    assert rows.total_bytes_processed == 3 * 8
    job = meter.client.get_job(rows.job_id, timeout=TIMEOUT_SECONDS)
    assert job.total_bytes_billed == 10 * MB


def test_the_listing_of_jobs_has_the_bytes_and_none_of_the_gates_own_queries(
    meter: Meter, small: str
) -> None:
    job = meter.run(f"SELECT x + 1 AS y FROM {small}")
    listed = {item.job_id: item for item in meter.client.list_jobs(timeout=TIMEOUT_SECONDS)}
    assert listed[job.job_id].total_bytes_billed == 10 * MB
    assert not any("BYTE_LENGTH" in getattr(item, "query", "") for item in listed.values())


def test_a_cap_below_the_bill_fails_the_job_before_it_runs(meter: Meter, small: str) -> None:
    before = meter.server.count_jobs()
    with pytest.raises(
        InternalServerError, match=r"limit for bytes billed: 1000\. 10485760 or higher"
    ) as caught:
        meter.run(f"SELECT x FROM {small}", maximum_bytes_billed=1000)
    assert caught.value.errors[0]["reason"] == "bytesBilledLimitExceeded"
    assert meter.server.count_jobs() == before


def test_a_refused_job_stays_known_and_costs_nothing(meter: Meter, small: str) -> None:
    config = QueryJobConfig(maximum_bytes_billed=10 * MB - 1, use_query_cache=False)
    job = meter.client.query(f"SELECT x FROM {small}", config, job_id="refused-1", retry=None, job_retry=None)
    found = meter.client.get_job("refused-1", timeout=TIMEOUT_SECONDS)
    assert found.state == "DONE"
    assert found.error_result == job.error_result
    assert found.error_result["reason"] == "bytesBilledLimitExceeded"
    assert found.total_bytes_billed == 0
    with pytest.raises(BadRequest, match="or higher required"):
        meter.client._list_rows_from_query_results("refused-1", "US", "local", []).pages.__next__()


def test_a_job_id_is_used_once(meter: Meter, small: str) -> None:
    for cap in (20 * MB, 1):
        name = f"twice-{cap}"
        config = QueryJobConfig(use_query_cache=False, maximum_bytes_billed=cap)
        meter.client.query(f"SELECT x FROM {small}", config, job_id=name, retry=None, job_retry=None)
        with pytest.raises(Conflict):
            meter.client._connection.api_request(
                method="POST",
                path="/projects/local/jobs",
                data={
                    "jobReference": {"projectId": "local", "jobId": name},
                    "configuration": {"query": {"query": "SELECT 1", "useLegacySql": False}},
                },
                timeout=TIMEOUT_SECONDS,
            )


def test_one_job_sent_twice_at_once_runs_once_and_keeps_its_receipt(meter: Meter, large: str) -> None:
    before, job_id = meter.server.count_jobs(), f"at-once-{uuid4()}"
    body = {
        "jobReference": {"projectId": "local", "jobId": job_id},
        "configuration": {
            "query": {
                "query": f"SELECT MAX(x + 1) FROM {large}",
                "useLegacySql": False,
                "useQueryCache": False,
            }
        },
    }
    url = f"{meter.server.endpoint}/bigquery/v2/projects/local/jobs"
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda _: requests.post(url, json=body, timeout=TIMEOUT_SECONDS).status_code, range(4)
        )
    assert sorted(answers) == [200, 409, 409, 409]
    job = meter.client.get_job(job_id, timeout=TIMEOUT_SECONDS)
    job.result(timeout=TIMEOUT_SECONDS)
    job.reload(timeout=TIMEOUT_SECONDS)
    assert job.total_bytes_billed == 11 * MB
    assert meter.server.count_jobs() == before + 1


def test_query_and_wait_over_the_cap_is_a_bad_request(meter: Meter, small: str) -> None:
    config = QueryJobConfig(maximum_bytes_billed=1, use_query_cache=False)
    with pytest.raises(BadRequest) as caught:
        meter.client.query_and_wait(f"SELECT x FROM {small}", job_config=config, retry=None, job_retry=None)
    assert caught.value.errors[0]["reason"] == "bytesBilledLimitExceeded"


def test_the_bill_itself_is_a_sufficient_cap(meter: Meter, small: str) -> None:
    job = meter.run(f"SELECT x FROM {small}", maximum_bytes_billed=10 * MB)
    assert job.total_bytes_billed == 10 * MB


def test_the_bytes_processed_are_no_sufficient_cap(meter: Meter, large: str) -> None:
    with pytest.raises(InternalServerError, match="11534336 or higher"):
        meter.run(f"SELECT x FROM {large}", maximum_bytes_billed=LARGE_BYTES)


def test_a_cap_does_not_fail_a_dry_run(meter: Meter, large: str) -> None:
    assert meter.bytes_of(f"SELECT x FROM {large}", maximum_bytes_billed=1) == LARGE_BYTES


def test_a_query_that_fails_is_not_charged(meter: Meter, small: str) -> None:
    sql = f"SELECT ERROR(CONCAT('no ', CAST(x AS STRING))) FROM {small}"
    config = QueryJobConfig(use_query_cache=False)
    job = meter.client.query(sql, config, timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
    with pytest.raises(BadRequest):
        job.result(timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
    job.reload(timeout=TIMEOUT_SECONDS)
    assert job.error_result is not None
    assert job.total_bytes_billed == 0


def test_a_cancelled_query_is_charged_in_full(meter: Meter, large: str) -> None:
    sql = f"SELECT COUNT(*) FROM {large} AS a, {large} AS b WHERE MOD(a.x * b.x, 7) = 3"
    job = meter.client.query(sql, timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
    assert job.state == "RUNNING"
    job.cancel(timeout=TIMEOUT_SECONDS)
    job.reload(timeout=TIMEOUT_SECONDS)
    assert job.error_result["reason"] == "stopped"
    assert job.total_bytes_billed == 11 * MB


@pytest.mark.parametrize(
    ("sql", "message"),
    [("SELECT nope FROM {0}", "nope"), ("SELEKT 1", "Syntax error"), ("SELECT * FROM nowhere.x", "nowhere")],
)
def test_invalid_sql_is_refused_in_the_emulators_words(
    meter: Meter, small: str, sql: str, message: str
) -> None:
    before = meter.server.read_gate()["bytes_billed"]
    for call in (meter.run, meter.bytes_of):
        with pytest.raises(ClientError, match=message):
            call(sql.format(small))
    assert meter.server.read_gate()["bytes_billed"] == before


@pytest.mark.parametrize("cap", ["-1", "None", "1e9", "ten"])
def test_a_cap_that_is_no_number_is_a_bad_request(meter: Meter, small: str, cap: str) -> None:
    query = {"query": f"SELECT x FROM {small}", "useLegacySql": False, "maximumBytesBilled": cap}
    answer = requests.post(
        f"{meter.server.endpoint}/bigquery/v2/projects/local/queries", json=query, timeout=TIMEOUT_SECONDS
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["errors"][0]["reason"] == "invalid"


def test_the_gate_counts_jobs_and_bytes(meter: Meter, small: str) -> None:
    before = meter.server.read_gate()
    meter.run(f"SELECT x FROM {small}")
    after = meter.server.read_gate()
    assert after["executed"] == before["executed"] + 1
    assert after["bytes_billed"] == before["bytes_billed"] + 10 * MB
    assert after["bytes_processed"] == before["bytes_processed"] + 3 * 8
