"""/auth/*: sign in and out, and who is signed in."""

import flask

from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.pages.sessions import list_sessions, rebind_accounts, revoke_session
from shared.api.pages.sign_in import build_login_redirect, build_session_reply, finish_login, sign_out
from shared.api.responses import Reply
from shared.container import get_container
from shared.schemas.auth import SignInConfigResponse

_ACTIONS = {
    "/auth/callback": "session.start",
    "/auth/logout": "session.end",
    "/auth/sessions/{session_id}": "session.revoke",
    "/auth/accounts/rebind": "account.rebind",
}


@endpoint("auth", span="auth.handle", action=_ACTIONS)
def auth(call: Call) -> Reply | flask.Response:
    """Route the calls of sign-in."""
    container = get_container()
    match call.route:
        case "/auth/login":
            return build_login_redirect(call, container.sign_in, container.call_limits)
        case "/auth/callback":
            return finish_login(call, container.sign_in)
        case "/auth/config":
            return Reply(SignInConfigResponse.from_settings(call.settings))
        case "/auth/logout":
            return sign_out(call, container.sessions)
        case "/auth/sessions":
            return list_sessions(call, container.sessions)
        case "/auth/sessions/{session_id}":
            return revoke_session(call, container.sessions)
        case "/auth/accounts/rebind":
            return rebind_accounts(call, container.accounts)
        case "/auth/verify":
            return flask.Response(status=204, headers={"X-Almanac-User": call.caller.email})
        case _:
            return build_session_reply(call)
