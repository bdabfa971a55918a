"""The smoke test after a deployment: it passes a service that is well, and names each function that is not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy import smoke
from shared.api.manifest import load_manifest
from tests.deploy_cloud.recorder import RecordingGcloud

PROBES = smoke.list_probes(load_manifest())
CHECKS = smoke.list_probes(load_manifest(), "token")


class Service:
    """Answers as the whole service would; `faults` says by path what it answers instead."""

    def __init__(self) -> None:
        self.faults: dict[str, tuple[int, bytes]] = {}
        self.version = "v2"
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                checks = self.headers["X-Almanac-Check"] == "dependencies" and self.headers["Authorization"]
                probes = CHECKS if checks else PROBES
                status = next(probe.status for probe in probes if probe.path == self.path)
                named = {"version": service.version}
                status, body = service.faults.get(
                    self.path, (status, json.dumps({"metadata": named, "info": named}).encode())
                )
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - asked for by the base

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.stop()


def test_every_function_is_probed() -> None:
    assert {probe.function for probe in PROBES} == {entry.name for entry in load_manifest().functions}


def test_every_answer_that_is_looked_at_names_its_version() -> None:
    public = [probe for probe in PROBES if probe.status == 200]
    assert [(probe.function, probe.path) for probe in public] == [("viewer", "/openapi.json")]


def test_a_service_that_is_well_passes(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke.main([service.url, "--version", "v2", "--within", "0"]) == 0
    assert f"{len(PROBES)} of {len(PROBES)} functions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((503, b"{}"), "data: GET /data/1 answered 503, not 401"),
        ((200, b"{}"), "data: GET /data/1 answered 200, not 401"),
        ((401, b"<html>"), "answered without its version"),
        ((401, b'{"metadata": {"version": "v1"}}'), "serves version v1, not v2"),
    ],
)
def test_a_function_that_is_not_well_is_named(
    service: Service, capsys: pytest.CaptureFixture[str], answer: tuple[int, bytes], message: str
) -> None:
    service.faults["/data/1"] = answer
    assert smoke.main([service.url, "--version", "v2", "--within", "0"]) == 1
    assert message in capsys.readouterr().err


def test_with_credentials_a_function_says_what_it_does_not_reach(
    service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMOKE_TOKEN", "token")
    assert smoke.main([service.url, "--version", "v2", "--within", "0"]) == 0
    service.faults["/costs"] = (503, b'{"error": {"message": "cache: it did not answer"}}')
    assert smoke.main([service.url, "--version", "v2", "--within", "0"]) == 1
    said = capsys.readouterr()
    assert "costs: GET /costs answered 503, not 200: cache: it did not answer" in said.err
    assert "no credentials" not in said.out


def test_the_viewers_version_is_looked_at_too(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    service.faults["/openapi.json"] = (200, b'{"info": {"version": "v1"}}')
    assert smoke.main([service.url, "--version", "v2", "--within", "0"]) == 1
    assert "viewer: GET /openapi.json serves version v1, not v2" in capsys.readouterr().err


def test_a_stage_is_asked_as_its_scheduler(
    service: Service, gcloud: RecordingGcloud, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [service.url, "--as-stage", "staging", "--within", "0"]
    assert smoke.main(arguments) == 1
    assert "gcloud printed no ID token of scheduler@almanac-staging" in capsys.readouterr().err
    gcloud.answer({("auth", "print-identity-token"): "token"})
    assert smoke.main(arguments) == 0
    assert "--audiences=https://almanac-staging.example.com" in gcloud.calls[-1]


def test_a_revision_that_takes_a_moment_is_waited_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.version = "v1"
    monkeypatch.setattr(smoke.time, "sleep", lambda seconds: setattr(service, "version", "v2"))
    assert smoke.main([service.url, "--version", "v2", "--within", "30"]) == 0


def test_a_service_that_is_not_there_is_a_failure(service: Service) -> None:
    service.stop()
    probe = smoke.find_fault(service.url, None, PROBES[0])
    assert probe is not None
    assert "ConnectionError" in probe
