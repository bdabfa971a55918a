"""Sign-in through the functions: the whole code flow with the local provider."""

from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from shared.settings import Environment
from tests.fixtures.functions import FunctionHost
from tests.fixtures.oidc import walk_through_login
from tests.fixtures.postgres import list_actions

SESSION = "__Host-almanac-session"
LOGIN = "__Host-almanac-login"


def read_cookies(response: TestResponse) -> dict[str, str]:
    cookies: SimpleCookie = SimpleCookie()
    for header in response.headers.getlist("Set-Cookie"):
        cookies.load(header)
    return {name: morsel.value for name, morsel in cookies.items()}


def sign_in(
    functions: FunctionHost, email: str, return_to: str = "/data/shop", headers: dict[str, str] | None = None
) -> TestResponse:
    start = functions.call("auth", "GET", f"/auth/login?{urlencode({'return_to': return_to})}", email=None)
    assert start.status_code == 302
    callback = walk_through_login(start.headers["Location"], email)
    query = urlencode({key: value for key, value in vars(callback).items() if value is not None})
    sent = {**(headers or {}), "Cookie": f"{LOGIN}={read_cookies(start)[LOGIN]}"}
    return functions.call("auth", "GET", f"/auth/callback?{query}", email=None, headers=sent)


def with_session(response: TestResponse) -> dict[str, str]:
    return {"Cookie": f"{SESSION}={read_cookies(response)[SESSION]}"}


def test_a_person_signs_in_and_is_sent_back_where_they_wanted_to_go(functions: FunctionHost) -> None:
    done = sign_in(functions, "editor@example.com")
    assert (done.status_code, done.headers["Location"]) == (302, "/data/shop")
    header = next(one for one in done.headers.getlist("Set-Cookie") if one.startswith(SESSION))
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in header.split(";")}
    data = functions.call("auth", "GET", "/auth/session", email=None, headers=with_session(done)).json["data"]
    assert (data["email"], data["role"], data["via"]) == ("editor@example.com", "editor", "session")


def test_changing_something_with_a_cookie_needs_its_csrf_token(functions: FunctionHost) -> None:
    session = with_session(sign_in(functions, "editor@example.com"))
    body = {"sql": "SELECT 1 AS one"}
    refused = functions.call("sql_run", "POST", "/sql/run", email=None, headers=session, json=body)
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "FORBIDDEN")
    token = functions.call("auth", "GET", "/auth/session", email=None, headers=session).json["data"][
        "csrf_token"
    ]
    allowed = functions.call(
        "sql_run", "POST", "/sql/run", email=None, headers={**session, "X-CSRF-Token": token}, json=body
    )
    assert allowed.json["data"]["rows"] == [[1]]


def test_signing_out_ends_the_session(functions: FunctionHost) -> None:
    functions.restart_with(session_cache_seconds=0)
    session = with_session(sign_in(functions, "viewer@example.com"))
    token = functions.call("auth", "GET", "/auth/session", email=None, headers=session).json["data"][
        "csrf_token"
    ]
    headers = {**session, "X-CSRF-Token": token}
    assert functions.call("auth", "POST", "/auth/logout", email=None, headers=headers).status_code == 204
    again = functions.call("auth", "GET", "/auth/session", email=None, headers=session)
    assert (again.status_code, again.json["error"]["code"]) == (401, "UNAUTHENTICATED")


def test_signing_in_and_out_and_ending_a_session_leave_actions(functions: FunctionHost) -> None:
    first, second = (with_session(sign_in(functions, "viewer@example.com")) for _ in range(2))
    asked = [
        functions.call("auth", "GET", "/auth/session", email=None, headers=one) for one in (first, second)
    ]
    ids = [one.json["data"]["session_id"] for one in asked]
    headers = {**first, "X-CSRF-Token": asked[0].json["data"]["csrf_token"]}
    revoked = functions.call("auth", "DELETE", f"/auth/sessions/{ids[1]}", email=None, headers=headers)
    assert revoked.status_code == 204
    assert functions.call("auth", "POST", "/auth/logout", email=None, headers=headers).status_code == 204
    rows = list_actions(functions.container.database)
    assert [(row.action, row.target) for row in rows] == [
        ("session.start", ids[0]),
        ("session.start", ids[1]),
        ("session.revoke", ids[1]),
        ("session.end", ids[0]),
    ]
    assert {(row.actor, row.outcome.value) for row in rows} == {("viewer@example.com", "success")}
    assert all(row.user_id is not None for row in rows)


def test_nobody_fills_the_actions_from_outside(functions: FunctionHost) -> None:
    assert functions.call("auth", "GET", "/auth/callback?code=x&state=y", email=None).status_code == 401
    assert functions.call("auth", "GET", "/auth/login", email=None).status_code == 302
    assert list_actions(functions.container.database) == []


@pytest.mark.parametrize("name", ["logout", "login", "config", "sessions", "verify"])
def test_a_session_called_like_another_path_is_one_that_does_not_exist(
    functions: FunctionHost, name: str
) -> None:
    session = with_session(sign_in(functions, "viewer@example.com"))
    token = functions.call("auth", "GET", "/auth/session", email=None, headers=session).json["data"][
        "csrf_token"
    ]
    headers = {**session, "X-CSRF-Token": token}
    answer = functions.call("auth", "DELETE", f"/auth/sessions/{name}", email=None, headers=headers)
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "NOT_FOUND")
    assert functions.call("auth", "GET", "/auth/session", email=None, headers=session).status_code == 200


def test_a_session_says_where_from_as_the_load_balancer_saw_it(functions: FunctionHost) -> None:
    functions.restart_with(environment=Environment.PROD, trusted_proxies=["127.0.0.0/8"])
    forged = {"X-Real-IP": "10.1.2.3", "X-Forwarded-For": "10.9.9.9, 203.0.113.7, 35.191.0.1"}
    session = with_session(sign_in(functions, "viewer@example.com", headers=forged))
    listed = functions.call("auth", "GET", "/auth/sessions", email=None, headers=session)
    assert [one["ip"] for one in listed.json["data"]["results"]] == ["203.0.113.7"]
    assert listed.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_somebody_who_is_not_on_the_list_is_told_so(functions: FunctionHost) -> None:
    refused = sign_in(functions, "outsider@elsewhere.test")
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "FORBIDDEN")
    assert SESSION not in read_cookies(refused)


def test_a_callback_without_the_browser_that_began_is_refused(functions: FunctionHost) -> None:
    start = functions.call("auth", "GET", "/auth/login", email=None)
    callback = walk_through_login(start.headers["Location"], "editor@example.com")
    query = urlencode({"code": callback.code, "state": callback.state})
    response = functions.call("auth", "GET", f"/auth/callback?{query}", email=None)
    assert response.json["error"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("authorization", ["Bearer nonsense", "Basic YTpi", "Bearer a.b.c"])
def test_a_token_that_is_none_is_refused(functions: FunctionHost, authorization: str) -> None:
    response = functions.call("auth", "GET", "/auth/session", headers={"Authorization": authorization})
    assert (response.status_code, response.json["error"]["code"]) == (401, "UNAUTHENTICATED")


def test_the_router_is_told_who_is_calling(functions: FunctionHost) -> None:
    response = functions.call("auth", "GET", "/auth/verify", email="viewer@example.com")
    assert response.status_code in {200, 204}
    assert functions.call("auth", "GET", "/auth/verify", email=None).status_code == 401


def test_anybody_may_ask_how_the_command_line_signs_people_in(functions: FunctionHost) -> None:
    functions.restart_with(cli_oidc_client_id="desktop", cli_oidc_client_secret="")
    answer = functions.call("auth", "GET", "/auth/config", email=None)
    assert answer.json["data"] == {
        "issuer": functions.oidc.issuer, "client_id": "desktop", "client_secret": None,
    }  # fmt: skip
    functions.restart_with(cli_oidc_client_id="")
    assert functions.call("auth", "GET", "/auth/config", email=None).json["data"]["client_id"] is None
    secret = functions.container.settings.oidc_client_secret.get_secret_value()
    assert secret
    assert secret not in answer.text


def test_an_administrator_rebinds_an_address(functions: FunctionHost) -> None:
    body = {"emails": ["viewer@example.com", "nobody@example.com"]}
    path = "/auth/accounts/rebind"
    functions.call("auth", "GET", "/auth/session", email="viewer@example.com")
    refused = functions.call("auth", "POST", path, json=body)
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "FORBIDDEN")
    done = functions.call("auth", "POST", path, json=body, email="admin@example.com")
    assert done.json["data"]["results"] == [
        {"email": "viewer@example.com", "rebound": True},
        {"email": "nobody@example.com", "rebound": False},
    ]
    with functions.container.database.begin() as work:
        assert work.users.get_by_emails(["viewer@example.com"])["viewer@example.com"].subject is None
    answer = functions.call("auth", "GET", "/auth/session", email="viewer@example.com")
    assert answer.status_code == 200
