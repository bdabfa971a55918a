"""Who is calling: a session cookie or a bearer ID token, turned into a principal."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shared.auth.allowlist import Allowlist
from shared.auth.principals import MAX_TOKEN_LENGTH, IdTokenClaims, Principal, RecentPrincipals
from shared.auth.sessions import SessionService
from shared.database.unit_of_work import Database
from shared.errors import UnauthenticatedError
from shared.settings import Settings


class Authenticator:
    """Decides who is calling. `verify` answers the claims of an ID token, or raises UnauthenticatedError."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        allowlist: Allowlist,
        sessions: SessionService,
        verify: Callable[[str], IdTokenClaims],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._allowlist = allowlist
        self._sessions = sessions
        self._verify = verify
        self._now = now
        self._recent = RecentPrincipals(
            timedelta(seconds=settings.session_cache_seconds),
            timedelta(seconds=settings.database_outage_seconds),
        )

    def authenticate(self, cookie_token: str | None, authorization: str | None) -> Principal | None:
        """The caller, or None when there is neither cookie nor Authorization header; the header counts first.

        A service account of SERVICE_ACCOUNT_EMAILS has no user id; everybody else must be on the allowlist.
        Raises UnauthenticatedError (what is wrong with the credential), ForbiddenError (known, not allowed)
        or DependencyUnavailableError.
        """
        if authorization:
            return self._authenticate_bearer(_read_bearer(authorization))
        return self._sessions.resolve(cookie_token) if cookie_token else None

    def _authenticate_bearer(self, token: str) -> Principal:
        digest, now = hashlib.sha256(token.encode(errors="replace")).digest(), self._now()
        return self._recent.resolve(digest, now, lambda: self._find(token, now))

    def _find(self, token: str, now: datetime) -> tuple[Principal, datetime]:
        claims = self._verify(token)
        is_service = self._allowlist.is_service_account(claims.email)
        principal = self._describe_service(claims) if is_service else self._admit(claims, now)
        return principal, datetime.fromtimestamp(claims.expires_at_epoch, UTC)

    def _admit(self, claims: IdTokenClaims, now: datetime) -> Principal:
        from shared.auth.admission import admit_user

        with self._database.begin() as work:
            user = admit_user(work, self._allowlist, claims, now)
        return Principal(
            user_id=user.id,
            email=user.email,
            role=self._allowlist.role_of(user.email),
            kind="user",
            session_id=None,
            via="bearer",
            display_name=user.display_name,
        )

    def _describe_service(self, claims: IdTokenClaims) -> Principal:
        return Principal(
            user_id=None,
            email=claims.email,
            role=self._allowlist.role_of(claims.email),
            kind="service_account",
            session_id=None,
            via="bearer",
            display_name=claims.name,
        )


def _read_bearer(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or " " in token:
        raise UnauthenticatedError("The Authorization header is not readable; accepted: 'Bearer <ID token>'.")
    if len(token) > MAX_TOKEN_LENGTH:
        raise UnauthenticatedError(f"The bearer token is longer than {MAX_TOKEN_LENGTH} characters.")
    return token
