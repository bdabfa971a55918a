"""Metadata and keys: fetched late, kept, refreshed for a new key, quick to fail when nobody answers."""

import copy
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from deploy.local.servers.oidc import OidcServer
from deploy.local.supervision.process import Service, pick_free_port
from shared.auth.identity_provider import IdentityProvider
from shared.auth.tokens import IdTokenVerifier
from shared.errors import DependencyUnavailableError, UnauthenticatedError
from shared.settings import Settings
from tests.auth.conftest import Clock, SignToken
from tests.fixtures.oidc import REDIRECT_URL


class CountingProxy:
    """Passes requests on to a provider and counts them; can be told to answer something else."""

    def __init__(self, target: str) -> None:
        self.paths: list[str] = []
        self.answer: tuple[int, bytes] | None = None
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy.paths.append(self.path)
                status, body = proxy.answer or proxy.forward(target + self.path)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing: the test's output is its own."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def forward(self, url: str) -> tuple[int, bytes]:
        answer = requests.get(url, timeout=10)
        # The keys are to be fetched through here as well.
        keys_path = b"/.well-known/jwks"
        target = url.partition("/.well-known")[0].encode()
        return answer.status_code, answer.content.replace(target + keys_path, self.url.encode() + keys_path)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def proxy(oidc_server: OidcServer) -> Iterator[CountingProxy]:
    proxy = CountingProxy(oidc_server.issuer)
    yield proxy
    proxy.close()


@pytest.fixture
def watched(settings: Settings, proxy: CountingProxy, clock: Clock) -> IdentityProvider:
    url = f"{proxy.url}/.well-known/openid-configuration"
    return IdentityProvider(copy.replace(settings, oidc_discovery_url=url), clock)


def test_nothing_is_fetched_before_the_first_question(watched: IdentityProvider, proxy: CountingProxy):
    assert proxy.paths == []
    watched.get_metadata()
    assert len(proxy.paths) == 2


def test_one_fetch_serves_an_hour(watched: IdentityProvider, proxy: CountingProxy, clock: Clock):
    for _ in range(3):
        watched.get_keys(None)
    assert len(proxy.paths) == 2
    clock.advance(seconds=3601)
    watched.get_keys(None)
    assert len(proxy.paths) == 4


def test_concurrent_first_questions_fetch_once(watched: IdentityProvider, proxy: CountingProxy):
    threads = [threading.Thread(target=watched.get_metadata) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(proxy.paths) == 2


def test_a_rotated_key_is_found_at_once(
    verifier: IdTokenVerifier, oidc_server: OidcServer, sign_token: SignToken
):
    before = sign_token()
    verifier.verify(before)
    rotated = requests.post(
        f"{oidc_server.issuer}/api/keys/rotate",
        headers={"X-Management-Secret": oidc_server.management_secret},
        timeout=10,
    ).json()
    after = sign_token()

    assert rotated["new_kid"] != rotated["old_kid"]
    assert verifier.verify(after).email == "viewer@example.com"
    assert verifier.verify(before).email == "viewer@example.com"


def test_unknown_key_ids_cannot_make_us_hammer_the_provider(
    watched: IdentityProvider, proxy: CountingProxy, settings: Settings, clock: Clock, sign_token: SignToken
):
    verifier = IdTokenVerifier(settings, watched, clock)
    for number in range(5):
        with pytest.raises(UnauthenticatedError, match="signature does not match"):
            verifier.verify(sign_token({"kid": f"unknown-{number}"}))
    assert len(proxy.paths) == 4

    clock.advance(seconds=11)
    with pytest.raises(UnauthenticatedError):
        verifier.verify(sign_token({"kid": "unknown"}))
    assert len(proxy.paths) == 6


def test_known_keys_outlive_an_outage_of_a_day(watched: IdentityProvider, proxy: CountingProxy, clock: Clock):
    keys = watched.get_keys(None)
    proxy.answer = (503, b"")
    clock.advance(hours=2)
    assert watched.get_keys(None) is keys
    clock.advance(hours=23)
    with pytest.raises(DependencyUnavailableError, match="status 503"):
        watched.get_keys(None)


def test_a_failure_is_remembered_for_two_seconds_and_then_forgotten(
    watched: IdentityProvider, proxy: CountingProxy, clock: Clock
):
    proxy.answer = (500, b"")
    for _ in range(3):
        with pytest.raises(DependencyUnavailableError):
            watched.get_metadata()
    assert len(proxy.paths) == 1
    proxy.answer = None
    clock.advance(seconds=3)
    assert watched.get_metadata().token_endpoint.endswith("/token")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "cannot be read"),
        (b"[]", "not a JSON object"),
        (b'{"issuer": "https://evil.test"}', "calls itself 'https://evil.test'"),
        (b"[" * 200_000, "cannot be read"),
        (b" " * 600_000 + b"{}", "too large"),
    ],
)
def test_a_document_that_is_not_a_discovery_document_is_refused(
    watched: IdentityProvider, proxy: CountingProxy, body: bytes, message: str
):
    proxy.answer = (200, body)
    with pytest.raises(DependencyUnavailableError, match=message):
        watched.get_metadata()


def test_a_provider_that_is_down_is_reported_quickly(settings: Settings, clock: Clock):
    url = f"http://localhost:{pick_free_port()}/.well-known/openid-configuration"
    provider = IdentityProvider(copy.replace(settings, oidc_discovery_url=url), clock)
    started = time.monotonic()
    with pytest.raises(DependencyUnavailableError, match="ConnectionError") as caught:
        provider.get_metadata()
    assert time.monotonic() - started < 1
    assert caught.value.retry_after_seconds == 2


def test_a_provider_that_never_answers_is_given_up_within_the_deadline(settings: Settings, clock: Clock):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        changes = {
            "oidc_discovery_url": f"http://127.0.0.1:{silent.getsockname()[1]}/x",
            "oidc_timeout_seconds": 1.0,
        }
        provider = IdentityProvider(copy.replace(settings, **changes), clock)
        failures: list[BaseException] = []

        def ask() -> None:
            with pytest.raises(DependencyUnavailableError) as caught:
                provider.get_metadata()
            failures.append(caught.value)

        started = time.monotonic()
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - started < 1.5
        assert len(failures) == 4


def test_service_resumes_when_the_provider_comes_back_with_the_same_keys(
    servers: None, tmp_path: Path, settings: Settings, clock: Clock
):
    server = OidcServer(tmp_path / "oidc", pick_free_port(), [REDIRECT_URL])
    changes = {"oidc_issuer": server.issuer, "oidc_discovery_url": server.discovery_url}
    provider = IdentityProvider(copy.replace(settings, **changes), clock)
    with pytest.raises(DependencyUnavailableError):
        provider.get_metadata()

    first = _run(server, lambda: (server.fetch_id_token("viewer@example.com"), server.client_secret))
    clock.advance(seconds=3)
    second_secret = _run(server, lambda: (provider.get_metadata(), server.client_secret))[1]

    verifier = IdTokenVerifier(copy.replace(settings, **changes), provider, clock)
    assert verifier.verify(str(first[0])).email == "viewer@example.com"
    assert second_secret == first[1]


def _run(server: OidcServer, action):
    with Service(server.spec()).serving():
        return action()
