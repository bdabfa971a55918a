"""Signing in from a terminal: the code flow with PKCE, ended by a redirect to this machine.

As RFC 8252 has it: the browser does the signing in, a server on the loopback address takes the code, and the
code is worth nothing without the verifier that never left this process.
"""

import base64
import hashlib
import html
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from almanac_cli.configuration import is_loopback, read_claims
from almanac_cli.errors import CliError

WAIT_SECONDS = 300.0
_CALL_TIMEOUT_SECONDS = 15.0
_CALLBACK_PATH = "/callback"


@dataclass(frozen=True)
class OidcApplication:
    """The OAuth client of the command line; Google calls it a desktop app and gives it a (public) secret."""

    issuer: str
    client_id: str
    client_secret: str | None


def fetch_id_token(
    application: OidcApplication, open_browser: Callable[[str], object], *, wait_seconds: float = WAIT_SECONDS
) -> str:
    """Sign in in the browser and return the ID token.

    `open_browser` gets the address to go to. Raises CliError when nobody signs in within `wait_seconds`, or
    the provider refuses.
    """
    provider = _discover(application.issuer)
    verifier, state, nonce = (secrets.token_urlsafe(size) for size in (48, 24, 24))
    with _CallbackServer() as server:
        open_browser(_build_address(provider, application.client_id, server.address, verifier, state, nonce))
        answer = server.wait(state, wait_seconds)
    code = answer.get("code")
    if code is None:
        reason = answer.get("error_description") or answer.get("error") or "no code came back"
        raise _refuse(f"The identity provider did not sign you in: {reason}.")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": server.address,
        "code_verifier": verifier,
        "client_id": application.client_id,
        **({"client_secret": application.client_secret} if application.client_secret else {}),
    }
    return _exchange(provider, form, nonce)


class _Handler(BaseHTTPRequestHandler):
    """Takes one redirect; anything else on the port is not found."""

    timeout = 5.0  # browsers open connections that they never use

    def do_GET(self) -> None:
        server = self.server
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        is_ours = (
            isinstance(server, _CallbackServer)
            and parts.path == _CALLBACK_PATH
            and secrets.compare_digest(query.get("state", ""), server.expected_state)
        )
        if is_ours and isinstance(server, _CallbackServer):
            server.received = query
        self._answer(200 if is_ours else 404, "You may close this page." if is_ours else "Nothing is here.")

    def _answer(self, status: int, text: str) -> None:
        body = f"<!doctype html><title>Almanac</title><p>{html.escape(text)}</p>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the address holds the code."""


class _CallbackServer(HTTPServer):
    """Listens on a free port of the loopback address."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: dict[str, str] | None = None
        self.expected_state = ""
        self.address = f"http://127.0.0.1:{self.server_port}{_CALLBACK_PATH}"

    def wait(self, state: str, seconds: float) -> Mapping[str, str]:
        """The parameters of the redirect that carries `state`."""
        self.expected_state = state
        deadline = time.monotonic() + seconds
        while self.received is None:
            self.timeout = deadline - time.monotonic()
            if self.timeout <= 0:
                raise _refuse(f"Nobody signed in within {seconds:.0f} seconds.")
            self.handle_request()
        return self.received


def _discover(issuer: str) -> Mapping[str, Any]:
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    with _open_session(issuer) as http:
        try:
            answer = http.get(address, timeout=_CALL_TIMEOUT_SECONDS)
            document: Any = answer.json()
            if document["issuer"].rstrip("/") != issuer.rstrip("/"):
                raise _refuse(f"{address} describes another provider: {document['issuer']}.")
            return {
                "authorization_endpoint": document["authorization_endpoint"],
                "token_endpoint": document["token_endpoint"],
                "takes_claims": document.get("claims_parameter_supported") is True,
            }
        except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _refuse(f"There is no OpenID provider at {issuer} ({type(error).__name__}).") from error


def _build_address(
    provider: Mapping[str, Any], client_id: str, redirect_url: str, verifier: str, state: str, nonce: str
) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_url,
        "scope": "openid email profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if provider["takes_claims"]:
        # Such providers may put the address into the token only when asked.
        query["claims"] = json.dumps({"id_token": dict.fromkeys(("email", "email_verified", "name"))})
    return f"{provider['authorization_endpoint']}?{urlencode(query)}"


def _exchange(provider: Mapping[str, Any], form: Mapping[str, str], nonce: str) -> str:
    endpoint = str(provider["token_endpoint"])
    with _open_session(endpoint) as http:
        try:
            answer = http.post(endpoint, data=form, timeout=_CALL_TIMEOUT_SECONDS)
            token = answer.json().get("id_token")
        except (requests.RequestException, ValueError, AttributeError) as error:
            raise _refuse(f"The identity provider did not answer ({type(error).__name__}).") from error
    if not isinstance(token, str):
        raise _refuse(f"The identity provider refused the code ({answer.status_code}).")
    if read_claims(token).get("nonce") != nonce:
        raise _refuse("The identity provider answered with a token of another sign-in.")
    return token


def _open_session(address: str) -> requests.Session:
    http = requests.Session()
    http.trust_env = not is_loopback(address)
    return http


def _refuse(message: str) -> CliError:
    return CliError(
        message,
        code="UNAUTHENTICATED",
        remediation="Try again, or paste a token: `almanac login --paste`.",
    )
