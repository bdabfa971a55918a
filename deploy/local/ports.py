"""Which ports the local stack listens on: defaults, overridden by `.env` and by the environment."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields

from deploy.local.errors import StackError

_HIGHEST_PORT = 65535


class PortSettingError(StackError):
    """A port setting is not usable, or the port is taken; the message says which and what to change."""


@dataclass(frozen=True)
class Ports:
    """The ports, all on loopback. `functions` is the first of one port per function, in manifest order."""

    nginx: int = 8080
    oidc: int = 8081
    functions: int = 8100
    postgres: int = 8432
    cache: int = 8379
    bigquery: int = 8050
    bigquery_emulator: int = 8051
    bigquery_storage: int = 8052

    def list_listeners(self, function_names: tuple[str, ...]) -> list["Listener"]:
        """Every listener of the stack."""
        single = [
            Listener(field.name.replace("_", "-"), getattr(self, field.name), setting_name(field.name))
            for field in fields(self)
            if field.name != "functions"
        ]
        setting = setting_name("functions")
        return single + [Listener(name, self.functions + n, setting) for n, name in enumerate(function_names)]

    def function_ports(self, function_names: tuple[str, ...]) -> dict[str, int]:
        """The port of each function."""
        return {name: self.functions + n for n, name in enumerate(function_names)}


@dataclass(frozen=True)
class Listener:
    """A service, its port, and the setting that moves it."""

    service: str
    port: int
    setting: str


def setting_name(field_name: str) -> str:
    """The environment variable of a field of `Ports`."""
    return f"PORT_{field_name.upper()}"


def read_ports(dotenv: Mapping[str, str]) -> Ports:
    """The ports from the environment, else from `dotenv`, else the defaults. Raises PortSettingError."""
    chosen = {}
    for field in fields(Ports):
        name = setting_name(field.name)
        text = os.environ.get(name) or dotenv.get(name)
        if text:
            chosen[field.name] = parse_port(name, text)
    return Ports(**chosen)


def check_listeners(listeners: list[Listener]) -> None:
    """Raise PortSettingError when two services share a port or another program holds one."""
    seen: dict[int, Listener] = {}
    for listener in listeners:
        if listener.port > _HIGHEST_PORT:
            raise PortSettingError(
                f"{listener.setting} leaves no port for {listener.service}; choose a lower one in .env."
            )
        if other := seen.get(listener.port):
            raise PortSettingError(
                f"{other.service} and {listener.service} would both listen on port {listener.port}; "
                f"change {other.setting} or {listener.setting} in .env."
            )
        seen[listener.port] = listener
    for listener in listeners:
        if not is_free(listener.port):
            raise PortSettingError(
                f"Port {listener.port} ({listener.service}) is taken by another program; "
                f"stop that, or set {listener.setting} to a free port in .env."
            )


def is_free(port: int) -> bool:
    """True when this stack could listen on `port` of the loopback address."""
    with socket.socket() as probe:
        # As the servers do: connections of an earlier run that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def parse_port(name: str, text: str) -> int:
    """The port a setting names. Raises PortSettingError."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _HIGHEST_PORT:
        raise PortSettingError(f"{name} is {text!r}; it must be a port number from 1 to {_HIGHEST_PORT}.")
    return int(text)
