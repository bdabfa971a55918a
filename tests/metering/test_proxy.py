"""The gate as a proxy: what it passes on, and what it does when the emulator is away."""

import gzip
import json
import time
from collections.abc import Iterator

import pytest
import requests
from google.api_core.exceptions import ServiceUnavailable

from deploy.local.alone.bigquery import BigQueryServer, start_bigquery
from tests.metering.conftest import MB, TIMEOUT_SECONDS, Meter

PROJECT = "bigquery/v2/projects/local"


@pytest.fixture(scope="module")
def own_meter(servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meter]:
    """A server of this module's own, to stop and start."""
    with start_bigquery(tmp_path_factory.mktemp("proxy")) as server:
        yield Meter(server)


def post(server: BigQueryServer, path: str, body: bytes, **headers: str) -> requests.Response:
    return requests.post(f"{server.endpoint}/{path}", data=body, headers=headers, timeout=TIMEOUT_SECONDS)


NONSENSE = [b"", b"{", b"[]", b'"text"', b'{"query": 7}', b"\xff\xfe"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *(("jobs", body) for body in NONSENSE),
        *(("queries", body) for body in NONSENSE),
        ("jobs", b'{"configuration": 5}'),
        ("jobs", b'{"configuration": {"query": {"query": "SELECT 1", "defaultDataset": "text"}}}'),
        ("queries", b'{"query": "SELECT 1", "queryParameters": [5]}'),
        ("queries", b'{"query": "SELECT 1", "defaultDataset": [1]}'),
    ],
)
def test_bodies_that_make_no_sense_are_bad_requests(meter: Meter, path: str, body: bytes) -> None:
    answer = post(meter.server, f"{PROJECT}/{path}", body, **{"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_compressed_requests_are_metered(meter: Meter, dataset: str) -> None:
    meter.run(f"CREATE TABLE {dataset}.small AS SELECT 1 AS x")
    body = json.dumps(
        {"query": f"SELECT x FROM {dataset}.small", "useLegacySql": False, "useQueryCache": False}
    )
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = post(meter.server, f"{PROJECT}/queries", gzip.compress(body.encode()), **headers)
    assert answer.json()["totalBytesProcessed"] == "8"


def test_large_results_pass_through_page_by_page(meter: Meter) -> None:
    sql = "SELECT i, REPEAT('x', 100) AS s FROM UNNEST(GENERATE_ARRAY(1, 30000)) AS i"
    job = meter.run(sql)
    rows = list(job.result(page_size=10_000, timeout=TIMEOUT_SECONDS))
    assert sum(row["i"] for row in rows) == 30_000 * 30_001 // 2


def test_unknown_paths_and_jobs_are_the_emulators_to_refuse(meter: Meter) -> None:
    for path in ("nowhere", f"{PROJECT}/jobs/never-heard-of", f"{PROJECT}/queries/never-heard-of"):
        answer = requests.get(f"{meter.server.endpoint}/{path}", timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 404


def test_deeply_nested_sql_ends_quickly(meter: Meter) -> None:
    depth = 3000
    started = time.monotonic()
    body = json.dumps({"query": "SELECT " + "(" * depth + "1" + ")" * depth, "useLegacySql": False})
    answer = post(meter.server, f"{PROJECT}/queries", body.encode(), **{"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 500)
    assert time.monotonic() - started < 20
    assert meter.bytes_of("SELECT 1") == 0


def test_without_the_emulator_the_answer_is_503_at_once_and_its_jobs_have_failed(own_meter: Meter) -> None:
    server = own_meter.server
    numbers = "UNNEST(GENERATE_ARRAY(1, 30000))"
    sql = f"SELECT COUNT(*) AS n FROM {numbers} AS a, {numbers} AS b WHERE MOD(a * b, 7) = 3"
    job = own_meter.client.query(sql, timeout=TIMEOUT_SECONDS, job_id="outlived", job_retry=None)
    assert job.state != "DONE"
    server.emulator.kill()
    try:
        for method, path in (
            ("GET", "datasets"),
            ("POST", "queries"),
            ("POST", "jobs"),
            ("GET", "jobs/some-job"),
        ):
            started = time.monotonic()
            answer = requests.request(
                method,
                f"{server.endpoint}/{PROJECT}/{path}",
                json={"query": "SELECT 1"},
                timeout=TIMEOUT_SECONDS,
            )
            assert answer.status_code == 503
            assert answer.json()["error"]["errors"][0]["reason"] == "backendError"
            assert time.monotonic() - started < 3
        with pytest.raises(ServiceUnavailable):
            own_meter.run("SELECT 1")
    finally:
        server.emulator.start()
        server.emulator.wait_ready()
    listed = {one.job_id: one.state for one in own_meter.client.list_jobs(timeout=TIMEOUT_SECONDS)}
    assert listed["outlived"] == "DONE"
    ended = own_meter.client.get_job("outlived", timeout=TIMEOUT_SECONDS)
    assert (ended.state, ended.error_result["reason"]) == ("DONE", "backendError")
    assert not ended.total_bytes_billed
    assert own_meter.run("SELECT 1").state == "DONE"


def test_receipts_and_times_outlive_the_gate(own_meter: Meter) -> None:
    own_meter.client.create_dataset("kept", exists_ok=True, timeout=TIMEOUT_SECONDS)
    own_meter.run("CREATE OR REPLACE TABLE kept.t AS SELECT 1 AS x")
    own_meter.run("UPDATE kept.t SET x = 2 WHERE TRUE")
    job = own_meter.run("SELECT x FROM kept.t")
    changed = own_meter.client.get_table("local.kept.t", timeout=TIMEOUT_SECONDS).modified
    own_meter.server.gate.stop()
    own_meter.server.gate.start()
    own_meter.server.gate.wait_ready()
    assert own_meter.client.get_job(job.job_id, timeout=TIMEOUT_SECONDS).total_bytes_billed == 10 * MB
    assert own_meter.client.get_table("local.kept.t", timeout=TIMEOUT_SECONDS).modified == changed
