"""The emulator keeps the results of the newest jobs, so that it does not slow down with every job it ever ran."""

from pathlib import Path

import pytest
from google.api_core.exceptions import NotFound

from deploy.local.alone.bigquery import BigQueryServer, start_bigquery
from deploy.local.supervision.process import Service

KEPT = 3
TIMEOUT_SECONDS = 30


def test_the_oldest_results_go_and_the_newest_stay(servers: None, tmp_path: Path) -> None:
    with start_bigquery(tmp_path, one_thread=True, results=KEPT) as server:
        jobs = [_run(server, number) for number in range(KEPT + 1)]

        with pytest.raises(NotFound):
            _read(server, jobs[0])
        assert [_read(server, job) for job in jobs[1:]] == [1, 2, 3]

        _restart(server.emulator)
        jobs.append(_run(server, KEPT + 1))

        with pytest.raises(NotFound):
            _read(server, jobs[1])
        assert [_read(server, job) for job in jobs[2:]] == [2, 3, 4]


def _run(server: BigQueryServer, number: int) -> str:
    job = server.client().query(f"SELECT {number}", timeout=TIMEOUT_SECONDS)
    job.result(timeout=TIMEOUT_SECONDS)
    return str(job.job_id)


def _read(server: BigQueryServer, job_id: str) -> int:
    job = server.client().get_job(job_id, timeout=TIMEOUT_SECONDS)
    (row,) = job.result(timeout=TIMEOUT_SECONDS)
    return int(row[0])


def _restart(service: Service) -> None:
    service.stop()
    service.start()
    service.wait_ready()
