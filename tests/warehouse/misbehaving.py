"""An HTTP server in front of BigQuery that fails, hangs or loses answers on demand."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.warehouse.google_shape import GoogleShape

HANG_SECONDS = 30
FRONT_END_PAGE = b"<!DOCTYPE html><html><head><title>503</title></head><body>Service busy</body></html>"


class MisbehavingServer:
    """Passes everything on to `upstream` but what the faults take away; with `shape` answers are as Google's.

    `requests` holds what came in, as `insert`, `dry_run`, `get`, `results`, `cancel` or `other`.
    """

    def __init__(self, upstream: str, shape: GoogleShape | None = None) -> None:
        self.shape = shape
        self._address = urlsplit(upstream)
        self._faults: dict[str, list[str | None]] = {}
        self._released = threading.Event()
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def fail(self, call: str, *faults: str | None) -> None:
        """What the next calls of this kind meet, one each.

        A status such as `503`, `403 rateLimitExceeded` (and after that what it says), `503 html` (a page of Google's
        front end), `hang`, `lose` (done, but the answer is lost), `job backendError` (the job is done and has failed
        for that reason), or None (nothing).
        """
        self._faults[call] = list(faults)

    def count(self, call: str) -> int:
        """How many calls of this kind came in."""
        return self.requests.count(call)

    @contextmanager
    def running(self) -> Iterator["MisbehavingServer"]:
        """Serve while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._released.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def _pick_fault(self, call: str) -> str | None:
        faults = self._faults.get(call)
        return faults.pop(0) if faults else None

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                call = name_call(self.command, self.path, body)
                server.requests.append(call)
                fault = server._pick_fault(call)
                if fault == "hang":
                    server._released.wait(HANG_SECONDS)
                    self.close_connection = True
                elif fault is not None and fault[0].isdigit():
                    self._refuse(fault)
                else:
                    self._pass_on(body, fault)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any  # noqa: N815 - asked for by the base

            def _refuse(self, fault: str) -> None:
                status, reason, message = (*fault.split(" ", 2), "", "")[:3]
                if reason == "html":
                    self._answer(int(status), FRONT_END_PAGE, "text/html; charset=UTF-8")
                    return
                message = message or "out of order"
                errors = [{"reason": reason, "message": message}] if reason else []
                error = {"code": int(status), "message": message, "errors": errors}
                self._answer(int(status), json.dumps({"error": error}).encode())

            def _pass_on(self, body: bytes, fault: str | None) -> None:
                upstream = http.client.HTTPConnection(
                    str(server._address.hostname), server._address.port, timeout=60
                )
                dropped = {"host", "accept-encoding", "content-length"}
                headers = {k: v for k, v in self.headers.items() if k.lower() not in dropped}
                sent = body if server.shape is None else server.shape.mark(body)
                upstream.request(self.command, self.path, sent, headers)
                response = upstream.getresponse()
                data = response.read()
                upstream.close()
                if server.shape is not None:
                    data = server.shape.shape(self.command, self.path, body, response.status, data)
                if fault == "lose":
                    self.close_connection = True
                else:
                    failed = fault and _fail_job(data, fault.removeprefix("job "))
                    self._answer(response.status, failed or data)

            def _answer(self, status: int, data: bytes, content_type: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with suppress(BrokenPipeError, ConnectionResetError):  # who asked has given up
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def _fail_job(data: bytes, reason: str) -> bytes:
    """A job's answer as BigQuery gives it when the job failed for `reason`."""
    job = json.loads(data)
    error = {
        "reason": reason,
        "message": "The job encountered an error during execution. Retrying may solve it.",
    }
    job["status"] = {"state": "DONE", "errorResult": error, "errors": [error]}
    return json.dumps(job).encode()


def name_call(method: str, path: str, body: bytes) -> str:
    """Which of BigQuery's calls this is."""
    path = path.partition("?")[0]
    if path.endswith("/cancel"):
        return "cancel"
    if path.endswith("/jobs") and method == "POST":
        return "dry_run" if b'"dryRun": true' in body else "insert"
    if "/jobs/" in path:
        return "get"
    return "results" if "/queries/" in path else "other"
