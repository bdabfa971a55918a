"""`STACK=google make up`: the whole stack on a BigQuery and a Cloud Storage that want Google's credentials."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import requests
from google.cloud.bigquery import LoadJobConfig, SchemaField

from deploy.local.parts import REPOSITORY, parts_environment
from deploy.local.servers.fake_gcs import FakeGcsServer
from deploy.local.stack import Stack
from tests.fixtures.bigquery import BigQueryServer
from tests.fixtures.google_project import GoogleProject, play_google
from tests.fixtures.stack import choose_ports

OWN = "acme-analytics"
DASHBOARD = """\
version: 1
slug: own-orders
title: Orders
dataset: own
queries:
  orders: {sql: "SELECT COUNT(*) AS orders FROM orders"}
charts:
  - {id: orders, title: Orders, query: orders, type: metric, value: orders}
"""


@pytest.fixture
def google(bigquery: BigQueryServer, gcs_server: FakeGcsServer, tmp_path: Path) -> Iterator[GoogleProject]:
    """Google with a project whose dataset `own` has one table, and a bucket."""
    client = bigquery.client(OWN)
    client.create_dataset("own", exists_ok=True, timeout=60)
    config = LoadJobConfig(schema=[SchemaField("id", "INT64")], write_disposition="WRITE_TRUNCATE")
    rows = [{"id": 1}, {"id": 2}]
    client.load_table_from_json(rows, f"{OWN}.own.orders", job_config=config, timeout=60).result(timeout=60)
    gcs_server.create_bucket("own-bucket")
    with play_google(tmp_path) as project:
        project.bigquery, project.storage = bigquery.endpoint, gcs_server.endpoint
        yield project


@pytest.fixture
def environment(google: GoogleProject, tmp_path: Path) -> Iterator[dict[str, str]]:
    """That of a developer who has logged in at Google and written a short `.env`; what runs is stopped in the end."""
    file = tmp_path / ".env"
    file.write_text(
        f"GOOGLE_CLOUD_PROJECT={OWN}\nALLOWED_DATASETS=own\nSTORAGE=gcs\n"
        "DASHBOARD_STORE_URL=gs://own-bucket/dashboards\nPAYLOAD_STORE_URL=gs://own-bucket/payloads\n"
        # The emulator is slower than Google on a busy machine.
        "WAREHOUSE_METADATA_TIMEOUT_SECONDS=30\nOTEL_TRACES_EXPORTER=none\n"
    )
    tmp_path.chmod(0o755)  # PostgreSQL runs as `nobody` when root runs the tests
    own = {
        "STACK": "google",
        "ENV_FILE": str(file),
        "LOCAL_DIR": str(tmp_path / "local"),
        "PARTS_DIR": str(parts_environment().folder),
        **choose_ports(),
        **google.environment,
    }
    yield {**os.environ, **own}
    run({**os.environ, **own}, "down")


def run(environment: dict[str, str], command: str) -> subprocess.CompletedProcess[str]:
    """One command of the local stack."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", command],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def post(stack: Stack, path: str, body: object) -> dict[str, object]:
    """What the service answers an administrator."""
    with requests.Session() as http:
        http.trust_env = False
        http.headers["Authorization"] = f"Bearer {stack.fetch_token()}"
        answer = http.request("POST" if body else "GET", f"{stack.url}{path}", json=body, timeout=120)
    assert answer.ok, answer.text
    return dict(answer.json()["data"])


@pytest.mark.stack
def test_from_credentials_to_a_served_dashboard(google: GoogleProject, environment: dict[str, str]) -> None:
    google.refuse("^POST .*/jobs", 403, "accessDenied", "User does not have bigquery.jobs.create permission")
    refused = run(environment, "up")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert (
        "(bigquery.jobs.create); run: gcloud projects add-iam-policy-binding acme-analytics" in refused.stderr
    )
    assert run(environment, "status").stdout.startswith("The stack is down")
    google.refusals.clear()

    up = run(environment, "up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "at most 10 GB a day, 0.06 dollars (MAX_BYTES_PER_ENVIRONMENT_DAY in .env)" in up.stdout
    assert "bigquery" not in up.stdout
    assert "sample" not in up.stdout

    with mock.patch.dict(os.environ, environment):
        stack = Stack()
        saved = post(
            stack,
            "/dashboards/save",
            {"dashboards": [{"path": "own.yaml", "yaml": DASHBOARD}], "message": "Mine"},
        )
        computed = post(stack, "/precompute", {"slugs": ["own-orders"]})
        served = post(stack, "/data/own-orders", None)
    assert saved["results"], saved
    assert computed["results"], computed
    assert served["queries"]["orders"]["values"] == [[2]]  # type: ignore[index]
    jobs = [
        call for call in google.calls if call.startswith("POST /bigquery") and '"dryRun": true' not in call
    ]
    assert any(f"/projects/{OWN}/jobs" in call for call in jobs)
    assert any("own-bucket" in call for call in google.calls)
