"""The OpenID Connect code flow: PKCE (S256), state, nonce, ID token."""

import hmac
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.auth.identity_provider import IdentityProvider
from shared.auth.login_transaction import (
    LIFETIME_SECONDS,
    LoginTransaction,
    TransactionSealer,
    create_transaction,
)
from shared.auth.principals import IdTokenClaims
from shared.auth.tokens import IdTokenVerifier
from shared.errors import DependencyUnavailableError, InvalidRequestError, UnauthenticatedError
from shared.settings import Settings

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

LOGIN_COOKIE_NAME = "__Host-almanac-login"
CALLBACK_PATH = "/auth/callback"
SCOPE = "openid email profile"
ID_TOKEN_CLAIMS = ("email", "email_verified", "name", "hd")
_MAX_PARAMETER_LENGTH = 2048
_MAX_REMEMBERED_STATES = 10_000


@dataclass(frozen=True)
class LoginStart:
    """Where to send the browser, and the cookie (LOGIN_COOKIE_NAME) it has to bring back."""

    authorization_url: str
    state_cookie_value: str
    cookie_max_age_seconds: int


@dataclass(frozen=True)
class FinishedLogin:
    """Who signed in, and the local path they wanted."""

    claims: IdTokenClaims
    return_to: str


class OidcClient:
    """This service as a client of the identity provider."""

    def __init__(
        self,
        settings: Settings,
        provider: IdentityProvider,
        verifier: IdTokenVerifier,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._verifier = verifier
        self._sealer = TransactionSealer(settings, now)
        self._used_states = _UsedStates(now)

    def build_login(self, return_to: str | None) -> LoginStart:
        """Begin a sign-in that ends at `return_to`, a path of this site (anything else becomes `/`).

        Raises DependencyUnavailableError when the identity provider cannot be reached.
        """
        transaction = create_transaction(return_to)
        cookie = self._sealer.seal(transaction)
        metadata = self._provider.get_metadata()
        extra = {"nonce": transaction.nonce, "prompt": "select_account"}
        if metadata.takes_claims_parameter:
            # Google puts these into every ID token; a provider with this parameter wants to be asked.
            extra["claims"] = json.dumps({"id_token": dict.fromkeys(ID_TOKEN_CLAIMS)})
        with self._open_session() as session:
            url, _ = session.create_authorization_url(
                metadata.authorization_endpoint,
                state=transaction.state,
                code_verifier=transaction.code_verifier,
                **extra,
            )
        return LoginStart(str(url), cookie, LIFETIME_SECONDS)

    def finish_login(
        self, code: str | None, state: str | None, cookie: str | None, error: str | None = None
    ) -> FinishedLogin:
        """Finish a sign-in from the callback's parameters and the cookie of `build_login`.

        An attempt is good for one answer: its state is remembered here, and the provider takes a code once.
        Raises InvalidRequestError, UnauthenticatedError, or DependencyUnavailableError.
        """
        transaction = self._sealer.open(cookie)
        if not state or not hmac.compare_digest(state.encode(errors="replace"), transaction.state.encode()):
            raise _restart("The answer of the identity provider belongs to another sign-in (state differs).")
        if not self._used_states.add(transaction.state):
            raise _restart("This sign-in was already finished.")
        if error:
            shown = "".join(filter(str.isprintable, error))[:200]
            raise _restart(f"The identity provider did not sign you in: {shown}.")
        if not code or len(code) > _MAX_PARAMETER_LENGTH:
            raise InvalidRequestError("The callback needs the parameters 'code' and 'state'.")
        token = self._exchange_code(code, transaction)
        id_token, access_token = token.get("id_token"), token.get("access_token")
        if not isinstance(id_token, str):
            raise UnauthenticatedError("The identity provider sent no ID token.")
        claims = self._verifier.verify_login(
            id_token, transaction.nonce, access_token if isinstance(access_token, str) else None
        )
        return FinishedLogin(claims, transaction.return_to)

    def _exchange_code(self, code: str, transaction: LoginTransaction) -> dict[str, Any]:
        import requests
        from authlib.common.errors import AuthlibBaseError

        endpoint = self._provider.get_metadata().token_endpoint
        seconds = self._settings.oidc_timeout_seconds
        try:
            with self._open_session() as session:
                token: dict[str, Any] = session.fetch_token(
                    endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=transaction.code_verifier,
                    timeout=(seconds / 4, seconds / 2),
                    allow_redirects=False,
                )
        except AuthlibBaseError as refused:
            raise _explain_refusal(str(refused.error)) from refused
        except (requests.RequestException, ValueError) as failure:
            raise DependencyUnavailableError(
                f"The identity provider did not exchange the code ({type(failure).__name__})."
            ) from failure
        return dict(token)

    def _open_session(self) -> "OAuth2Session":
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            client_id=self._settings.oidc_client_id,
            client_secret=self._settings.oidc_client_secret.get_secret_value(),
            redirect_uri=self._settings.public_url.rstrip("/") + CALLBACK_PATH,
            scope=SCOPE,
            code_challenge_method="S256",
        )


class _UsedStates:
    """The states answered in the last minutes, in this process; bounded."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._used: OrderedDict[str, float] = OrderedDict()

    def add(self, state: str) -> bool:
        """False when `state` was answered before."""
        now = self._now().timestamp()
        with self._lock:
            while self._used and next(iter(self._used.values())) < now - LIFETIME_SECONDS:
                self._used.popitem(last=False)
            if state in self._used:
                return False
            self._used[state] = now
            if len(self._used) > _MAX_REMEMBERED_STATES:
                self._used.popitem(last=False)
            return True


def _explain_refusal(error: str) -> UnauthenticatedError | DependencyUnavailableError:
    if error in ("invalid_client", "unauthorized_client"):
        return DependencyUnavailableError(
            "The identity provider does not accept this service's client id and secret.",
            remediation="Check OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.",
        )
    return _restart(f"The identity provider did not accept the code ({error[:80]}).")


def _restart(message: str) -> UnauthenticatedError:
    return UnauthenticatedError(message, remediation="Start again at /auth/login.")
