"""nginx in front of two small functions; the third one of the test manifest never runs."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from deploy.local.functions import build_function_spec
from deploy.local.parts import ensure_parts
from deploy.local.servers.nginx import NginxServer
from deploy.local.supervision.process import Service, pick_free_port
from shared.api.manifest import Manifest, load_manifest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    """The manifest of the test functions."""
    return load_manifest(HERE / "functions.yaml")


@dataclass(frozen=True)
class Gateway:
    """A running nginx; `log_path` is its access and error log."""

    port: int
    log_path: Path

    def call(self, path: str, *, method: str = "GET", **options: object) -> requests.Response:
        """One request, not following redirects."""
        url = f"http://127.0.0.1:{self.port}{path}"
        with requests.Session() as http:
            http.trust_env = False
            return http.request(method, url, timeout=20, allow_redirects=False, **options)


@pytest.fixture(scope="session")
def gateway(servers: None, tmp_path_factory: pytest.TempPathFactory, manifest: Manifest) -> Iterator[Gateway]:
    """nginx with the functions behind it."""
    ensure_parts()
    folder = tmp_path_factory.mktemp("gateway")
    ports = {entry.name: pick_free_port() for entry in manifest.functions}
    environment = {"OTEL_TRACES_EXPORTER": "none"}
    services = [
        Service(build_function_spec(manifest.get(name), ports[name], environment, folder, HERE / "functions"))
        for name in ("echo", "precompute")
    ]
    nginx = NginxServer(folder / "nginx", pick_free_port(), manifest, ports, "1.2.3")
    nginx.prepare()
    spec = nginx.spec()
    services.append(Service(spec))
    with ExitStack() as stack:
        for service in services:
            stack.callback(service.stop)
            service.start()
        for service in services:
            service.wait_ready()
        yield Gateway(nginx.port, spec.log_path)
