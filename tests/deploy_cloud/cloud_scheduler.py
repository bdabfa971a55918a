"""Cloud Scheduler's REST API, keeping jobs as its documentation says, and the token endpoint in front of it.

https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TOKEN = "token-of-the-service-account"
JOBS = re.compile(r"/v1/(projects/[^/]+/locations/[^/]+)/jobs(?:/([A-Za-z0-9_-]{1,500}))?")
PAGE_SIZE = 2
OUTPUT_ONLY = {
    "state": "ENABLED",
    "userUpdateTime": "2026-01-01T00:00:00Z",
    "scheduleTime": "2026-01-02T00:00:00Z",
}
# What Google fills in where a job says nothing.
RETRY = {
    "maxRetryDuration": "0s",
    "minBackoffDuration": "5s",
    "maxBackoffDuration": "3600s",
    "maxDoublings": 5,
}


@dataclass
class CloudScheduler:
    """The jobs there are, by name, and the calls that changed something."""

    url: str = ""
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    refuse_after: int | None = None
    pages: dict[str, bytes] = field(default_factory=dict)

    def answer(
        self, method: str, path: str, query: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of one call."""
        found = JOBS.fullmatch(path)
        if found is None:
            return fail(404, "no such method")
        name = path.removeprefix("/v1/")
        if method == "GET":
            return self._list(f"{name}/", int(query.get("pageToken", "0")))
        if self.refuse_after == len(self.changes):
            return fail(403, "The principal lacks IAM permission.")
        job = json.loads(body) if body else {}
        if method == "POST":
            return self._create(name, job)
        if name not in self.jobs:
            return fail(404, "Job not found.")
        self.changes.append((method, name, query.get("updateMask", "")))
        if method == "DELETE":
            del self.jobs[name]
            return 200, {}
        return self._update(name, job, query["updateMask"].split(","))

    def _list(self, prefix: str, start: int) -> tuple[int, dict[str, Any]]:
        found = [job for name, job in sorted(self.jobs.items()) if name.startswith(prefix)]
        more = {"nextPageToken": str(start + PAGE_SIZE)} if start + PAGE_SIZE < len(found) else {}
        return 200, {"jobs": found[start : start + PAGE_SIZE], **more}

    def _create(self, parent: str, job: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name = job["name"]
        if not name.startswith(f"{parent}/") or not JOBS.fullmatch(f"/v1/{name}"):
            return fail(400, "Job name must be formatted: projects/…/locations/…/jobs/…")
        if name in self.jobs:
            return fail(409, "Job already exists.")
        self.changes.append(("POST", name, ""))
        self.jobs[name] = complete(job)
        return 200, self.jobs[name]

    def _update(self, name: str, job: dict[str, Any], mask: list[str]) -> tuple[int, dict[str, Any]]:
        state = self.jobs[name]["state"]
        self.jobs[name] = complete(self.jobs[name] | {key: job[key] for key in mask}) | {"state": state}
        return 200, self.jobs[name]


def complete(job: dict[str, Any]) -> dict[str, Any]:
    """The job as Google gives it back."""
    target = job["httpTarget"]
    headers = {"User-Agent": "Google-Cloud-Scheduler", **target.get("headers", {})}
    return {
        **job,
        **OUTPUT_ONLY,
        "httpTarget": {**target, "headers": headers},
        "retryConfig": {**RETRY, **job.get("retryConfig", {})},
    }


def fail(status: int, message: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"code": status, "message": message, "status": "FAILED"}}


@contextmanager
def run_cloud_scheduler() -> Iterator[CloudScheduler]:
    """A server on a free port; `pages` holds what it answers to other GETs, as the service would."""
    scheduler = CloudScheduler()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if address.path in scheduler.pages:
                self._send(200, scheduler.pages[address.path])
            elif address.path == "/token":
                answer = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
                self._send(200, json.dumps(answer).encode())
            elif self.headers["Authorization"] != f"Bearer {TOKEN}":
                self._send(401, json.dumps(fail(401, "no credentials")[1]).encode())
            else:
                query = {key: values[0] for key, values in parse_qs(address.query).items()}
                status, answer = scheduler.answer(self.command, address.path, query, body)
                self._send(status, json.dumps(answer).encode())

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        scheduler.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield scheduler
        finally:
            server.shutdown()
            thread.join()


def write_credentials(folder: Path, scheduler: CloudScheduler) -> Path:
    """A service account's key file whose tokens the server gives out."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    content = {
        "type": "service_account",
        "project_id": "almanac-staging",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": "deployer@almanac-staging.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{scheduler.url}/token",
    }
    path = folder / "credentials.json"
    path.write_text(json.dumps(content))
    return path
