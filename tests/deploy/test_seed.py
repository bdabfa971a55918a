"""Seeding: which files go to the API, and what is said about its answer."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.local.errors import StackError
from deploy.local.seed import SAMPLES, is_served, post_patiently, read_dashboards, summarize
from deploy.local.supervision.process import pick_free_port
from shared.schemas.saves import SaveRequest


def test_a_dashboard_goes_out_with_the_sql_files_it_names(tmp_path: Path) -> None:
    folder = tmp_path / "dashboards"
    (folder / "sql").mkdir(parents=True)
    (folder / "sql/one.sql").write_text("SELECT 1")
    (folder / "sql/unused.sql").write_text("SELECT 2")
    text = "queries:\n  a: {file: sql/one.sql}\n  b: {sql: SELECT 3}\n"
    (folder / "one.yaml").write_text(text)
    assert read_dashboards(folder) == [
        {"path": "dashboards/one.yaml", "yaml": text, "files": {"sql/one.sql": "SELECT 1"}}
    ]


def test_the_samples_make_a_request_the_api_reads() -> None:
    request = SaveRequest.model_validate(
        {"dashboards": read_dashboards(SAMPLES), "message": "Sample dashboards"}
    )
    assert len(request.dashboards) == len(list(SAMPLES.glob("*.yaml")))


def refresh(**more: Any) -> dict[str, Any]:
    """A dashboard's refresh as the API answers it."""
    totals = {"refreshed": 2, "skipped_unchanged": 1, "kept_previous": 0, "failed": 0}
    return {"slug": "nyc", "queries": [{"error": None}], "problems": [], "totals": totals, **more}


def test_the_summary_counts_versions_and_queries() -> None:
    saved = [{"slug": "nyc", "changed": True}, {"slug": "old", "changed": False}]
    assert summarize(saved, [refresh(), refresh()]) == (
        "2 dashboards (1 new versions), queries: 4 refreshed, 2 skipped unchanged"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"queries": [{"error": {"code": "SQL_INVALID", "message": "No such column."}}]},
        {"problems": [{"code": "SQL_INVALID", "message": "No such column."}]},
    ],
)
def test_what_could_not_be_computed_is_an_error_with_its_slug(wrong: dict[str, Any]) -> None:
    with pytest.raises(StackError, match=r"^nyc: SQL_INVALID No such column\.$"):
        summarize([], [refresh(**wrong)])


DASHBOARD = {"path": "dashboards/nyc.yaml", "yaml": "slug: nyc\n", "files": {"sql/a.sql": "SELECT 1"}}


@contextmanager
def serve(answers: dict[str, Any]) -> Iterator[str]:
    """A server that answers the given paths with their data in an envelope, and others with 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = answers.get(self.path)
            body = json.dumps({"success": data is not None, "data": data}).encode()
            self.send_response(200 if data is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("saved", "payload", "expected"),
    [
        ({"yaml": "slug: nyc\n", "files": {"sql/a.sql": "SELECT 1"}}, {"stale": False}, True),
        ({"yaml": "slug: nyc # edited\n", "files": {"sql/a.sql": "SELECT 1"}}, {"stale": False}, False),
        ({"yaml": "slug: nyc\n", "files": {"sql/a.sql": "SELECT 2"}}, {"stale": False}, False),
        ({"yaml": "slug: nyc\n", "files": {"sql/a.sql": "SELECT 1"}}, {"stale": True}, False),
        ({"yaml": "slug: nyc\n", "files": {"sql/a.sql": "SELECT 1"}}, None, False),
        (None, None, False),
    ],
    ids=["served", "edited", "SQL file edited", "stale", "not computed", "not saved"],
)
def test_only_a_dashboard_that_is_saved_and_served_as_it_is_needs_no_work(
    saved: dict[str, Any] | None, payload: dict[str, Any] | None, expected: bool
) -> None:
    with serve({"/dashboards/nyc": saved, "/data/nyc": payload}) as url, requests.Session() as http:
        http.trust_env = False
        assert is_served(http, url, DASHBOARD) is expected


def test_a_warehouse_that_is_busy_is_asked_again() -> None:
    error = {"code": "WAREHOUSE_TIMEOUT", "message": "No answer.", "remediation": "Try again.", "details": []}
    refused: dict[str, Any] = {"success": False, "error": error}
    answers = [refused, refused, {"success": True, "data": {"results": []}}]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            envelope = answers.pop(0)
            body = json.dumps(envelope).encode()
            self.send_response(200 if envelope["success"] else 504)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, requests.Session() as http:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        http.trust_env = False
        url = f"http://127.0.0.1:{server.server_port}"
        assert post_patiently(http, url, {}, 10) == {"results": []}
        answers.extend([refused] * 20)
        with pytest.raises(StackError, match="answered 504 WAREHOUSE_TIMEOUT"):
            post_patiently(http, url, {}, 10)
        server.shutdown()


def test_a_service_that_does_not_answer_has_served_nothing() -> None:
    with requests.Session() as http:
        http.trust_env = False
        assert is_served(http, f"http://127.0.0.1:{pick_free_port()}", DASHBOARD) is False
