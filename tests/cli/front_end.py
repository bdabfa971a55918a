"""What stands between the program and the service, and answers what a test tells it to."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<html><title>Error</title><h1>Server Error</h1></html>"


class FrontEnd(ThreadingHTTPServer):
    """Answers each request with the next of `answers`: status, type, body, Retry-After."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str, bytes, str | None]] = []
        self.seen: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def say(
        self, status: int, *, body: bytes = PAGE, kind: str = "text/html", after: str | None = None
    ) -> None:
        self.answers.append((status, kind, body, after))


class _Handler(BaseHTTPRequestHandler):
    server: FrontEnd

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.seen.append(f"{self.command} {self.path.partition('?')[0]}")
        status, kind, body, after = self.server.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if after is not None:
            self.send_header("Retry-After", after)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - as http.server looks for it

    def log_message(self, *_: object) -> None:
        """Say nothing."""
