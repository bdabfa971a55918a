"""The compose project, brought up for real: deploy/ci/compose.sh does that and runs this file."""

import json
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.rendering.compose import name_service
from deploy.smoke import Probe, list_probes
from shared.api.manifest import load_manifest

REPOSITORY = Path(__file__).resolve().parents[2]
URL = os.environ.get("COMPOSE_URL", "")
SAMPLE = REPOSITORY / "dashboards" / "nyc-flights.yaml"
FUNCTIONS = load_manifest().functions
PROBES = list_probes(load_manifest())
# Where deploy/nginx/start.sh writes whom nginx sends to.
ROUTER_UPSTREAMS = "/tmp/router/upstreams.conf"  # noqa: S108 - in the container

pytestmark = [
    pytest.mark.usefixtures("programs"),
    pytest.mark.skipif(not URL, reason="needs a running compose project; deploy/ci/compose.sh starts one"),
    pytest.mark.timeout(900),
]


def run_docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_compose(*arguments: str) -> str:
    return run_docker("compose", *arguments)


@pytest.fixture(scope="module")
def api() -> Iterator[requests.Session]:
    """A client signed in as the administrator."""
    token = run_compose("exec", "-T", "scheduler", "python", "-m", "deploy.local.containers", "token").strip()
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {token}"
        yield session


def inspect_containers() -> list[dict[str, Any]]:
    ids = run_compose("ps", "--quiet").split()
    done = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True)
    containers: list[dict[str, Any]] = json.loads(done.stdout)
    return containers


def read_tour() -> str:
    """The commands of the README's tour, against this project's address and with the variable TOKEN given."""
    tour = (REPOSITORY / "README.md").read_text().partition("## Five-minute tour")[2]
    commands = tour.partition("```sh\n")[2].partition("```")[0]
    assert "TOKEN=$(make -s token)\n" in commands
    return commands.replace("TOKEN=$(make -s token)\n", "").replace("http://localhost:8080", URL)


def test_the_readmes_tour_works_as_it_is_written(api: requests.Session) -> None:
    token = str(api.headers["Authorization"]).removeprefix("Bearer ")
    done = subprocess.run(
        ["bash", "-e", "-c", read_tour()],
        cwd=REPOSITORY,
        env={**os.environ, "TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for found in (
        '"slug": "nyc-flights"',
        "UNKNOWN_QUERY",
        "usd_per_refresh",
        "Southwest Airlines",
        "SQL_NOT_ALLOWED",
        '"version": 2',
        "skipped_unchanged",
        '"nodes"',
    ):
        assert found in done.stdout, (found, done.stdout)


def test_a_dashboard_is_served_and_not_sent_twice(api: requests.Session) -> None:
    answer = api.get(f"{URL}/data/nyc-flights", params={"origin": "LGA"}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["slug"] == "nyc-flights"
    assert all(query["rows"] > 0 for query in answer.json()["data"]["queries"].values())
    again = api.get(
        f"{URL}/data/nyc-flights?origin=LGA", headers={"If-None-Match": answer.headers["ETag"]}, timeout=60
    )
    assert again.status_code == 304


def test_nobody_gets_in_without_signing_in() -> None:
    with requests.Session() as http:
        http.trust_env = False
        assert http.get(f"{URL}/data/nyc-flights", timeout=60).status_code == 401
        page = http.get(
            f"{URL}/data/nyc-flights", headers={"Accept": "text/html"}, timeout=60, allow_redirects=False
        )
        login = http.get(f"{URL}{page.headers['Location']}", timeout=60, allow_redirects=False)
    assert login.status_code == 302
    assert login.headers["Location"].startswith("http://oidc.localhost:")


def test_a_query_is_answered_with_its_receipt_and_a_change_is_refused(api: requests.Session) -> None:
    body = {"dataset": "nyc", "sql": "SELECT COUNT(*) AS flights FROM flights", "max_bytes_billed": "50 MB"}
    answer = api.post(f"{URL}/sql/run", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    assert "336776" in json.dumps(answer.json()["data"]["rows"])
    refused = api.post(f"{URL}/sql/run", json={"sql": "DROP TABLE nyc.flights"}, timeout=120)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "SQL_NOT_ALLOWED")


def test_a_change_is_saved_as_a_new_version_and_computed(api: requests.Session) -> None:
    version = api.get(f"{URL}/dashboards/nyc-flights", timeout=60).json()["data"]["version"]["version"]
    text = SAMPLE.read_text().replace("title: New York flights, 2013", f"title: Flights {time.time_ns()}")
    saved = api.post(
        f"{URL}/dashboards/save",
        data=text.encode(),
        headers={"Content-Type": "application/yaml", "If-Match": f'"{version}"'},
        timeout=300,
    )
    assert saved.status_code == 200, saved.text
    assert saved.json()["data"]["results"][0]["version"] == version + 1
    computed = api.post(f"{URL}/precompute", json={"slugs": ["nyc-flights"]}, timeout=600)
    assert computed.status_code == 200, computed.text
    assert computed.json()["data"]["results"][0]["totals"]["failed"] == 0


def test_only_the_router_is_published_and_only_on_loopback() -> None:
    published = {
        (container["Config"]["Labels"]["com.docker.compose.service"], binding["HostIp"])
        for container in inspect_containers()
        for bindings in container["NetworkSettings"]["Ports"].values()
        for binding in bindings or []
    }
    assert published == {("nginx", "127.0.0.1")}


def test_every_container_is_confined() -> None:
    containers = inspect_containers()
    assert len(containers) > len(FUNCTIONS)
    for container in containers:
        host, name = container["HostConfig"], container["Name"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"] > 0, name
        assert container["Config"]["User"] not in {"", "0", "root"}, name


class Traffic:
    """Threads that call without pause, and what each call was answered with."""

    def __init__(self, calls: dict[str, Callable[[], requests.Response]]) -> None:
        self.outcomes: dict[str, Counter[str]] = {name: Counter() for name in calls}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=pair) for pair in calls.items()]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=120)

    def _call(self, name: str, call: Callable[[], requests.Response]) -> None:
        while not self._over.wait(0.1):
            try:
                outcome = str(call().status_code)
            except requests.RequestException as error:
                outcome = type(error).__name__
            self.outcomes[name][outcome] += 1


def call_as_nobody(probe: Probe) -> requests.Response:
    return requests.request(probe.method, URL + probe.path, timeout=60)


def test_every_function_is_replaced_under_traffic_without_a_failed_request(
    api: requests.Session, record_property: Callable[[str, object], None]
) -> None:
    authorization = {"Authorization": str(api.headers["Authorization"])}
    yaml = SAMPLE.read_bytes()
    calls: dict[str, Callable[[], requests.Response]] = {
        "GET /data": lambda: requests.get(f"{URL}/data/nyc-flights", headers=authorization, timeout=60),
        "POST /dashboards/validate": lambda: requests.post(
            f"{URL}/dashboards/validate",
            data=yaml,
            headers={**authorization, "Content-Type": "application/yaml"},
            timeout=60,
        ),
        **{probe.function: partial(call_as_nobody, probe) for probe in PROBES},
    }
    services = [name_service(entry) for entry in FUNCTIONS]
    before = {name: run_compose("ps", "--quiet", name) for name in services}
    with Traffic(calls) as traffic:
        done = subprocess.run(
            [REPOSITORY / "deploy" / "compose" / "roll.sh", *services],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    statuses = {probe.function: str(probe.status) for probe in PROBES}
    record_property("answers", {name: dict(outcomes) for name, outcomes in traffic.outcomes.items()})
    for name, outcomes in traffic.outcomes.items():
        expected = statuses.get(name, "200")
        assert set(outcomes) == {expected}, (name, outcomes)
        assert outcomes[expected] > 20, name
    for name in services:
        assert run_compose("ps", "--quiet", name) != before[name]


def test_replicas_are_stopped_restarted_and_scaled_one_at_a_time_without_a_failed_request(
    api: requests.Session, record_property: Callable[[str, object], None]
) -> None:
    authorization = {"Authorization": str(api.headers["Authorization"])}
    calls = {
        "GET /data": lambda: requests.get(f"{URL}/data/nyc-flights", headers=authorization, timeout=60),
        # Never sent twice, so only a replica that took nothing may be passed over.
        "POST /dashboards/validate": lambda: requests.post(
            f"{URL}/dashboards/validate",
            data=SAMPLE.read_bytes(),
            headers={**authorization, "Content-Type": "application/yaml"},
            timeout=60,
        ),
    }
    services = ["data", "dashboards-validate"]
    with Traffic(calls) as traffic:
        scale(services, 3)
        wait_for(lambda: all(count_in_router(service) == 3 for service in services))
        for service in services:
            first, second, _ = run_compose("ps", "--quiet", service).split()
            run_docker("stop", "--time", "42", first)
            run_docker("restart", "--time", "42", second)
            run_docker("start", first)
            wait_for(lambda service=service: count_in_router(service) == 3)
        scale(services, 1)
        wait_for(lambda: all(count_in_router(service) == 1 for service in services))
    record_property("answers", {name: dict(outcomes) for name, outcomes in traffic.outcomes.items()})
    for name, outcomes in traffic.outcomes.items():
        assert set(outcomes) == {"200"}, (name, outcomes)
        assert outcomes["200"] > 20, name


def scale(services: list[str], replicas: int) -> None:
    wanted = [argument for service in services for argument in ("--scale", f"{service}={replicas}")]
    run_compose("up", "--detach", "--no-deps", "--no-recreate", "--no-build", "--wait", *wanted, *services)


def count_in_router(service: str) -> int:
    """How many containers of a function nginx sends to."""
    upstreams = run_compose("exec", "-T", "nginx", "cat", ROUTER_UPSTREAMS)
    block = upstreams.partition(f"upstream fn_{service.replace('-', '_')} {{")[2].partition("}")[0]
    return block.count(":8080 ")


def test_a_function_that_is_stopped_fails_alone_and_is_found_again(api: requests.Session) -> None:
    run_compose("stop", "lineage")
    try:
        wait_for(lambda: api.get(f"{URL}/lineage/nyc-flights", timeout=60).status_code == 503)
        assert api.get(f"{URL}/data/nyc-flights", timeout=60).status_code == 200
    finally:
        run_compose("start", "lineage")
    wait_for(lambda: api.get(f"{URL}/lineage/nyc-flights", timeout=60).status_code == 200)


def wait_for(is_so: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)
