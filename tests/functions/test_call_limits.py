"""Limits as callers meet them."""

import copy

import pytest

from shared.settings import Settings
from tests.fixtures.functions import SHOP, FunctionHost


@pytest.fixture
def function_settings(function_settings: Settings) -> Settings:
    return copy.replace(function_settings, logins_per_minute=3, compiles_in_flight=1)


def start_login(functions: FunctionHost, **headers: str) -> tuple[int, str | None]:
    answer = functions.call("auth", "GET", "/auth/login", email=None, headers=headers)
    return answer.status_code, answer.headers.get("Retry-After")


def test_sign_ins_of_one_address_are_counted_whatever_its_headers_say(functions: FunctionHost) -> None:
    # Twice as many: a minute may end on the way.
    answers = [start_login(functions, **{"X-Real-IP": f"192.0.2.{number}"}) for number in range(7)]
    assert answers[:3] == [(302, None)] * 3
    refused = [retry for status, retry in answers if status == 429]
    assert refused
    assert all(retry is not None and 1 <= int(retry) <= 60 for retry in refused)


def test_behind_a_trusted_proxy_each_visitor_is_counted_alone(functions: FunctionHost) -> None:
    functions.restart_with(trusted_proxies=["127.0.0.1"])
    answers = [start_login(functions, **{"X-Real-IP": f"192.0.2.{number}"}) for number in range(7)]
    assert answers == [(302, None)] * 7


def test_a_compile_too_many_is_refused_and_room_is_made_at_the_end(functions: FunctionHost) -> None:
    functions.save_shop()
    held = functions.container.call_limits.hold_compile("editor@example.com", (one for one in range(2)))
    assert next(held) == 0
    body = {"slugs": ["shop"], "variants": "default"}
    refused = functions.call("dashboards_compile", "POST", "/dashboards/compile", json=body)
    assert (refused.status_code, refused.json["error"]["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) == 5
    held.close()
    for _ in range(2):
        answer = functions.call("dashboards_compile", "POST", "/dashboards/compile", json=body)
        assert answer.status_code == 200, answer.text


def test_a_call_that_takes_too_many_dry_runs_makes_none(functions: FunctionHost) -> None:
    functions.restart_with(dry_runs_per_call=2)
    body = {"dashboards": [{"path": "shop.yaml", "yaml": SHOP}], "variants": "all"}
    answer = functions.call("dashboards_compile", "POST", "/dashboards/compile", json=body)
    assert (answer.status_code, answer.json["error"]["code"]) == (429, "RATE_LIMITED")
    assert "takes 3 dry runs or more; at most 2" in answer.json["error"]["message"]
