"""Signing in and out, as the endpoints under /auth see it."""

from dataclasses import dataclass

from shared.auth.oidc import LoginStart, OidcClient
from shared.auth.sessions import NewSession, SessionService


@dataclass(frozen=True)
class SignedIn:
    """A finished sign-in: the session to put into the cookie, and the local path to go to."""

    session: NewSession
    return_to: str


class SignInService:
    """The code flow with a session at its end."""

    def __init__(self, oidc: OidcClient, sessions: SessionService) -> None:
        self._oidc = oidc
        self._sessions = sessions

    def start(self, return_to: str | None) -> LoginStart:
        """Where to send the browser. Raises DependencyUnavailableError when the identity provider is away."""
        return self._oidc.build_login(return_to)

    def finish(
        self,
        *,
        code: str | None,
        state: str | None,
        cookie: str | None,
        error: str | None,
        user_agent: str | None,
        ip: str | None,
    ) -> SignedIn:
        """Turn the callback's parameters and the login cookie into a session.

        Raises as `OidcClient.finish_login`, and ForbiddenError for somebody who is not allowed in.
        """
        finished = self._oidc.finish_login(code, state, cookie, error)
        return SignedIn(self._sessions.create(finished.claims, user_agent, ip), finished.return_to)
