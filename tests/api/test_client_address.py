"""Where a request came from, whatever its headers claim."""

import flask
import pytest
from werkzeug.test import EnvironBuilder

from shared.api.client_address import read_client_address
from shared.settings import Environment, Settings

PEER = "169.254.1.1"


def read(environment: Environment, headers: dict[str, str]) -> str | None:
    environ = EnvironBuilder(headers=headers, environ_base={"REMOTE_ADDR": PEER}).get_environ()
    return read_client_address(flask.Request(environ), Settings(environment=environment))


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
