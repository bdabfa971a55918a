"""The answers of `/auth/sessions` and `/auth/accounts`: where somebody is signed in, and as which account."""

from uuid import UUID

import flask

from shared.api.call import Call
from shared.api.pages.sign_in import clear_session_cookie
from shared.api.responses import Reply
from shared.auth.accounts import AccountService
from shared.auth.sessions import SessionService
from shared.errors import NotFoundError
from shared.schemas.auth import RebindRequest, RebindResponse, SessionListResponse


def list_sessions(call: Call, service: SessionService) -> Reply:
    """The caller's own open sessions."""
    user_id = call.caller.user_id
    summaries = service.list_sessions(user_id) if user_id else []
    return Reply(SessionListResponse.from_summaries(summaries, call.caller.session_id))


def revoke_session(call: Call, service: SessionService) -> flask.Response:
    """204 with one of the caller's sessions ended. Raises NotFoundError for any other."""
    session_id = _parse_id(call.path_text("session_id"))
    call.action_targets = [str(session_id or "-")]
    user_id = call.caller.user_id
    own = {one.id for one in service.list_sessions(user_id)} if user_id else set()
    if session_id not in own:
        raise NotFoundError(
            "You have no open session with this id.", remediation="List them: GET /auth/sessions."
        )
    service.revoke([session_id])
    response = flask.Response(status=204)
    if session_id == call.caller.session_id:
        clear_session_cookie(response)
    return response


def rebind_accounts(call: Call, service: AccountService) -> Reply:
    """Each address of the body, ready to be bound to another account."""
    emails = call.parse_json(RebindRequest).emails
    call.action_targets = emails
    return Reply(RebindResponse.from_outcomes(emails, service.rebind(emails)))


def _parse_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
