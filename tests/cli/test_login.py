"""Signing in by the browser, against a real OpenID provider."""

import threading
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from almanac_cli.configuration import read_claims
from almanac_cli.errors import CliError
from almanac_cli.login import OidcApplication, fetch_id_token
from tests.fixtures.oidc import PlainProvider

TIMEOUT_SECONDS = 10
WAIT_SECONDS = 20.0


def get(address: str) -> requests.Response:
    with requests.Session() as http:
        http.trust_env = False
        return http.get(address, timeout=TIMEOUT_SECONDS)


class Browser:
    """Does in a thread of its own what a person would do, and keeps what went wrong."""

    def __init__(self, act: Callable[[str], None]) -> None:
        self._act = act
        self._thread: threading.Thread | None = None

    def open(self, address: str) -> None:
        self._thread = threading.Thread(target=self._act, args=(address,))
        self._thread.start()

    def close(self) -> None:
        if self._thread:
            self._thread.join(TIMEOUT_SECONDS)


def sign_in(application: OidcApplication, act: Callable[[str], None], wait: float = WAIT_SECONDS) -> str:
    browser = Browser(act)
    try:
        return fetch_id_token(application, browser.open, wait_seconds=wait)
    finally:
        browser.close()


def choose_account(address: str) -> None:
    """The provider's form, and its redirect to this machine."""
    with requests.Session() as http:
        http.trust_env = False
        http.post(address, data={"sub": "verified"}, timeout=TIMEOUT_SECONDS)


def read_query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@pytest.fixture
def application(plain_provider: PlainProvider) -> OidcApplication:
    """A client of the provider."""
    return OidcApplication(plain_provider.issuer, "almanac-cli", "not-a-secret")


def test_the_browser_brings_the_code_and_the_code_a_token(application: OidcApplication) -> None:
    asked: list[dict[str, str]] = []

    def act(address: str) -> None:
        asked.append(read_query(address))
        choose_account(address)

    claims = read_claims(sign_in(application, act))
    assert claims["email"] == "verified@example.com"
    assert "almanac-cli" in str(claims["aud"])
    assert claims["nonce"] == asked[0]["nonce"]
    assert asked[0]["code_challenge_method"] == "S256"
    assert asked[0]["redirect_uri"].startswith("http://127.0.0.1:")


def test_a_redirect_of_another_attempt_is_not_taken(application: OidcApplication) -> None:
    answers: list[int] = []

    def act(address: str) -> None:
        callback = read_query(address)["redirect_uri"]
        answers.append(get(f"{callback}?code=stolen&state=guessed").status_code)
        answers.append(get(callback.replace("/callback", "/favicon.ico")).status_code)
        choose_account(address)

    assert read_claims(sign_in(application, act))["email"] == "verified@example.com"
    assert answers == [404, 404]


def test_who_says_no_is_told(application: OidcApplication) -> None:
    def act(address: str) -> None:
        query = read_query(address)
        get(f"{query['redirect_uri']}?error=access_denied&state={query['state']}")

    with pytest.raises(CliError, match="access_denied"):
        sign_in(application, act)


def test_a_code_that_the_provider_did_not_give_is_refused(application: OidcApplication) -> None:
    def act(address: str) -> None:
        query = read_query(address)
        get(f"{query['redirect_uri']}?code=made-up&state={query['state']}")

    with pytest.raises(CliError, match="refused the code"):
        sign_in(application, act)


def test_a_token_of_another_sign_in_is_refused(application: OidcApplication) -> None:
    def act(address: str) -> None:
        query = read_query(address)
        choose_account(address.replace(query["nonce"], "of-another-sign-in"))

    with pytest.raises(CliError, match="another sign-in"):
        sign_in(application, act)


def test_nobody_is_waited_for_forever(application: OidcApplication) -> None:
    with pytest.raises(CliError, match="Nobody signed in"):
        sign_in(application, lambda _address: None, wait=0.2)


def test_an_issuer_that_is_none_is_told() -> None:
    with pytest.raises(CliError, match="no OpenID provider"):
        sign_in(OidcApplication("http://127.0.0.1:9", "x", None), choose_account)
