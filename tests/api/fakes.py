"""Stand-ins for what needs a database: who is calling, and the record of what was done."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.auth.principals import Principal, Role
from shared.auth.session_tokens import derive_csrf_token
from shared.errors import AlmanacError, UnauthenticatedError

SESSION_TOKEN = "s" * 43
CSRF_TOKEN = derive_csrf_token(SESSION_TOKEN)


def make_principal(role: Role = Role.VIEWER, *, via: str = "session", kind: str = "user") -> Principal:
    return Principal(
        user_id=UUID(int=1) if kind == "user" else None,
        email=f"{role}@example.com",
        role=role,
        kind=kind,
        session_id=UUID(int=2) if via == "session" else None,
        via=via,
    )


class FakeAuthenticator:
    """Knows one session token, and bearer tokens that are the name of a role or `robot`."""

    def __init__(self) -> None:
        self.session_role = Role.VIEWER
        self.calls = 0

    def authenticate(self, cookie_token: str | None, authorization: str | None) -> Principal | None:
        self.calls += 1
        if authorization:
            name = authorization.removeprefix("Bearer ")
            if name == "robot":
                return make_principal(Role.VIEWER, via="bearer", kind="service_account")
            if name not in set(Role):
                raise UnauthenticatedError("The token is not valid.")
            return make_principal(Role(name), via="bearer")
        if cookie_token is None:
            return None
        if cookie_token != SESSION_TOKEN:
            raise UnauthenticatedError("The session has ended.")
        return make_principal(self.session_role)


@dataclass(frozen=True)
class RecordedAction:
    action: str
    targets: list[str]
    email: str | None
    error: AlmanacError | None
    bytes_billed: int
    trace_id: str


class RecordingActionLog:
    """Keeps the rows; raises `failure` instead when there is one."""

    def __init__(self) -> None:
        self.rows: list[RecordedAction] = []
        self.failure: Exception | None = None

    def record_actions(
        self,
        action: str,
        *,
        targets: Sequence[str],
        principal: Principal | None,
        error: AlmanacError | None,
        bytes_billed: int,
        trace_id: str,
    ) -> None:
        if self.failure:
            raise self.failure
        email = principal.email if principal else None
        self.rows.append(RecordedAction(action, list(targets), email, error, bytes_billed, trace_id))
