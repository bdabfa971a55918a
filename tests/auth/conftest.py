"""What the tests of sign-in share: a clock to set, settings for the running provider, signed tokens."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from deploy.local.servers.oidc import OidcServer
from shared.auth.identity_provider import IdentityProvider
from shared.auth.oidc import OidcClient
from shared.auth.tokens import IdTokenVerifier
from shared.settings import Settings
from tests.fixtures.oidc import PUBLIC_URL

SCHEDULER = "scheduler@local.iam.gserviceaccount.com"


class Clock:
    """The real time plus whatever a test added."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, **span: float) -> None:
        self._ahead += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(oidc_server: OidcServer) -> Settings:
    return Settings(
        public_url=PUBLIC_URL,
        oidc_issuer=oidc_server.issuer,
        oidc_discovery_url=oidc_server.discovery_url,
        oidc_client_id=oidc_server.client_id,
        oidc_client_secret=oidc_server.client_secret,
        allowed_domains=["example.com"],
        admin_emails=["admin@example.com"],
        editor_emails=["editor@example.com"],
        service_account_emails=[SCHEDULER],
        cli_oidc_client_id=oidc_server.cli_client_id,
        bearer_audiences=["https://almanac.example.com"],
        # The provider shares its cores with the tests; what silence costs, a test of its own says.
        oidc_timeout_seconds=30,
    )


@pytest.fixture
def provider(settings: Settings, clock: Clock) -> IdentityProvider:
    return IdentityProvider(settings, clock)


@pytest.fixture
def verifier(settings: Settings, provider: IdentityProvider, clock: Clock) -> IdTokenVerifier:
    return IdTokenVerifier(settings, provider, clock)


@pytest.fixture
def oidc_client(
    settings: Settings, provider: IdentityProvider, verifier: IdTokenVerifier, clock: Clock
) -> OidcClient:
    return OidcClient(settings, provider, verifier, clock)


type SignToken = Callable[..., str]


@pytest.fixture
def sign_token(oidc_server: OidcServer) -> SignToken:
    """Signs claims with the provider's own current key, as only the provider could: `sign_token(email=…)`.

    A claim given as None is left out; `header` replaces parts of the JWT header.
    """
    keys = oidc_server.state_dir / "keys"

    def sign(header: dict[str, str] | None = None, **changes: object) -> str:
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": oidc_server.issuer,
            "sub": "1",
            "aud": oidc_server.client_id,
            "iat": now,
            "exp": now + 600,
            "email": "viewer@example.com",
            "email_verified": True,
            **changes,
        }
        key = RSAKey.import_key((keys / "rsa_private.pem").read_bytes())
        merged = {"alg": "RS256", "kid": (keys / "kid.txt").read_text().strip(), **(header or {})}
        return jwt.encode(merged, {name: value for name, value in claims.items() if value is not None}, key)

    return sign
