"""/auth/session, /auth/sessions and /auth/accounts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from shared.auth.principals import Principal
from shared.auth.sessions import SessionSummary
from shared.schemas.base import RequestModel, ResponseModel
from shared.settings import Settings


class SessionResponse(ResponseModel):
    """Who is calling; `csrf_token` is there for a session cookie only."""

    email: str
    display_name: str
    role: str
    kind: str
    via: str
    session_id: UUID | None
    csrf_token: str | None

    @classmethod
    def from_principal(cls, principal: Principal, csrf_token: str | None) -> Self:
        """The answer for a caller."""
        return cls(
            email=principal.email,
            display_name=principal.display_name,
            role=principal.role.value,
            kind=principal.kind,
            via=principal.via,
            session_id=principal.session_id,
            csrf_token=csrf_token,
        )


class SignInConfigResponse(ResponseModel):
    """How a program on somebody's machine signs them in. Nothing here is a secret; null where it is not set."""

    issuer: str
    client_id: str | None
    client_secret: str | None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The answer of this environment."""
        return cls(
            issuer=settings.oidc_issuer,
            client_id=settings.cli_oidc_client_id or None,
            client_secret=settings.cli_oidc_client_secret or None,
        )


class SessionSummaryModel(ResponseModel):
    """A browser that is signed in; `current` is the one that asks."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str | None
    ip: str | None
    current: bool


class SessionListResponse(ResponseModel):
    """The caller's open sessions, the last used first."""

    results: list[SessionSummaryModel]

    @classmethod
    def from_summaries(cls, summaries: Sequence[SessionSummary], current: UUID | None) -> Self:
        """The answer of the service; `current` is the session of the call, if it has one."""
        return cls(results=[SessionSummaryModel(**vars(one), current=one.id == current) for one in summaries])


class RebindRequest(RequestModel):
    """The addresses whose accounts are to be bound anew."""

    emails: list[Annotated[str, Field(min_length=3, max_length=320)]] = Field(min_length=1, max_length=100)


class Rebound(ResponseModel):
    """One address; `rebound` is false where nobody has signed in under it."""

    email: str
    rebound: bool


class RebindResponse(ResponseModel):
    """What became of each address, in the order of the request."""

    results: list[Rebound]

    @classmethod
    def from_outcomes(cls, emails: Sequence[str], outcomes: Sequence[bool]) -> Self:
        """The answer of the service."""
        pairs = zip(emails, outcomes, strict=True)
        return cls(results=[Rebound(email=email, rebound=outcome) for email, outcome in pairs])
