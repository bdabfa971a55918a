"""Cloud Scheduler jobs made of the dashboards' schedules, over HTTP and with real credentials handling."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.schedules.__main__ import main
from deploy.schedules.api import ENDPOINT_VARIABLE
from deploy.stages.stage import load_stage
from shared.api.manifest import load_manifest
from tests.deploy_cloud.cloud_scheduler import CloudScheduler, run_cloud_scheduler, write_credentials
from tests.fixtures.functions import SHOP, FunctionHost

STAGE = load_stage("staging")
PARENT = f"projects/{STAGE.project}/locations/{STAGE.region}"
OTHERS = f"{PARENT}/jobs/precompute-heartbeat"
DASHBOARD = """\
version: 1
slug: {slug}
title: Scheduled
dataset: nyc
{refresh}
queries:
  n: {{sql: "SELECT COUNT(*) AS n FROM airports"}}
charts:
  - {{id: n, title: Number, query: n, type: metric, value: n}}
"""
DAILY = 'refresh: {schedule: "0 6 * * *", time_zone: America/New_York}'
HOURLY = 'refresh: {schedule: "30 * * * *"}'


def job_name(slug: str) -> str:
    return f"{PARENT}/jobs/almanac-staging-dashboard-{slug}"


@pytest.fixture
def scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudScheduler]:
    """Cloud Scheduler with somebody else's job, and credentials for it."""
    with run_cloud_scheduler() as running:
        monkeypatch.setenv(ENDPOINT_VARIABLE, f"{running.url}/")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_credentials(tmp_path, running)))
        running.jobs[OTHERS] = {"name": OTHERS, "schedule": "*/15 * * * *", "timeZone": "Etc/UTC"}
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three dashboards, one of them without a schedule."""
    place = tmp_path / "dashboards"
    place.mkdir()
    for slug, refresh in (("daily", DAILY), ("hourly", HOURLY), ("asked", "")):
        write(place, slug, refresh)
    return place


def write(folder: Path, slug: str, refresh: str) -> None:
    (folder / f"{slug}.yaml").write_text(DASHBOARD.format(slug=slug, refresh=refresh))


def run(command: str, *options: object) -> int:
    return main([command, "--stage", "staging", *map(str, options)])


def read_own(scheduler: CloudScheduler) -> dict[str, Any]:
    return {name: job for name, job in scheduler.jobs.items() if name != OTHERS}


def test_a_plan_says_what_would_be_and_changes_nothing(
    scheduler: CloudScheduler, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plan", "--folder", folder) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Stage staging: 2 scheduled dashboards, 2 changes",
        "  + almanac-staging-dashboard-daily: 0 6 * * * America/New_York",
        "  + almanac-staging-dashboard-hourly: 30 * * * * UTC",
    ]
    assert scheduler.changes == []


def test_a_job_signs_in_as_the_scheduler_and_refreshes_its_dashboard(
    scheduler: CloudScheduler, folder: Path
) -> None:
    assert run("apply", "--folder", folder) == 0
    assert sorted(read_own(scheduler)) == [job_name("daily"), job_name("hourly")]
    job = scheduler.jobs[job_name("daily")]
    assert (job["schedule"], job["timeZone"]) == ("0 6 * * *", "America/New_York")
    assert job["attemptDeadline"] == f"{load_manifest().get('precompute').timeout_seconds}s"
    target = job["httpTarget"]
    assert (target["httpMethod"], target["uri"]) == ("POST", f"https://{STAGE.domain}/precompute")
    assert json.loads(base64.b64decode(target["body"])) == {"slugs": ["daily"]}
    assert target["headers"]["Content-Type"] == "application/json"
    assert target["oidcToken"] == {
        "serviceAccountEmail": STAGE.scheduler_email, "audience": f"https://{STAGE.domain}",
    }  # fmt: skip
    assert STAGE.list_settings()["SERVICE_ACCOUNT_EMAILS"] == STAGE.scheduler_email


def test_applying_again_changes_nothing(scheduler: CloudScheduler, folder: Path) -> None:
    run("apply", "--folder", folder)
    before = list(scheduler.changes)
    assert run("apply", "--folder", folder) == 0
    assert scheduler.changes == before


def test_only_what_differs_is_updated_and_what_is_gone_deleted(
    scheduler: CloudScheduler, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("apply", "--folder", folder)
    write(folder, "daily", DAILY.replace("0 6", "0 7"))
    (folder / "hourly.yaml").unlink()
    write(folder, "asked", HOURLY)
    scheduler.jobs[job_name("daily")]["state"] = "PAUSED"
    scheduler.changes.clear()
    capsys.readouterr()
    assert run("apply", "--folder", folder) == 0
    assert scheduler.changes == [
        ("POST", job_name("asked"), ""),
        ("PATCH", job_name("daily"), "schedule"),
        ("DELETE", job_name("hourly"), ""),
    ]
    assert (
        "~ almanac-staging-dashboard-daily: 0 7 * * * America/New_York (schedule)" in capsys.readouterr().out
    )
    # Somebody paused it for a reason.
    assert scheduler.jobs[job_name("daily")]["state"] == "PAUSED"


def test_a_job_changed_by_hand_is_put_right(scheduler: CloudScheduler, folder: Path) -> None:
    run("apply", "--folder", folder)
    scheduler.jobs[job_name("daily")]["httpTarget"]["oidcToken"]["audience"] = "https://elsewhere.example.com"
    scheduler.changes.clear()
    run("apply", "--folder", folder)
    assert scheduler.changes == [("PATCH", job_name("daily"), "httpTarget")]


def test_destroy_leaves_what_others_made(
    scheduler: CloudScheduler,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run("apply", "--folder", folder)
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert run("destroy") == 1
    assert "not confirmed" in capsys.readouterr().err
    assert len(read_own(scheduler)) == 2
    assert run("destroy", "--yes") == 0
    assert list(scheduler.jobs) == [OTHERS]


def test_what_was_done_before_a_refusal_stays_and_the_next_run_goes_on(
    scheduler: CloudScheduler, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduler.refuse_after = 1
    assert run("apply", "--folder", folder) == 1
    assert "403 The principal lacks IAM permission." in capsys.readouterr().err
    assert list(read_own(scheduler)) == [job_name("daily")]
    scheduler.refuse_after = None
    assert run("apply", "--folder", folder) == 0
    assert len(read_own(scheduler)) == 2


def test_a_file_that_is_not_valid_changes_nothing(
    scheduler: CloudScheduler, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("apply", "--folder", folder)
    write(folder, "daily", 'refresh: {schedule: "every day"}')
    before = list(scheduler.changes)
    assert run("apply", "--folder", folder) == 1
    assert "daily.yaml" in capsys.readouterr().err
    assert scheduler.changes == before


@pytest.mark.parametrize("missing", ["server", "credentials"])
def test_what_cannot_be_asked_is_said(
    scheduler: CloudScheduler,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
) -> None:
    if missing == "server":
        monkeypatch.setenv(ENDPOINT_VARIABLE, "http://127.0.0.1:9/")
    else:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "none.json"))
    assert run("plan", "--folder", folder) == 1
    expected = "cannot be reached" if missing == "server" else "not signed in to Google Cloud"
    assert expected in capsys.readouterr().err


def test_the_service_says_which_dashboards_are_saved(
    scheduler: CloudScheduler, functions: FunctionHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.save_shop(
        SHOP.replace("refresh: {", 'refresh: {schedule: "*/5 * * * *", time_zone: Europe/Berlin, ')
    )
    scheduler.pages["/dashboards"] = functions.call("dashboards_read", "GET", "/dashboards").data
    monkeypatch.setenv("ALMANAC_TOKEN", "token")
    assert run("apply", "--url", scheduler.url) == 0
    (job,) = read_own(scheduler).values()
    assert (job["name"], job["schedule"], job["timeZone"]) == (
        job_name("shop"),
        "*/5 * * * *",
        "Europe/Berlin",
    )
