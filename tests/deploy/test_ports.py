"""Ports: defaults, settings, and the sentence when one cannot be used."""

import socket
from collections.abc import Iterator

import pytest

from deploy.local.ports import Listener, Ports, PortSettingError, check_listeners, read_ports, setting_name
from deploy.local.supervision.process import pick_free_port


@pytest.fixture(autouse=True)
def _no_port_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Ports.__dataclass_fields__:
        monkeypatch.delenv(setting_name(name), raising=False)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port something listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_without_settings_nginx_listens_on_8080() -> None:
    assert read_ports({}) == Ports()
    assert Ports().nginx == 8080


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT_NGINX", "9001")
    ports = read_ports({"PORT_NGINX": "9000", "PORT_POSTGRES": "9002", "PORT_CACHE": ""})
    assert (ports.nginx, ports.postgres, ports.cache) == (9001, 9002, Ports().cache)


@pytest.mark.parametrize("text", ["http", "0", "-1", "65536", "80 80", "8080.0", "٨٠"])
def test_a_setting_that_is_no_port_is_named(text: str) -> None:
    with pytest.raises(PortSettingError, match=r"^PORT_NGINX is .* must be a port number from 1 to 65535\.$"):
        read_ports({"PORT_NGINX": text})


def test_functions_take_consecutive_ports_in_the_order_of_the_manifest() -> None:
    assert Ports(functions=9000).function_ports(("data", "auth")) == {"data": 9000, "auth": 9001}


def test_the_default_ports_do_not_overlap() -> None:
    listeners = Ports().list_listeners(tuple(f"f{n}" for n in range(30)))
    assert len({listener.port for listener in listeners}) == len(listeners)


def test_a_taken_port_is_named_with_the_setting_that_moves_it(taken_port: int) -> None:
    with pytest.raises(PortSettingError) as caught:
        check_listeners(
            [Listener("nginx", pick_free_port(), "PORT_NGINX"), Listener("oidc", taken_port, "PORT_OIDC")]
        )
    assert str(caught.value) == (
        f"Port {taken_port} (oidc) is taken by another program; "
        "stop that, or set PORT_OIDC to a free port in .env."
    )


def test_two_services_on_one_port_are_named() -> None:
    with pytest.raises(PortSettingError, match="nginx and data would both listen on port 9000"):
        check_listeners([Listener("nginx", 9000, "PORT_NGINX"), Listener("data", 9000, "PORT_FUNCTIONS")])


def test_functions_beyond_the_highest_port_are_refused() -> None:
    with pytest.raises(PortSettingError, match="PORT_FUNCTIONS leaves no port for data"):
        check_listeners([Listener("data", 65536, "PORT_FUNCTIONS")])


@pytest.mark.usefixtures("programs")
def test_a_port_whose_connections_linger_counts_as_free() -> None:
    port = pick_free_port()
    with socket.create_server(("127.0.0.1", port)) as server, socket.create_connection(("127.0.0.1", port)):
        accepted, _ = server.accept()
        accepted.close()  # this side closes first, so the port stays in TIME_WAIT
    check_listeners([Listener("nginx", port, "PORT_NGINX")])
