"""The smoke test after a deployment: it passes a service that is well, and names each function that is not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy import smoke
from shared.api.manifest import load_manifest

PROBES = smoke.list_probes(load_manifest())


class Service:
    """Answers as the whole service would; `faults` says by path what it answers instead."""

    def __init__(self) -> None:
        self.faults: dict[str, tuple[int, bytes]] = {}
        self.version = "v2"
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status = next(probe.status for probe in PROBES if probe.path == self.path)
                envelope = json.dumps({"metadata": {"version": service.version}}).encode()
                status, body = service.faults.get(self.path, (status, envelope))
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


def test_a_service_that_is_well_passes(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke.main([service.url, "--version", "v2", "--within", "0"]) == 0
    assert f"{len(PROBES)} of {len(PROBES)} functions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((503, b"{}"), "data: GET /data/1 answered 503, not 401"),
        ((200, b"{}"), "data: GET /data/1 answered 200, not 401"),
        ((401, b"<html>"), "answered without the envelope"),
        ((401, b'{"metadata": {"version": "v1"}}'), "serves version v1, not v2"),
    ],
)
def test_a_function_that_is_not_well_is_named(
    service: Service, capsys: pytest.CaptureFixture[str], answer: tuple[int, bytes], message: str
) -> None:
    service.faults["/data/1"] = answer
    assert smoke.main([service.url, "--version", "v2", "--within", "0"]) == 1
    assert message in capsys.readouterr().err


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
