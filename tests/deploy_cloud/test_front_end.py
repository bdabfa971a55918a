"""The service as Google serves it, without nginx: what matters to people goes through tests/fixtures/front_end.py."""

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.alone.postgres import RunningPostgres
from deploy.local.parts import REPOSITORY
from deploy.local.servers.oidc import OidcServer
from deploy.local.servers.valkey import ValkeyServer
from deploy.rendering.url_map import make_sample_path
from shared.api.manifest import load_manifest
from shared.settings import Environment, Settings
from tests.fixtures.front_end import URL_MAP, FrontEnd, UrlMap, run_front_end
from tests.fixtures.functions import SHOP
from tests.fixtures.oidc import walk_through_login

SLUG = "front"
DASHBOARD = SHOP.replace("slug: shop", f"slug: {SLUG}")
EDITOR = "editor@example.com"
VISITOR = "127.0.0.1"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SESSION, LOGIN = "__Host-almanac-session", "__Host-almanac-login"


@pytest.fixture(scope="module")
def front_end(
    postgres_server: RunningPostgres,
    bigquery: BigQueryServer,
    people_table: str,
    oidc_server: OidcServer,
    valkey_server: ValkeyServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FrontEnd]:
    """Functions with the settings of a stage, each started when it is first asked for."""
    folder = tmp_path_factory.mktemp("front-end")
    known = Settings(cache_url=valkey_server.url, oidc_client_secret=oidc_server.client_secret)
    settings = copy.replace(
        postgres_server.settings(),
        environment=Environment.STAGING,
        trusted_proxies=[VISITOR],
        google_cloud_project=bigquery.project,
        bigquery_endpoint=bigquery.endpoint,
        bigquery_storage_endpoint=bigquery.storage_endpoint,
        allowed_datasets=["shop"],
        warehouse_metadata_timeout_seconds=20,
        cache_url=known.cache_url,
        dashboard_store_url=f"git:{folder / 'workdir'}",
        payload_store_url=f"file:{folder / 'payloads'}",
        oidc_issuer=oidc_server.issuer,
        oidc_discovery_url=oidc_server.discovery_url,
        oidc_client_id=oidc_server.client_id,
        oidc_client_secret=known.oidc_client_secret,
        allowed_domains=["example.com"],
        editor_emails=[EDITOR],
        otel_traces_exporter="console",
    )
    yield from run_front_end(settings, folder)


@pytest.fixture(scope="module")
def token(oidc_server: OidcServer) -> str:
    return oidc_server.fetch_id_token(EDITOR)


@pytest.fixture(scope="module")
def saved(front_end: FrontEnd, token: str) -> str:
    """The address of a dashboard's data, saved and computed."""
    body = {"dashboards": [{"path": f"{SLUG}.yaml", "yaml": DASHBOARD}], "message": "Front"}
    check(front_end.call("POST", "/dashboards/save", token=token, json=body))
    report = check(front_end.call("POST", "/precompute", token=token, json={"slugs": [SLUG]}))
    assert report["results"][0]["variants_ready"] == 2
    return f"/data/{SLUG}"


def check(response: requests.Response, status: int = 200) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"].startswith("application/json")
    return response.json()["data" if status < 400 else "error"]


def read_cookies(response: requests.Response) -> dict[str, str]:
    # Over plain HTTP no client keeps a cookie with the __Host- prefix.
    cookies: SimpleCookie = SimpleCookie()
    for header in response.raw.headers.getlist("Set-Cookie"):
        cookies.load(header)
    return {name: morsel.value for name, morsel in cookies.items()}


def sign_in(front_end: FrontEnd, email: str) -> dict[str, str]:
    """The headers of a browser that signed in, with the token that changes take."""
    start = front_end.call("GET", "/auth/login?return_to=/view/front")
    assert start.status_code == 302, start.text
    callback = walk_through_login(start.headers["Location"], email)
    query = urlencode({key: value for key, value in vars(callback).items() if value is not None})
    headers = {"Cookie": f"{LOGIN}={read_cookies(start)[LOGIN]}", "X-Forwarded-For": "198.51.100.7"}
    done = front_end.call("GET", f"/auth/callback?{query}", headers=headers)
    assert (done.status_code, done.headers["Location"]) == (302, "/view/front")
    session = {"Cookie": f"{SESSION}={read_cookies(done)[SESSION]}"}
    return session | {
        "X-CSRF-Token": check(front_end.call("GET", "/auth/session", headers=session))["csrf_token"]
    }


def test_every_route_leads_to_its_function() -> None:
    url_map = UrlMap(URL_MAP)
    for entry in load_manifest().functions:
        for route in entry.routes:
            assert url_map.find(make_sample_path(route.path)) == entry.name
    assert url_map.find("/nothing/here") == "viewer"


def test_a_person_signs_in_changes_something_and_signs_out(front_end: FrontEnd, saved: str) -> None:
    browser = sign_in(front_end, EDITOR)
    (mine,) = check(front_end.call("GET", "/auth/sessions", headers=browser))["results"]
    # The one the balancer wrote down; neither its own nor what the visitor claims.
    assert mine["ip"] == VISITOR
    body = {"sql": "SELECT id FROM people ORDER BY id LIMIT 3", "dataset": "shop"}
    assert check(front_end.call("POST", "/sql/run", headers=browser, json=body))["rows"] == [[0], [1], [2]]
    without = {"Cookie": browser["Cookie"]}
    assert check(front_end.call("POST", "/sql/run", headers=without, json=body), 403)["code"] == "FORBIDDEN"
    assert front_end.call("POST", "/auth/logout", headers=browser).status_code == 204


def test_data_is_compressed_tagged_and_not_sent_twice(front_end: FrontEnd, saved: str, token: str) -> None:
    first = front_end.call("GET", f"{saved}?day=2024-01-02", token=token, headers={"Accept-Encoding": "gzip"})
    assert check(first)["slug"] == SLUG
    assert first.headers["Content-Encoding"] == "gzip"
    tag = first.headers["ETag"]
    again = front_end.call("GET", f"{saved}?day=2024-01-02", token=token, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert again.headers["Almanac-As-Of"] == first.headers["Almanac-As-Of"]
    assert check(front_end.call("GET", saved), 401)["code"] == "UNAUTHENTICATED"


def test_answers_over_a_kilobyte_are_compressed_and_lines_are_not(
    front_end: FrontEnd, saved: str, token: str
) -> None:
    body = {"sql": "SELECT id, name FROM people ORDER BY id", "dataset": "shop"}
    rows = front_end.call("POST", "/sql/run", token=token, json=body)
    assert len(check(rows)["rows"]) == 100
    assert (rows.headers["Content-Encoding"], "Accept-Encoding" in rows.headers["Vary"]) == ("gzip", True)
    lines = front_end.call(
        "POST", "/precompute", token=token, json={"slugs": [SLUG]}, headers={"Accept": "application/x-ndjson"}
    )
    assert (lines.status_code, lines.headers.get("Content-Encoding")) == (200, None)
    assert lines.headers["Transfer-Encoding"] == "chunked"
    events = [json.loads(line)["event"] for line in lines.text.splitlines()]
    assert events[-1] == "done"
    assert events.count("query") == 3


def test_pages_scripts_and_pictures_come_from_the_viewer_with_what_protects_a_browser(
    front_end: FrontEnd,
) -> None:
    for path in ("/", f"/view/{SLUG}", f"/view/{SLUG}/lineage", f"/edit/{SLUG}", "/docs", "/sessions"):
        page = front_end.call("GET", path, headers={"Accept": "text/html"})
        assert page.status_code == 200, path
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert (page.headers["X-Frame-Options"], page.headers["Referrer-Policy"]) == ("DENY", "same-origin")
        check_any_answer(page)
        for name in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text):
            asset = front_end.call("GET", name, headers={"Accept-Encoding": "gzip"})
            assert asset.status_code == 200, name
            assert "immutable" in asset.headers["Cache-Control"]
            check_any_answer(asset)
    for path in ("/icon.svg", "/openapi.json", "/schema/dashboard.json"):
        assert front_end.call("GET", path).status_code == 200
    assert front_end.passed_on[-1] == "viewer"


def check_any_answer(response: requests.Response) -> None:
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"]
    assert response.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "path", ["/nothing/here", "/data/%00", f"/data/{SLUG}%0a", "/assets/..%2f..%2fmain.py"]
)
def test_what_is_not_there_is_told_by_a_function(front_end: FrontEnd, token: str, path: str) -> None:
    response = front_end.call("GET", path, token=token)
    assert check(response, 404)["code"] == "NOT_FOUND"
    check_any_answer(response)


def test_a_visitor_who_opens_a_page_of_data_is_sent_to_sign_in(front_end: FrontEnd, saved: str) -> None:
    answer = front_end.call("GET", saved, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"/auth/login?return_to=%2Fdata%2F{SLUG}",
    )


def test_a_trace_goes_through_though_nobody_asks_for_its_spans(front_end: FrontEnd, token: str) -> None:
    sent = {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"}
    answer = front_end.call("GET", "/dashboards", token=token, headers=sent)
    assert answer.json()["metadata"]["trace_id"] == TRACE_ID
    assert answer.headers["traceparent"].startswith(f"00-{TRACE_ID}-")
    failed = front_end.call("GET", "/dashboards/nothing-of-the-kind", token=token)
    assert check(failed, 404)["trace_id"] == failed.headers["traceparent"].split("-")[1]


def test_who_signs_in_too_often_is_found_behind_any_claimed_address(front_end: FrontEnd) -> None:
    answers = [
        front_end.call(
            "GET", "/auth/login", headers={"X-Forwarded-For": f"192.0.2.{number}", "X-Real-IP": "::1"}
        )
        for number in range(41)  # a minute may end on the way
    ]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)


def test_health_is_asked_by_cloud_run_alone(front_end: FrontEnd) -> None:
    before = list(front_end.passed_on)
    answer = front_end.call("GET", "/healthz")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=UTF-8")
    assert front_end.passed_on == before


def test_a_body_too_large_for_us_gets_our_answer_and_one_too_large_for_google_gets_googles(
    front_end: FrontEnd, token: str
) -> None:
    sent: dict[str, Any] = {"data": b" " * 3_000_000, "headers": {"Content-Type": "application/json"}}
    ours = front_end.call("POST", "/dashboards/validate", token=token, **sent)
    assert check(ours, 413)["code"] == "PAYLOAD_TOO_LARGE"
    stranger = front_end.call("POST", "/dashboards/validate", **sent)
    assert check(stranger, 401)["code"] == "UNAUTHENTICATED"
    before = list(front_end.passed_on)
    size = {"Content-Length": str(33 * 2**20)}
    theirs = front_end.call("POST", "/dashboards/validate", token=token, headers=size)
    assert (theirs.status_code, theirs.headers["Content-Type"]) == (413, "text/html; charset=UTF-8")
    assert front_end.passed_on == before


def test_the_command_line_waits_until_an_instance_is_free(
    front_end: FrontEnd, saved: str, token: str
) -> None:
    for busy in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT):
        front_end.fail_next(busy, HTTPStatus.SERVICE_UNAVAILABLE)
        listed = run_program(front_end, token, "list")
        assert (listed.returncode, SLUG in listed.stdout) == (0, True), listed.stderr
    before = list(front_end.passed_on)
    front_end.fail_next(HTTPStatus.SERVICE_UNAVAILABLE)
    refused = run_program(front_end, token, "run", "SELECT 1")
    assert "The service is busy" in " ".join(refused.stderr.split())
    assert front_end.passed_on == before


def run_program(front_end: FrontEnd, token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "almanac_cli", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "ALMANAC_URL": front_end.url, "ALMANAC_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
