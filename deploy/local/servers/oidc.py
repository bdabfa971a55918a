"""The OpenID provider of the local stack: nanoidp, bound to loopback, with a real login page.

nanoidp puts `email` and friends into an ID token only on request (the `claims` parameter, which its discovery
document announces), and it calls every address verified. So the accounts below are all verified ones; what
happens to an unverified address is tested against a second provider that can say `false`.
"""

import base64
import hashlib
import html
import json
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests
import yaml

from deploy.local.parts import parts_python
from deploy.local.supervision.process import ServiceSpec

CLIENT_ID = "almanac-local"
CLI_CLIENT_ID = "almanac-cli"
# Of RFC 8252: any port of the loopback address will do.
CLI_REDIRECT_URL = "http://127.0.0.1/callback"
# Known to everybody on purpose: the provider answers on loopback only and guards sample data.
PASSWORD = "almanac"  # noqa: S105
ACCOUNTS = {
    "admin@example.com": "Ada Admin",
    "editor@example.com": "Edgar Editor",
    "viewer@example.com": "Vera Viewer",
    "outsider@elsewhere.test": "Otto Outsider",
    "scheduler@local.iam.gserviceaccount.com": "Scheduler",
}
REQUESTED_CLAIMS = ("email", "email_verified", "name", "hd")
_TRANSACTION = re.compile(r'name="transaction_id" value="([^"]+)"')
_CALL_TIMEOUT_SECONDS = 5.0


class OidcLoginFailedError(Exception):
    """The provider did not hand out an ID token; the message says at which step."""


class OidcServer:
    """A nanoidp process with its configuration and signing keys under `state_dir`.

    `redirect_urls` are the only places a sign-in may return to. The client secret is made once and kept, unless
    one is given. `host` is the address listened on, `issuer` the URL others reach that under.
    """

    client_id = CLIENT_ID
    cli_client_id = CLI_CLIENT_ID

    def __init__(
        self,
        state_dir: Path,
        port: int,
        redirect_urls: Sequence[str],
        *,
        host: str = "127.0.0.1",
        issuer: str | None = None,
        client_secret: str | None = None,
    ) -> None:
        self.state_dir = state_dir.resolve()
        self.port = port
        self.redirect_urls = tuple(redirect_urls)
        self.host = host
        self.issuer = issuer or f"http://localhost:{port}"
        self._client_secret = client_secret
        self.discovery_url = f"{self.issuer}/.well-known/openid-configuration"

    @property
    def client_secret(self) -> str:
        """The secret of the service's client; the command line has none."""
        return self._client_secret or self._read_secrets()["client_secret"]

    @property
    def management_secret(self) -> str:
        """What nanoidp's own management API (rotating keys, for example) wants as `X-Management-Secret`."""
        return self._read_secrets()["management_secret"]

    def prepare(self) -> None:
        """Write the configuration. Idempotent; secrets and signing keys survive."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self.state_dir.chmod(0o700)
        self._write("settings.yaml", self._build_settings())
        self._write("users.yaml", {"config_version": 1, "users": _build_users()})

    def spec(self) -> ServiceSpec:
        """How to run it; writes the configuration first."""
        self.prepare()
        return ServiceSpec(
            name="oidc",
            command=self.build_command(),
            is_ready=self.is_ready,
            log_path=self.state_dir / "oidc.log",
            environment={"PYTHONUNBUFFERED": "1"},
            working_directory=self.state_dir,
        )

    def build_command(self) -> list[str | Path]:
        """The program and its arguments; call `prepare()` first."""
        return [
            parts_python(), "-m", "nanoidp", "--strict-config", "--host", self.host,
            "--port", str(self.port), "--config", self.state_dir,
        ]  # fmt: skip

    def is_ready(self) -> bool:
        """True when this provider, and not something else on the port, serves its discovery document."""
        try:
            with _loopback_session() as http:
                answer = http.get(self.discovery_url, timeout=_CALL_TIMEOUT_SECONDS)
                return answer.ok and answer.json().get("issuer") == self.issuer
        except (requests.RequestException, ValueError):
            return False

    def fetch_id_token(self, email: str, password: str = PASSWORD) -> str:
        """Sign `email` in as a browser would (code flow with PKCE, login form) and return the ID token.

        Valid for an hour. Raises OidcLoginFailedError.
        """
        redirect_url = self.redirect_urls[0]
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        with _loopback_session() as http:
            page = http.get(
                f"{self.issuer}/authorize",
                params=_authorization_request(redirect_url, verifier, state),
                timeout=_CALL_TIMEOUT_SECONDS,
            )
            answer = submit_login_form(http, page, email, password)
            query = parse_qs(urlsplit(answer).query)
            if query.get("state") != [state] or "code" not in query:
                raise OidcLoginFailedError(f"{self.issuer} answered the sign-in of {email} with {answer}")
            token = http.post(
                f"{self.issuer}/token",
                data={
                    "grant_type": "authorization_code", "code": query["code"][0],
                    "redirect_uri": redirect_url, "code_verifier": verifier,
                },
                auth=(CLIENT_ID, self.client_secret),
                timeout=_CALL_TIMEOUT_SECONDS,
            )  # fmt: skip
        if not token.ok:
            raise OidcLoginFailedError(f"{self.issuer} refused the code of {email}: {token.text}")
        return str(token.json()["id_token"])

    def _build_settings(self) -> dict[str, object]:
        kept = self._read_secrets()
        return {
            "config_version": 1,
            # OAuth 2.1 rules: PKCE with S256 always, registered redirect addresses only, no password grant.
            "security_profile": "oauth21",
            "server": {"host": self.host, "port": self.port},
            "oauth": {
                "issuer": self.issuer,
                # The audience of access tokens: never one this service takes for an ID token.
                "audience": "almanac-local-access",
                "require_pkce": True,
                "clients": [
                    {
                        "client_id": CLIENT_ID,
                        "client_secret": self.client_secret,
                        "token_endpoint_auth_method": "client_secret_basic",
                        "description": "Almanac",
                        "show_description": True,
                        "redirect_uris": list(self.redirect_urls),
                        "allowed_scopes": ["openid", "email", "profile"],
                    },
                    {
                        "client_id": CLI_CLIENT_ID,
                        "token_endpoint_auth_method": "none",
                        "description": "Almanac's command line",
                        "show_description": True,
                        "redirect_uris": [CLI_REDIRECT_URL],
                        "allowed_scopes": ["openid", "email", "profile"],
                    },
                ],
            },
            "jwt": {"keys_dir": str(self.state_dir / "keys")},
            "session": {
                "secret_key": kept["session_key"],
                "management_secret": kept["management_secret"],
                "require_ui_login": True,
            },
            "cors_allowed_origins": [],
        }

    def _read_secrets(self) -> dict[str, str]:
        path = self.state_dir / "secrets.json"
        if not path.exists():
            self.state_dir.mkdir(parents=True, exist_ok=True)
            names = ("client_secret", "session_key", "management_secret")
            path.touch(mode=0o600)
            path.write_text(json.dumps({name: secrets.token_urlsafe(32) for name in names}))
        kept: dict[str, str] = json.loads(path.read_text())
        return kept

    def _write(self, name: str, document: object) -> None:
        path = self.state_dir / name
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(document, sort_keys=False))


def submit_login_form(http: requests.Session, page: requests.Response, email: str, password: str) -> str:
    """Fill in the login form of `page` and return the address the provider sends the browser to.

    Raises OidcLoginFailedError when there is no form or the password is refused.
    """
    form = _TRANSACTION.search(page.text)
    if form is None:
        raise OidcLoginFailedError(f"{page.url} shows no login form: {page.text[:300]}")
    answer = http.post(
        page.url,
        data={"transaction_id": html.unescape(form.group(1)), "username": email, "password": password},
        allow_redirects=False,
        timeout=_CALL_TIMEOUT_SECONDS,
    )
    if "location" not in answer.headers:
        raise OidcLoginFailedError(f"the provider refused {email}: status {answer.status_code}")
    return answer.headers["location"]


def _authorization_request(redirect_url: str, verifier: str, state: str) -> dict[str, str]:
    digest = hashlib.sha256(verifier.encode()).digest()
    return {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": redirect_url,
        "scope": "openid email profile",
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "claims": json.dumps({"id_token": dict.fromkeys(REQUESTED_CLAIMS)}),
    }


def _build_users() -> dict[str, object]:
    return {
        email: {
            "password": PASSWORD,
            "email": email,
            "description": name,
            "attributes": {"name": name, "hd": email.partition("@")[2]},
        }
        for email, name in ACCOUNTS.items()
    }


def _loopback_session() -> requests.Session:
    session = requests.Session()
    # A proxy of the surroundings has no business between two processes of one machine.
    session.trust_env = False
    return session
