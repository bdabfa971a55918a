"""The code flow against real providers, from the login link to the claims."""

import copy
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from deploy.local.servers.oidc import OidcLoginFailedError, OidcServer
from shared.auth.identity_provider import IdentityProvider
from shared.auth.login_transaction import TransactionSealer, create_transaction
from shared.auth.oidc import OidcClient
from shared.auth.tokens import IdTokenVerifier
from shared.environment import SecretStr
from shared.errors import DependencyUnavailableError, InternalError, InvalidRequestError, UnauthenticatedError
from shared.settings import Settings
from tests.auth.conftest import Clock
from tests.fixtures.oidc import REDIRECT_URL, PlainProvider, walk_through_login


def test_a_user_signs_in_through_the_login_page_and_returns_where_they_came_from(oidc_client: OidcClient):
    start = oidc_client.build_login("/view/nyc-flights?origin=LGA")
    callback = walk_through_login(start.authorization_url, "editor@example.com")

    finished = oidc_client.finish_login(callback.code, callback.state, start.state_cookie_value)

    assert finished.claims.email == "editor@example.com"
    assert finished.claims.name == "Edgar Editor"
    assert finished.claims.hosted_domain == "example.com"
    assert finished.return_to == "/view/nyc-flights?origin=LGA"


def test_the_login_link_carries_pkce_state_and_nonce_but_no_secret(
    oidc_client: OidcClient, settings: Settings
):
    start = oidc_client.build_login(None)
    query = parse_qs(urlsplit(start.authorization_url).query)

    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43
    assert len(query["state"][0]) >= 43
    assert len(query["nonce"][0]) >= 43
    assert query["redirect_uri"] == [REDIRECT_URL]
    for text in (start.authorization_url, start.state_cookie_value):
        assert settings.oidc_client_secret.get_secret_value() not in text
    assert query["state"][0] not in start.state_cookie_value
    assert len(start.state_cookie_value) < 3000


def test_the_provider_refuses_a_login_without_pkce(oidc_client: OidcClient, oidc_server: OidcServer):
    url = oidc_client.build_login(None).authorization_url
    stripped = url.replace("code_challenge=", "ignored=").replace("code_challenge_method=S256", "")

    answer = requests.get(stripped, allow_redirects=False, timeout=10)

    assert "error=invalid_request" in answer.headers["location"]


def test_a_wrong_password_does_not_pass_the_login_page(oidc_client: OidcClient):
    with pytest.raises(OidcLoginFailedError):
        walk_through_login(oidc_client.build_login(None).authorization_url, "viewer@example.com", "guess")


def test_an_answer_with_another_state_is_refused(oidc_client: OidcClient):
    mine, other = oidc_client.build_login(None), oidc_client.build_login(None)
    callback = walk_through_login(other.authorization_url, "viewer@example.com")

    with pytest.raises(UnauthenticatedError, match="state differs"):
        oidc_client.finish_login(callback.code, callback.state, mine.state_cookie_value)


@pytest.mark.parametrize("state", [None, "", "x", "\udc80"])
def test_a_missing_or_foreign_state_is_refused(oidc_client: OidcClient, state: str | None):
    start = oidc_client.build_login(None)
    with pytest.raises(UnauthenticatedError, match="state differs"):
        oidc_client.finish_login("code", state, start.state_cookie_value)


def test_the_same_answer_cannot_be_used_twice(oidc_client: OidcClient):
    start = oidc_client.build_login(None)
    callback = walk_through_login(start.authorization_url, "viewer@example.com")
    oidc_client.finish_login(callback.code, callback.state, start.state_cookie_value)

    with pytest.raises(UnauthenticatedError, match="already finished"):
        oidc_client.finish_login(callback.code, callback.state, start.state_cookie_value)


def test_the_same_answer_fails_in_another_process_too(
    oidc_client: OidcClient,
    settings: Settings,
    provider: IdentityProvider,
    verifier: IdTokenVerifier,
    clock: Clock,
):
    start = oidc_client.build_login(None)
    callback = walk_through_login(start.authorization_url, "viewer@example.com")
    oidc_client.finish_login(callback.code, callback.state, start.state_cookie_value)

    with pytest.raises(UnauthenticatedError, match="did not accept the code"):
        OidcClient(settings, provider, verifier, clock).finish_login(
            callback.code, callback.state, start.state_cookie_value
        )


def test_a_code_of_another_attempt_fails_on_its_pkce_verifier(oidc_client: OidcClient):
    mine, attackers = oidc_client.build_login(None), oidc_client.build_login(None)
    injected = walk_through_login(attackers.authorization_url, "admin@example.com")
    my_state = parse_qs(urlsplit(mine.authorization_url).query)["state"][0]

    with pytest.raises(UnauthenticatedError, match="did not accept the code"):
        oidc_client.finish_login(injected.code, my_state, mine.state_cookie_value)


def test_an_id_token_with_another_nonce_is_refused(oidc_client: OidcClient):
    start = oidc_client.build_login(None)
    nonce = parse_qs(urlsplit(start.authorization_url).query)["nonce"][0]
    tampered = start.authorization_url.replace(nonce, "0" * len(nonce))
    callback = walk_through_login(tampered, "viewer@example.com")

    with pytest.raises(UnauthenticatedError, match="'nonce'"):
        oidc_client.finish_login(callback.code, callback.state, start.state_cookie_value)


def test_a_login_that_took_too_long_has_to_start_again(oidc_client: OidcClient, clock: Clock):
    start = oidc_client.build_login(None)
    callback = walk_through_login(start.authorization_url, "viewer@example.com")
    clock.advance(seconds=601)

    with pytest.raises(UnauthenticatedError, match="longer than 10 minutes"):
        oidc_client.finish_login(callback.code, callback.state, start.state_cookie_value)


def test_an_altered_cookie_is_refused(oidc_client: OidcClient):
    cookie = oidc_client.build_login(None).state_cookie_value
    middle = len(cookie) // 2
    altered = cookie[:middle] + ("A" if cookie[middle] != "A" else "B") + cookie[middle + 1 :]

    with pytest.raises(UnauthenticatedError, match="altered"):
        oidc_client.finish_login("code", "state", altered)


@pytest.mark.parametrize("cookie", [None, "", "nonsense", "\u2713", "A" * 100_000])
def test_a_missing_or_meaningless_cookie_is_refused(oidc_client: OidcClient, cookie: str | None):
    with pytest.raises(UnauthenticatedError):
        oidc_client.finish_login("code", "state", cookie)


def test_a_cookie_sealed_with_another_client_secret_is_refused(
    oidc_client: OidcClient, settings: Settings, clock: Clock
):
    forger = copy.replace(settings, oidc_client_secret=SecretStr("guess"))
    transaction = create_transaction("/")

    with pytest.raises(UnauthenticatedError, match="altered"):
        oidc_client.finish_login(
            "code", transaction.state, TransactionSealer(forger, clock).seal(transaction)
        )


def test_a_refusal_by_the_provider_is_told_to_the_user(oidc_client: OidcClient):
    start = oidc_client.build_login(None)
    state = parse_qs(urlsplit(start.authorization_url).query)["state"][0]

    with pytest.raises(UnauthenticatedError, match="access_denied"):
        oidc_client.finish_login(None, state, start.state_cookie_value, error="access_denied")


def test_a_callback_without_a_code_is_an_invalid_request(oidc_client: OidcClient):
    start = oidc_client.build_login(None)
    state = parse_qs(urlsplit(start.authorization_url).query)["state"][0]

    with pytest.raises(InvalidRequestError):
        oidc_client.finish_login(None, state, start.state_cookie_value)


def test_a_wrong_client_secret_is_reported_as_configuration_not_as_the_users_fault(
    settings: Settings, clock: Clock
):
    client = _client_for(copy.replace(settings, oidc_client_secret=SecretStr("x")), clock)
    start = client.build_login(None)
    callback = walk_through_login(start.authorization_url, "viewer@example.com")

    with pytest.raises(DependencyUnavailableError, match="client id and secret") as caught:
        client.finish_login(callback.code, callback.state, start.state_cookie_value)
    assert "OIDC_CLIENT_SECRET" in caught.value.remediation


def test_without_a_client_secret_no_login_starts(settings: Settings, clock: Clock):
    client = _client_for(copy.replace(settings, oidc_client_secret=SecretStr("")), clock)
    with pytest.raises(InternalError, match="not configured"):
        client.build_login(None)


class TestAProviderWithoutTheClaimsParameter:
    """As Google: the address comes with the scope, and may be unverified."""

    @pytest.fixture
    def plain_client(self, settings: Settings, plain_provider: PlainProvider, clock: Clock) -> OidcClient:
        changes = {"oidc_issuer": plain_provider.issuer, "oidc_discovery_url": plain_provider.discovery_url}
        return _client_for(copy.replace(settings, **changes), clock)

    def test_a_verified_address_signs_in(self, plain_client: OidcClient, plain_provider: PlainProvider):
        start = plain_client.build_login("/")
        assert "claims=" not in start.authorization_url
        callback = plain_provider.walk_through_login(start.authorization_url, "verified")

        finished = plain_client.finish_login(callback.code, callback.state, start.state_cookie_value)

        assert finished.claims.email == "verified@example.com"

    def test_an_unverified_address_does_not(self, plain_client: OidcClient, plain_provider: PlainProvider):
        start = plain_client.build_login("/")
        callback = plain_provider.walk_through_login(start.authorization_url, "unverified")

        with pytest.raises(UnauthenticatedError, match="not verified"):
            plain_client.finish_login(callback.code, callback.state, start.state_cookie_value)


def _client_for(settings: Settings, clock: Clock) -> OidcClient:
    provider = IdentityProvider(settings, clock)
    return OidcClient(settings, provider, IdTokenVerifier(settings, provider, clock), clock)
