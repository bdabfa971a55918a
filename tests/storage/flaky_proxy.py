"""An HTTP proxy in front of the Cloud Storage emulator that loses answers, fails or corrupts on demand."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Fault = Callable[[str, str], str]
"""From method and path to what happens: `pass`, `lose` (done, but no answer), `fail` (500), `corrupt`."""


class FlakyProxy:
    """The running proxy: set `fault` to choose what happens; `requests` holds the (method, path) seen."""

    def __init__(self, upstream_port: int) -> None:
        self.fault: Fault = lambda _method, _path: "pass"
        self.requests: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler(upstream_port))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def fail_first(self, method: str, kind: str, count: int = 1) -> None:
        """Let the first `count` requests of `method` meet the fault `kind`."""
        left = [kind] * count
        self.fault = lambda seen, _path: left.pop() if seen == method and left else "pass"

    @contextmanager
    def running(self) -> Iterator["FlakyProxy"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def _make_handler(self, upstream_port: int) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.requests.append((self.command, self.path))
                kind = proxy.fault(self.command, self.path)
                if kind == "fail":
                    self._answer(500, {}, b"broken")
                    return
                upstream = http.client.HTTPConnection("127.0.0.1", upstream_port, timeout=10)
                upstream.request(self.command, self.path, body, dict(self.headers))
                response = upstream.getresponse()
                data, headers = response.read(), dict(response.getheaders())
                upstream.close()
                if kind == "lose":
                    self.close_connection = True
                    return
                if kind == "corrupt":
                    data = data[:-1] + bytes([data[-1] ^ 1])
                self._answer(response.status, headers, data)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the base class asks for it

            def _answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in {"content-length", "transfer-encoding", "connection", "date"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
