"""/auth/*: sign in and out, and who is signed in."""

import flask

from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.responses import Reply
from shared.api.session_responses import list_sessions, revoke_session
from shared.api.sign_in_responses import build_login_redirect, build_session_reply, finish_login, sign_out
from shared.container import get_container
from shared.schemas.auth import SignInConfigResponse


@endpoint("auth", span="auth.handle")
def auth(call: Call) -> Reply | flask.Response:
    """Route the calls of sign-in."""
    container = get_container()
    action = call.request.path.rsplit("/", 1)[-1]
    if action == "login":
        return build_login_redirect(call, container.sign_in)
    if action == "callback":
        return finish_login(call, container.sign_in)
    if action == "config":
        return Reply(SignInConfigResponse.from_settings(call.settings))
    if action == "logout":
        return sign_out(call, container.sessions)
    if action == "sessions":
        return list_sessions(call, container.sessions)
    if "session_id" in call.path_parameters:
        return revoke_session(call, container.sessions)
    if action == "verify":
        return flask.Response(status=204, headers={"X-Almanac-User": call.caller.email})
    return build_session_reply(call)
