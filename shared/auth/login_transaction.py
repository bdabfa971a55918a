"""What has to be remembered between sending a browser to the identity provider and its return.

It travels in a cookie of the browser itself, encrypted and authenticated with a key derived from the client
secret: no server state, and nobody else can make or read one.
"""

import base64
import hashlib
import hmac
import json
import secrets
import string
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from shared.errors import InternalError, UnauthenticatedError
from shared.settings import Settings

LIFETIME_SECONDS = 600
MAX_RETURN_TO_LENGTH = 1000
_MAX_SEALED_LENGTH = 4096
_PATH_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@/?%[]")


@dataclass(frozen=True)
class LoginTransaction:
    """One attempt to sign in."""

    state: str
    nonce: str
    code_verifier: str
    return_to: str


def create_transaction(return_to: str | None) -> LoginTransaction:
    """A new attempt with fresh 256-bit secrets."""
    return LoginTransaction(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        code_verifier=secrets.token_urlsafe(48),
        return_to=clean_return_to(return_to),
    )


def clean_return_to(text: str | None) -> str:
    """`text` when it is a path of this site, otherwise `/`.

    Browsers take a second slash, a backslash and swallowed control characters as the start of another host.
    """
    if not text or len(text) > MAX_RETURN_TO_LENGTH or not text.startswith("/"):
        return "/"
    path = text.partition("?")[0]
    if "//" in path or path.startswith("/auth/") or not set(text) <= _PATH_CHARACTERS:
        return "/"
    return text


class TransactionSealer:
    """Turns a transaction into a cookie value and back."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now

    def seal(self, transaction: LoginTransaction) -> str:
        """The cookie value. Raises InternalError when no client secret is configured."""
        from cryptography.fernet import Fernet

        data = json.dumps(asdict(transaction)).encode()
        return Fernet(self._derive_key()).encrypt_at_time(data, int(self._now().timestamp())).decode()

    def open(self, sealed: str | None) -> LoginTransaction:
        """The transaction of a cookie value.

        Raises UnauthenticatedError when it is missing, forged or too old.
        """
        from cryptography.fernet import Fernet, InvalidToken

        if not sealed:
            raise _restart("This browser has no sign-in under way (its cookie is missing).")
        if len(sealed) > _MAX_SEALED_LENGTH:
            raise _restart("The sign-in cookie is too long.")
        fernet, now = Fernet(self._derive_key()), int(self._now().timestamp())
        try:
            data = fernet.decrypt_at_time(sealed, LIFETIME_SECONDS, now)
        except (InvalidToken, ValueError) as error:
            raise _restart(
                f"The sign-in took longer than {LIFETIME_SECONDS // 60} minutes, or its cookie was altered."
            ) from error
        return LoginTransaction(**json.loads(data))

    def _derive_key(self) -> bytes:
        secret = self._settings.oidc_client_secret.get_secret_value()
        if not secret:
            raise InternalError(
                "Sign-in is not configured.", remediation="Set OIDC_CLIENT_ID and OIDC_CLIENT_SECRET."
            )
        # HKDF with SHA-256 and one block of output (RFC 5869).
        extracted = hmac.digest(b"almanac-login", secret.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(hmac.digest(extracted, b"transaction-cookie\x01", hashlib.sha256))


def _restart(message: str) -> UnauthenticatedError:
    return UnauthenticatedError(message, remediation="Start again at /auth/login.")
