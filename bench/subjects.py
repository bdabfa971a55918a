"""What is measured beside the service: a hello world of functions-framework, and nginx with a file."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.parts import REPOSITORY
from deploy.local.servers.nginx import find_binary, make_user_directive
from deploy.local.supervision.process import Service, ServiceSpec, accepts_connections, pick_free_port

_STATIC_CONF = """\
worker_processes auto;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log {log};
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port};
        location = /body {{ root {folder}; default_type application/json; }}
    }}
}}
"""


def make_hello_spec(folder: Path, port: int, body: bytes) -> ServiceSpec:
    """A function that answers every request with `body`, run as the service's functions are."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "body"
    kept.write_bytes(body)
    return ServiceSpec(
        name="hello",
        command=[sys.executable, "-m", "functions_framework"],
        is_ready=lambda: accepts_connections(port),
        log_path=folder / "hello.log",
        environment={
            "FUNCTION_TARGET": "hello",
            "FUNCTION_SOURCE": str(REPOSITORY / "bench" / "hello" / "main.py"),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "THREADS": "32",
            "WORKERS": "1",
            "PYTHONUNBUFFERED": "1",
            "HELLO_BODY": str(kept),
            "XDG_RUNTIME_DIR": str(folder),
        },
    )


@contextmanager
def run_hello(folder: Path, body: bytes) -> Iterator[int]:
    """The port of a running hello world."""
    port = pick_free_port()
    with Service(make_hello_spec(folder, port, body)).serving():
        yield port


@contextmanager
def run_static(folder: Path, body: bytes) -> Iterator[int]:
    """The port of an nginx that serves `body` at /body, logging each request as the service's nginx does."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    (folder / "body").write_bytes(body)
    port = pick_free_port()
    conf = _STATIC_CONF.format(port=port, folder=folder, log=folder / "access.log")
    (folder / "nginx.conf").write_text(conf)
    spec = ServiceSpec(
        name="static",
        command=[
            find_binary(), "-p", folder, "-c", folder / "nginx.conf",
            "-g", f"daemon off; pid nginx.pid;{make_user_directive()}",
        ],
        is_ready=lambda: accepts_connections(port),
        log_path=folder / "nginx.log",
        stop_signal=signal.SIGQUIT,
    )  # fmt: skip
    with Service(spec).serving():
        yield port
