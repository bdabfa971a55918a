"""Who may call a route."""

import pytest

from shared.api.routes import Route, RouteAuth
from shared.api.routing import Credentials, authorize
from shared.auth.principals import Role
from shared.errors import ForbiddenError, UnauthenticatedError
from tests.api.fakes import CSRF_TOKEN, SESSION_TOKEN, FakeAuthenticator

NOBODY = Credentials(None, None, None)
WITH_COOKIE = Credentials(SESSION_TOKEN, None, None)
WITH_CSRF = Credentials(SESSION_TOKEN, None, CSRF_TOKEN)


def bearer(name: str) -> Credentials:
    return Credentials(None, f"Bearer {name}", None)


def make_route(auth: RouteAuth, role: Role = Role.VIEWER) -> Route:
    return Route(path="/x", methods=("GET", "POST"), auth=auth, role=role)


def call(route: Route, credentials: Credentials, method: str = "GET", session_role: Role = Role.VIEWER):
    authenticator = FakeAuthenticator()
    authenticator.session_role = session_role
    return authorize(route, credentials, method, lambda: authenticator)


def test_a_public_route_does_not_even_look_at_credentials():
    def explode():
        raise AssertionError("no authenticator is needed here")

    assert authorize(make_route(RouteAuth.PUBLIC), bearer("garbage"), "POST", explode) is None


@pytest.mark.parametrize("auth", [RouteAuth.SESSION, RouteAuth.SCHEDULER, RouteAuth.ADMIN])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_other_route_wants_credentials(auth, method):
    with pytest.raises(UnauthenticatedError, match="needs a session or a bearer token"):
        call(make_route(auth), NOBODY, method)


@pytest.mark.parametrize("auth", [RouteAuth.SESSION, RouteAuth.SCHEDULER, RouteAuth.ADMIN])
def test_wrong_credentials_are_no_credentials(auth):
    with pytest.raises(UnauthenticatedError):
        call(make_route(auth), bearer("garbage"))
    with pytest.raises(UnauthenticatedError):
        call(make_route(auth), Credentials("x" * 43, None, None))


ROLES = [Role.VIEWER, Role.EDITOR, Role.ADMIN]


@pytest.mark.parametrize("auth", [RouteAuth.SESSION, RouteAuth.SCHEDULER])
@pytest.mark.parametrize("needed", ROLES)
@pytest.mark.parametrize("role", ROLES)
def test_a_user_needs_the_role_of_the_route_or_a_higher_one(auth, needed, role):
    route = make_route(auth, needed)
    if ROLES.index(role) >= ROLES.index(needed):
        assert call(route, bearer(role)).role is role
    else:
        with pytest.raises(ForbiddenError, match=f"needs the role {needed}; {role}@example.com has {role}"):
            call(route, bearer(role))


@pytest.mark.parametrize("role", ROLES)
def test_an_admin_route_is_for_admins_whatever_role_it_names(role):
    route = make_route(RouteAuth.ADMIN, Role.VIEWER)
    if role is Role.ADMIN:
        assert call(route, bearer(role)).role is Role.ADMIN
    else:
        with pytest.raises(ForbiddenError, match="needs the role admin"):
            call(route, bearer(role))


def test_a_service_account_may_call_scheduler_routes():
    assert (
        call(make_route(RouteAuth.SCHEDULER, Role.ADMIN), bearer("robot"), "POST").kind == "service_account"
    )


@pytest.mark.parametrize("auth", [RouteAuth.SESSION, RouteAuth.ADMIN])
def test_a_service_account_may_call_nothing_else(auth):
    with pytest.raises(ForbiddenError, match="may only call scheduler routes"):
        call(make_route(auth), bearer("robot"))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_with_a_session_needs_no_csrf_token(method):
    assert call(make_route(RouteAuth.SESSION), WITH_COOKIE, method).via == "session"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_changing_with_a_session_needs_its_csrf_token(method):
    route = make_route(RouteAuth.SESSION)
    assert call(route, WITH_CSRF, method).via == "session"
    for token in (None, "", "wrong", CSRF_TOKEN + "x", "é"):
        with pytest.raises(ForbiddenError, match="X-CSRF-Token"):
            call(route, Credentials(SESSION_TOKEN, None, token), method)


def test_a_bearer_token_needs_no_csrf_token():
    assert call(make_route(RouteAuth.SESSION), bearer("editor"), "POST").via == "bearer"


def test_a_cookie_beside_a_bearer_token_asks_for_nothing_more():
    credentials = Credentials(SESSION_TOKEN, "Bearer editor", None)
    assert call(make_route(RouteAuth.SESSION), credentials, "POST").via == "bearer"


def test_the_csrf_token_does_not_replace_the_role():
    with pytest.raises(ForbiddenError, match="needs the role editor"):
        call(make_route(RouteAuth.SESSION, Role.EDITOR), WITH_CSRF, "POST")
    assert (
        call(make_route(RouteAuth.SESSION, Role.EDITOR), WITH_CSRF, "POST", Role.EDITOR).role is Role.EDITOR
    )
