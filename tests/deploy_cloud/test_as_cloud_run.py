"""Every function as Cloud Run runs it; tests/deploy_cloud/container.py says what is and what is not as there."""

import copy
import json
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests

from deploy.local.alone.postgres import RunningPostgres
from deploy.local.parts import REPOSITORY
from shared.api.manifest import FunctionEntry, get_manifest
from shared.settings import Settings
from tests.deploy_cloud.container import (
    Load,
    RunningFunction,
    build_request,
    parse_memory,
    read_answer,
    wrap_read_only,
)
from tests.fixtures.functions import SHOP, FunctionHost

# Calls in a loop, so many answers before the signal, and calls whose end comes after it. Fewer together than the
# smallest number of threads of a function: none waits for another.
THREADS, ANSWERS_BEFORE, HELD = 2, 6, 2

OPEN_RESERVATIONS = "SELECT count(*) FROM cost_reservations WHERE settled_at IS NULL"
HELD_LEASES = "SELECT count(*) FROM query_leases WHERE owner IS NOT NULL"
SLOW = """\
version: 1
slug: slow
title: Takes the emulator a minute
dataset: shop
queries:
  crossed:
    sql: |
      SELECT COUNT(*) AS n
      FROM people, UNNEST(GENERATE_ARRAY(1, 6000)) AS a, UNNEST(GENERATE_ARRAY(1, 3000)) AS b
      WHERE MOD(a * b + id, 7) = 3
charts:
  - {id: crossed, title: Crossed, query: crossed, type: metric, value: n}
"""


SHOP_ITEM = {"path": "shop.yaml", "yaml": SHOP}
CALLS: dict[str, tuple[str, str, object]] = {
    "dashboards_validate": ("POST", "/dashboards/validate", {"dashboards": [SHOP_ITEM]}),
    "dashboards_compile": ("POST", "/dashboards/compile", {"slugs": ["shop"]}),
    "dashboards_save": ("POST", "/dashboards/save", {"dashboards": [SHOP_ITEM], "dry_run": True}),
    "dashboards_rollback": (
        "POST", "/dashboards/rollback?dry_run=true", [{"slug": "shop", "to_version": 1}],
    ),
    "dashboards_repair": ("POST", "/dashboards/drift/repair", None),
    "dashboards_read": ("GET", "/dashboards/shop", None),
    "sql_run": ("POST", "/sql/run", {"sql": "SELECT id, name FROM people", "dataset": "shop"}),
    "precompute": ("POST", "/precompute", {"slugs": ["shop"]}),
    "data": ("GET", "/data/shop?day=2024-01-01", None),
    "lineage": ("GET", "/lineage/shop", None),
    "costs": ("GET", "/costs", None),
    "auth": ("GET", "/auth/session", None),
    "viewer": ("GET", "/view/shop", None),
}  # fmt: skip


@pytest.mark.parametrize("entry", get_manifest().functions, ids=lambda entry: entry.name)
def test_a_function_told_to_stop_under_load_answers_all_it_has_begun_and_leaves_in_time(
    computed_shop: FunctionHost, function_settings: Settings, tmp_path: Path, entry: FunctionEntry
) -> None:
    method, path, body = CALLS[entry.name]
    request = build_request(
        method,
        path,
        computed_shop._token("editor@example.com"),
        b"" if body is None else json.dumps(body).encode(),
    )
    # One caller is the whole load here.
    settings = copy.replace(function_settings, compiles_in_flight=THREADS + HELD)
    function = RunningFunction(entry, settings, tmp_path)
    try:
        function.service.wait_ready()
        load = Load(function, request, THREADS)
        load.wait_for(ANSWERS_BEFORE)
        held = [function.send(request[:-1]) for _ in range(HELD)]
        load.send_no_more()
        function.wait_until_all_is_read()
        taken_bytes = function.read_peak_memory()
        signalled = time.monotonic()
        function.tell_to_stop()
        time.sleep(0.2)
        for connection in held:
            connection.sendall(request[-1:])
        answers = [read_answer(connection) for connection in held]
        load.join()
        assert function.wait_gone(signalled) == 0
    finally:
        function.service.stop()
    failed = [answer for answer in [*answers, *load.answers] if answer[0] != 200]
    assert not failed, failed[0]
    assert taken_bytes < parse_memory(entry.memory)
    with pytest.raises(ConnectionRefusedError):
        function.send(request)


def test_every_function_is_called() -> None:
    assert set(CALLS) == {entry.name for entry in get_manifest().functions}


@pytest.mark.usefixtures("programs")
def test_the_file_system_of_a_function_is_read_only(tmp_path: Path) -> None:
    wrapper = wrap_read_only(tmp_path)
    if not wrapper:
        pytest.skip("needs root and a mount namespace; the functions above ran on a writable file system")
    own, other = tmp_path / "written", REPOSITORY / "written"
    script = f"echo >{own} && ! echo >{other}"
    subprocess.run([*wrapper, "sh", "-c", script], check=True, capture_output=True)
    assert own.exists()
    assert not other.exists()


def test_a_refresh_is_ended_settled_and_can_be_called_again_when_its_process_is_told_to_stop(
    functions: FunctionHost, function_settings: Settings, postgres_server: RunningPostgres, tmp_path: Path
) -> None:
    saved = functions.call(
        "dashboards_save",
        "POST",
        "/dashboards/save",
        json={"dashboards": [{"path": "slow.yaml", "yaml": SLOW}], "message": "Slow"},
    )
    assert saved.status_code == 200, saved.text
    settings = copy.replace(function_settings, drain_seconds=0.5, warehouse_timeout_seconds=300.0)
    precompute = RunningFunction(get_manifest().get("precompute"), settings, tmp_path)
    try:
        precompute.service.wait_ready()
        answers: list[requests.Response] = []
        token = functions._token("editor@example.com")
        caller = threading.Thread(
            target=lambda: answers.append(
                requests.post(
                    f"http://127.0.0.1:{precompute.port}/precompute",
                    json={"slugs": ["slow"]},
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=120,
                )
            )
        )
        caller.start()
        wait_for_job(postgres_server)
        signalled = time.monotonic()
        precompute.tell_to_stop()
        assert precompute.wait_gone(signalled) == 0
        caller.join(10)
    finally:
        precompute.service.stop()
    (answer,) = answers
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    assert postgres_server.run(HELD_LEASES) == [[0]]
    assert postgres_server.run(OPEN_RESERVATIONS) == [[0]]


def wait_for_job(postgres_server: RunningPostgres) -> None:
    deadline = time.monotonic() + 30
    while postgres_server.run(OPEN_RESERVATIONS) == [[0]]:
        assert time.monotonic() < deadline, "the refresh does not begin"
        time.sleep(0.05)
    time.sleep(1)  # reserved; the job begins now
