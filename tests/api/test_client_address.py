"""Where a request came from, whatever its headers claim."""

import flask
import pytest
from werkzeug.test import EnvironBuilder

from shared.api.client_address import read_client_address
from shared.settings import Environment, Settings

PEER = "169.254.1.1"


def read(environment: Environment, headers: dict[str, str], trusted: str = "169.254.0.0/16") -> str | None:
    environ = EnvironBuilder(headers=headers, environ_base={"REMOTE_ADDR": PEER}).get_environ()
    settings = Settings(environment=environment, trusted_proxies=trusted)
    return read_client_address(flask.Request(environ), settings)


@pytest.mark.parametrize("environment", [Environment.STAGING, Environment.PROD])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Forwarded-For": "203.0.113.7,35.191.0.1"}, "203.0.113.7"),
        ({"X-Forwarded-For": "10.9.9.9, 10.8.8.8, 203.0.113.7, 35.191.0.1"}, "203.0.113.7"),
        ({"X-Forwarded-For": "2001:db8::7, 2600:1901::1", "X-Real-IP": "10.1.2.3"}, "2001:db8::7"),
        ({"X-Forwarded-For": "10.9.9.9"}, PEER),
        ({"X-Real-IP": "10.1.2.3"}, PEER),
    ],
)
def test_on_google_it_is_what_the_load_balancer_appended(
    environment: Environment, headers: dict[str, str], expected: str
) -> None:
    assert read(environment, headers) == expected


def test_behind_nginx_it_is_what_nginx_says() -> None:
    headers = {"X-Real-IP": "203.0.113.7", "X-Forwarded-For": "10.9.9.9, 10.8.8.8"}
    assert read(Environment.LOCAL, headers) == "203.0.113.7"
    assert read(Environment.LOCAL, {"X-Forwarded-For": "10.9.9.9, 10.8.8.8"}) == PEER


@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8, ::1", "169.254.1.2"])
def test_who_is_no_trusted_proxy_is_not_believed(environment: Environment, trusted: str) -> None:
    headers = {"X-Real-IP": "203.0.113.7", "X-Forwarded-For": "203.0.113.7, 35.191.0.1"}
    assert read(environment, headers, trusted) == PEER


def test_what_is_no_network_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'nginx' is no network; write for example 10\.0\.0\.0/8"):
        Settings(trusted_proxies="127.0.0.1, nginx")
