"""Session tokens and the CSRF tokens derived from them. Nothing here touches the database."""

import base64
import hashlib
import hmac
import re
import secrets

from shared.errors import ForbiddenError, UnauthenticatedError

SESSION_COOKIE_NAME = "__Host-almanac-session"
CSRF_HEADER_NAME = "X-CSRF-Token"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def create_session_token() -> str:
    """A new token: 256 random bits as 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def hash_session_token(token: str) -> bytes:
    """The SHA-256 that is stored instead of the token. Raises UnauthenticatedError when it is not a token."""
    if not _TOKEN.fullmatch(token):
        raise UnauthenticatedError("The session cookie is malformed.")
    # No salt and no slow hash: 256 random bits cannot be guessed, and every request pays for this.
    return hashlib.sha256(token.encode()).digest()


def derive_csrf_token(session_token: str) -> str:
    """What a page sends as X-CSRF-Token with calls that change something; lives as long as the session."""
    digest = hmac.digest(session_token.encode(), b"csrf", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def require_csrf_token(session_token: str, presented: str | None) -> None:
    """Raise ForbiddenError unless `presented` is the CSRF token of this session."""
    expected = derive_csrf_token(session_token)
    if not hmac.compare_digest(expected.encode(), (presented or "").encode(errors="replace")):
        raise ForbiddenError(
            f"The header {CSRF_HEADER_NAME} is missing or does not belong to this session.",
            remediation=f"Send the csrf_token of GET /auth/session as {CSRF_HEADER_NAME}, or a bearer token.",
        )
