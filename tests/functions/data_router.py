"""nginx in front of the functions `data` and `auth`, each a process of its own, on the test servers."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from deploy.local.functions import build_function_spec
from deploy.local.servers.nginx import NginxServer
from deploy.local.supervision.process import Service, ServiceSpec, pick_free_port
from shared.api.manifest import load_manifest
from shared.environment import SecretStr
from shared.settings import Settings

RUNNING = ("data", "auth")


@dataclass(frozen=True)
class DataRouter:
    """A running nginx; `read_log` answers what it logged so far, `services` are the functions behind it."""

    port: int
    log_path: Path
    services: dict[str, Service]

    def get(self, path: str, *, method: str = "GET", **headers: str) -> requests.Response:
        """One request of its own connection, not following redirects; names of headers with `_` for `-`."""
        sent = {"Accept-Encoding": "gzip"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        with requests.Session() as http:
            http.trust_env = False
            http.headers.clear()
            url = f"http://127.0.0.1:{self.port}{path}"
            return http.request(method, url, headers=sent, timeout=20, allow_redirects=False)

    def count_answered_by_function(self, act: Callable[[], object]) -> int:
        """How many requests reached the function `data` while `act` ran."""
        before = self._count_serves()
        act()
        return self._count_serves() - before

    def _count_serves(self) -> int:
        log = self.services["data"].spec.log_path.read_text()
        return len(re.findall(r'"name":"data\.serve"', log))


@contextmanager
def run_data_router(settings: Settings, folder: Path) -> Iterator[DataRouter]:
    """The router, until the block ends."""
    manifest = load_manifest()
    ports = {entry.name: pick_free_port() for entry in manifest.functions}
    environment = make_environment(settings)
    specs: dict[str, ServiceSpec] = {
        name: build_function_spec(manifest.get(name), ports[name], environment, folder) for name in RUNNING
    }
    nginx = NginxServer(folder / "nginx", pick_free_port(), manifest, ports)
    nginx.prepare()
    services = {name: Service(spec) for name, spec in specs.items()}
    with ExitStack() as stack:
        for service in (*services.values(), Service(nginx.spec())):
            stack.enter_context(service.serving())
        yield DataRouter(nginx.port, nginx.spec().log_path, services)


def make_environment(settings: Settings) -> dict[str, str]:
    """The environment that a process reads `settings` from."""
    return {name.upper(): _write(value) for name, value in vars(settings).items() if value is not None}


def _write(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, list) else str(value)
