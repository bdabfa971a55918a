"""The answers of `/auth/*`: redirects and cookies."""

from uuid import UUID

import flask

from shared.api.call import Call
from shared.api.client_address import read_client_address
from shared.api.pages.messages import build_sign_in_problem_page
from shared.api.responses import Reply
from shared.auth.call_limits import CallLimits
from shared.auth.oidc import LOGIN_COOKIE_NAME
from shared.auth.session_tokens import SESSION_COOKIE_NAME, derive_csrf_token
from shared.auth.sessions import SessionService
from shared.auth.sign_in import SignedIn, SignInService
from shared.errors import AlmanacError
from shared.schemas.auth import SessionResponse


def build_login_redirect(call: Call, service: SignInService, limits: CallLimits) -> flask.Response:
    """302 to the identity provider, with the cookie that ties its answer to this browser.

    Raises RateLimitedError when too many begin at the caller's address.
    """
    limits.count_login(read_client_address(call.request, call.settings))
    start = service.start(call.request.args.get("return_to"))
    response = _redirect(start.authorization_url)
    _set_cookie(response, LOGIN_COOKIE_NAME, start.state_cookie_value, start.cookie_max_age_seconds)
    return response


def finish_login(call: Call, service: SignInService) -> flask.Response:
    """302 to where the visitor wanted to go, signed in; a page that says why not, for a browser."""
    try:
        signed_in = _finish(call, service)
    except AlmanacError as error:
        if not call.accepts("text/html"):
            raise
        return build_sign_in_problem_page(error)
    call.principal = signed_in.session.principal
    call.action_targets = [str(call.principal.session_id)]
    response = _redirect(signed_in.return_to)
    _set_cookie(response, SESSION_COOKIE_NAME, signed_in.session.token, signed_in.session.max_age_seconds)
    _set_cookie(response, LOGIN_COOKIE_NAME, "", 0)
    return response


def _finish(call: Call, service: SignInService) -> SignedIn:
    request = call.request
    return service.finish(
        code=request.args.get("code"),
        state=request.args.get("state"),
        cookie=request.cookies.get(LOGIN_COOKIE_NAME),
        error=request.args.get("error"),
        user_agent=request.headers.get("User-Agent"),
        ip=read_client_address(request, call.settings),
    )


def sign_out(call: Call, service: SessionService) -> flask.Response:
    """204 with the session revoked and its cookie gone."""
    session_id: UUID | None = call.caller.session_id
    if session_id is not None:
        call.action_targets = [str(session_id)]
        service.revoke([session_id])
    response = flask.Response(status=204)
    clear_session_cookie(response)
    return response


def clear_session_cookie(response: flask.Response) -> None:
    """Let the browser forget its session."""
    _set_cookie(response, SESSION_COOKIE_NAME, "", 0)


def build_session_reply(call: Call) -> Reply:
    """Who is signed in and, for a session, the CSRF token its pages must send."""
    token = call.request.cookies.get(SESSION_COOKIE_NAME)
    csrf = derive_csrf_token(token) if token and call.caller.via == "session" else None
    return Reply(SessionResponse.from_principal(call.caller, csrf))


def _set_cookie(response: flask.Response, name: str, value: str, max_age_seconds: int) -> None:
    # The __Host- prefix asks for Secure, Path=/ and no Domain; browsers count http://localhost as secure.
    response.set_cookie(
        name, value, max_age=max_age_seconds, path="/", secure=True, httponly=True, samesite="Lax"
    )


def _redirect(location: str) -> flask.Response:
    return flask.Response(status=302, headers={"Location": location})
