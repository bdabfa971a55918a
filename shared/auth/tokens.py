"""ID tokens: what is checked before one is believed."""

import base64
import binascii
import json
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.auth.allowlist import GOOGLE_ISSUERS, normalize_domain, normalize_email
from shared.auth.identity_provider import IdentityProvider
from shared.auth.principals import MAX_TOKEN_LENGTH, IdTokenClaims
from shared.errors import UnauthenticatedError
from shared.settings import Settings

if TYPE_CHECKING:
    from joserfc.errors import ClaimError

MAX_CLAIM_LENGTH = 500
LEEWAY_SECONDS = 60
# Google's ID tokens are good for an hour; one that is good for much longer was made by a mistake, or to be kept.
MAX_LIFETIME_SECONDS = 24 * 3600
ALGORITHMS = ("RS256", "ES256")


class IdTokenVerifier:
    """Verifies ID tokens of the one configured issuer."""

    def __init__(self, settings: Settings, provider: IdentityProvider, now: Callable[[], datetime]) -> None:
        self._provider = provider
        self._now = now
        self._client_id = settings.oidc_client_id
        issuer = settings.oidc_issuer
        # Google signs under both names: https://developers.google.com/identity/openid-connect
        self._issuers = sorted(GOOGLE_ISSUERS) if issuer in GOOGLE_ISSUERS else [issuer]
        clients = (settings.oidc_client_id, settings.cli_oidc_client_id)
        named = (*clients, settings.public_url, *settings.bearer_audiences)
        self._bearer_audiences = [audience for audience in named if audience]

    def verify(self, token: str) -> IdTokenClaims:
        """The claims of a bearer ID token meant for this service (a client id, PUBLIC_URL or BEARER_AUDIENCES).

        Raises UnauthenticatedError saying what is wrong with it, DependencyUnavailableError when the keys of
        the provider cannot be had.
        """
        return self._verify(token, self._bearer_audiences, {})

    def verify_login(self, token: str, nonce: str, access_token: str | None) -> IdTokenClaims:
        """The claims of the ID token of a sign-in: made for this client, for this very attempt (`nonce`).

        Raises as `verify`.
        """
        params = {"nonce": nonce, "client_id": self._client_id, "access_token": access_token}
        return self._verify(token, [self._client_id], params)

    def _verify(self, token: str, audiences: list[str], params: dict[str, str | None]) -> IdTokenClaims:
        from authlib.oidc.core.claims import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import ClaimError, JoseError

        header = _read_header(token)
        keys = self._provider.get_keys(_text(header.get("kid")) or None)
        try:
            decoded = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError) as error:
            raise _refuse("its signature does not match a key of the identity provider") from error
        options = {
            "iss": {"essential": True, "values": self._issuers},
            "aud": {"essential": True, "values": audiences},
        }
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        try:
            claims.validate(now=int(self._now().timestamp()), leeway=LEEWAY_SECONDS)
        except ClaimError as error:
            raise _refuse(self._explain(error, decoded.claims, audiences)) from error
        self._check_lifetime(decoded.claims["exp"])
        _check_party(decoded.claims, audiences)
        return _read_claims(decoded.claims)

    def _check_lifetime(self, expires_at: float) -> None:
        if expires_at > self._now().timestamp() + MAX_LIFETIME_SECONDS + LEEWAY_SECONDS:
            hours = MAX_LIFETIME_SECONDS // 3600
            raise _refuse(f"it would be good for longer than {hours} hours, until {_format_time(expires_at)}")

    def _explain(self, error: "ClaimError", claims: dict[str, Any], audiences: Collection[str]) -> str:
        name, value = error.claim, claims.get(error.claim)
        if value is None:
            return f"it has no claim {name!r}"
        if error.error == "expired_token":
            return f"it expired at {_format_time(value)}"
        if name in ("nbf", "iat"):
            return f"it is not valid before {_format_time(value)}"
        if name == "iss":
            return f"it was issued by {_text(value)!r}; accepted: {', '.join(self._issuers)}"
        if name == "aud":
            return f"it is meant for {str(value)[:200]!r}; accepted: {', '.join(audiences)}"
        return f"its claim {name!r} is not the expected one"


def _check_party(claims: dict[str, Any], accepted: Collection[str]) -> None:
    """Raise UnauthenticatedError for a token that another client was given, or of which nobody knows which one.

    OpenID Connect Core 1.0, section 3.1.3.7: `azp` names the client, and has to be there beside several audiences.
    A service account's token names the account itself, by its id or its address.
    """
    audiences, party = claims["aud"], claims.get("azp")
    if party is None:
        if isinstance(audiences, list) and len(audiences) > 1:
            raise _refuse("it is meant for several audiences, and no claim 'azp' says which client got it")
    elif party not in (*accepted, claims["sub"], claims.get("email")):
        raise _refuse(f"it was given to the client {_text(party)!r}; accepted: {', '.join(accepted)}")


def _read_header(token: str) -> dict[str, Any]:
    """The header of a compact JWT, unverified.

    Raises UnauthenticatedError for anything this service never takes.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise _refuse(f"it is longer than {MAX_TOKEN_LENGTH} characters")
    parts = token.split(".")
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        header = None
    if len(parts) != 3 or not isinstance(header, dict):
        raise _refuse("it is not a signed JSON Web Token")
    if header.get("alg") not in ALGORITHMS:
        raise _refuse(f"it is signed with {_text(header.get('alg'))!r}; accepted: {', '.join(ALGORITHMS)}")
    return header


def _read_claims(claims: dict[str, Any]) -> IdTokenClaims:
    if claims.get("email_verified") is not True:
        raise UnauthenticatedError(
            "The identity provider has not verified the email address of this account.",
            remediation="Confirm the address with the identity provider, then sign in again.",
        )
    given = _text(claims.get("email"))
    try:
        if any(map(str.isspace, given)):
            raise ValueError("an address has no blanks")
        email = normalize_email(given)
    except ValueError as error:
        raise _refuse("it names no email address (was the scope 'email' granted?)") from error
    return IdTokenClaims(
        issuer=claims["iss"],
        subject=_text(claims["sub"]),
        email=email,
        name=_text(claims.get("name")),
        hosted_domain=_read_domain(claims.get("hd")),
        expires_at_epoch=int(claims["exp"]),
    )


def _read_domain(value: object) -> str | None:
    try:
        return normalize_domain(_text(value))
    except ValueError:
        return None


def _text(value: object) -> str:
    return value[:MAX_CLAIM_LENGTH] if isinstance(value, str) else ""


def _format_time(epoch: object) -> str:
    try:
        return datetime.fromtimestamp(float(str(epoch)), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return "an unreadable time"


def _refuse(reason: str) -> UnauthenticatedError:
    return UnauthenticatedError(f"The ID token is not accepted: {reason}.")
