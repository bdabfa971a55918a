"""Bearer ID tokens: what is believed and what is refused, signed by the provider's own key."""

import base64
import copy
import hmac
import json
import time

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from deploy.local.servers.oidc import OidcServer
from shared.auth.identity_provider import IdentityProvider
from shared.auth.tokens import IdTokenVerifier
from shared.errors import UnauthenticatedError
from shared.settings import Settings
from tests.auth.conftest import Clock, SignToken
from tests.fixtures.oidc import PUBLIC_URL


def test_a_token_fetched_on_the_command_line_is_accepted(verifier: IdTokenVerifier, oidc_server: OidcServer):
    claims = verifier.verify(oidc_server.fetch_id_token("viewer@example.com"))

    assert claims.email == "viewer@example.com"
    assert claims.issuer == oidc_server.issuer
    assert claims.expires_at_epoch > time.time()


@pytest.mark.parametrize(
    "audience", [PUBLIC_URL, "https://almanac.example.com", ["https://x", PUBLIC_URL], "almanac-cli"]
)
def test_tokens_for_the_public_url_and_configured_audiences_are_accepted(
    verifier: IdTokenVerifier, sign_token: SignToken, audience: object
):
    # A service account's token names the account as `azp`, by its id or its address, never this client.
    for party in ("1234567890", "viewer@example.com"):
        claims = verifier.verify(sign_token(aud=audience, sub="1234567890", azp=party))
        assert claims.email == "viewer@example.com"


def test_the_address_is_normalised(verifier: IdTokenVerifier, sign_token: SignToken):
    assert verifier.verify(sign_token(email="Viewer@EXAMPLE.com")).email == "viewer@example.com"


@pytest.mark.parametrize(
    ("hosted", "expected"), [("Example.COM", "example.com"), ("*", None), (7, None), (None, None)]
)
def test_the_hosted_domain_is_normalised(
    verifier: IdTokenVerifier, sign_token: SignToken, hosted: object, expected: str | None
):
    assert verifier.verify(sign_token(hd=hosted)).hosted_domain == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"aud": "another-client"}, "meant for 'another-client'; accepted: almanac-local, almanac-cli, http"),
        ({"aud": ""}, "'aud'|meant for"),
        ({"aud": None}, "no claim 'aud'"),
        ({"aud": {"x": 1}}, "meant for"),
        (
            {"iss": "https://accounts.google.com"},
            "issued by 'https://accounts.google.com'; accepted: http://localhost",
        ),
        ({"iss": None}, "no claim 'iss'"),
        ({"exp": int(time.time()) - 61}, "expired at 20"),
        ({"exp": None}, "no claim 'exp'"),
        ({"exp": "tomorrow"}, "'exp'"),
        ({"exp": 10**30}, "good for longer than 24 hours, until an unreadable time"),
        ({"exp": int(time.time()) + 25 * 3600}, "good for longer than 24 hours, until 20"),
        ({"exp": int(time.time()) + 23 * 3600}, None),
        (
            {"azp": "another-client"},
            "given to the client 'another-client'; accepted: almanac-local, almanac-cli",
        ),
        ({"azp": ["almanac-local"]}, "given to the client ''"),
        ({"azp": ""}, "given to the client ''"),
        ({"azp": "almanac-cli"}, None),
        ({"aud": ["almanac-local", "another-client"]}, "several audiences, and no claim 'azp'"),
        ({"aud": ["almanac-local", "x"], "azp": "another-client"}, "given to the client 'another-client'"),
        ({"aud": ["almanac-local", "x"], "azp": "almanac-local"}, None),
        ({"iat": None}, "no claim 'iat'"),
        ({"iat": int(time.time()) + 7200}, "not valid before"),
        ({"nbf": int(time.time()) + 7200}, "not valid before"),
        ({"sub": None}, "no claim 'sub'"),
        ({"email_verified": False}, "not verified"),
        ({"email_verified": "true"}, "not verified"),
        ({"email_verified": None}, "not verified"),
        ({"email": None}, "names no email address"),
        ({"email": "not an address"}, "names no email address"),
        ({"email": ["viewer@example.com"]}, "names no email address"),
        ({"email": " viewer@example.com"}, "names no email address"),
        ({"email": "viewer@example.com\n"}, "names no email address"),
        ({"email": "viewer@ example.com"}, "names no email address"),
        ({"email": "viewer\u00a0@example.com"}, "names no email address"),
    ],
)
def test_a_token_with_wrong_claims_is_refused_by_name(
    verifier: IdTokenVerifier, sign_token: SignToken, changes: dict[str, object], message: str | None
):
    token = sign_token(**changes)
    if message is None:
        assert verifier.verify(token).email == "viewer@example.com"
        return
    with pytest.raises(UnauthenticatedError, match=message):
        verifier.verify(token)


def test_clocks_may_differ_by_a_minute(verifier: IdTokenVerifier, sign_token: SignToken):
    now = int(time.time())
    assert verifier.verify(sign_token(exp=now - 50))
    assert verifier.verify(sign_token(iat=now + 50, nbf=now + 50))


def test_time_passing_ends_a_token(verifier: IdTokenVerifier, sign_token: SignToken, clock: Clock):
    token = sign_token()
    clock.advance(seconds=600 + 61)
    with pytest.raises(UnauthenticatedError, match="expired"):
        verifier.verify(token)


def test_an_unsigned_token_is_refused(verifier: IdTokenVerifier, sign_token: SignToken):
    payload = sign_token().split(".")[1]
    for name in ("none", "None", "NONE"):
        header = base64.urlsafe_b64encode(json.dumps({"alg": name}).encode()).rstrip(b"=").decode()
        with pytest.raises(UnauthenticatedError, match=f"signed with '{name}'; accepted: RS256, ES256"):
            verifier.verify(f"{header}.{payload}.")


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused(
    verifier: IdTokenVerifier, oidc_server: OidcServer, sign_token: SignToken
):
    # By hand: no current library takes a public key for a shared secret.
    public_key = (oidc_server.state_dir / "keys" / "rsa_public.pem").read_bytes()
    header = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=").decode()
    signed = f"{header}.{sign_token().split('.')[1]}"
    digest = hmac.digest(public_key, signed.encode(), "sha256")
    forged = f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    with pytest.raises(UnauthenticatedError, match="signed with 'HS256'"):
        verifier.verify(forged)


def test_a_token_of_a_foreign_key_under_a_known_key_id_is_refused(
    verifier: IdTokenVerifier, oidc_server: OidcServer, sign_token: SignToken
):
    kid = (oidc_server.state_dir / "keys" / "kid.txt").read_text().strip()
    claims = json.loads(base64.urlsafe_b64decode(sign_token().split(".")[1] + "=="))
    for algorithm, key in (("RS256", RSAKey.generate_key(2048)), ("ES256", ECKey.generate_key("P-256"))):
        forged = jwt.encode({"alg": algorithm, "kid": kid}, dict(claims), key)
        with pytest.raises(UnauthenticatedError, match="signature does not match"):
            verifier.verify(forged)


def test_a_changed_payload_breaks_the_signature(verifier: IdTokenVerifier, sign_token: SignToken):
    header, _, signature = sign_token().split(".")
    _, payload, _ = sign_token(email="admin@example.com").split(".")
    with pytest.raises(UnauthenticatedError, match="signature does not match"):
        verifier.verify(f"{header}.{payload}.{signature}")


def test_an_access_token_of_the_same_provider_is_refused(verifier: IdTokenVerifier, sign_token: SignToken):
    with pytest.raises(UnauthenticatedError, match="meant for 'almanac-local-access'"):
        verifier.verify(sign_token(aud="almanac-local-access", token_use="access"))


@pytest.mark.parametrize(
    "token",
    ["", ".", "a.b.c", "abc", "e30.e30", "W10.e30.x", "\udc80.\u2713.x", "a" * 20_000, "bnVsbA.e30.e30"],
)
def test_what_is_not_a_token_is_refused(verifier: IdTokenVerifier, token: str):
    with pytest.raises(UnauthenticatedError, match=r"not a signed|longer than|signed with"):
        verifier.verify(token)


def test_a_nested_header_does_not_crash_the_reader(verifier: IdTokenVerifier):
    header = base64.urlsafe_b64encode(b"[" * 11_000).decode()
    with pytest.raises(UnauthenticatedError):
        verifier.verify(f"{header}.e30.x")


def test_googles_issuer_has_two_spellings(settings: Settings, provider: IdentityProvider, clock: Clock):
    for issuer in ("https://accounts.google.com", "accounts.google.com"):
        google = copy.replace(settings, oidc_issuer=issuer)
        verifier = IdTokenVerifier(google, provider, clock)
        assert verifier._issuers == ["accounts.google.com", "https://accounts.google.com"]


def test_without_a_client_id_an_empty_audience_is_not_accepted(
    settings: Settings, provider: IdentityProvider, clock: Clock, sign_token: SignToken
):
    verifier = IdTokenVerifier(copy.replace(settings, oidc_client_id=""), provider, clock)
    with pytest.raises(UnauthenticatedError):
        verifier.verify(sign_token(aud=""))
