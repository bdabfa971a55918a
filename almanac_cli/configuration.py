"""Which service to talk to, and as whom."""

import base64
import binascii
import json
import os
import re
import shlex
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from almanac_cli.errors import CliError, UsageError

DEFAULT_URL = "http://localhost:8080"
TOKEN_COMMAND_TIMEOUT_SECONDS = 60
SIGN_IN = "Sign in with `almanac login`, or set ALMANAC_TOKEN or ALMANAC_TOKEN_COMMAND."
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Configuration:
    """`token` and `token_command` are None when they were not given."""

    url: str
    token: str | None
    token_command: str | None
    credentials: "CredentialFile"

    def find_token(self) -> str | None:
        """The bearer token: given, printed by the token command, or stored by `login`; in this order.

        Raises CliError when the command fails, the stored token has expired, or the token cannot be sent.
        """
        if self.token:
            return check_token(self.token, "The token given (ALMANAC_TOKEN or --token)")
        if self.token_command:
            return check_token(run_token_command(self.token_command), "What the token command printed")
        stored = self.credentials.read(self.url)
        if stored is not None and is_expired(stored, time.time()):
            raise CliError(
                f"The token stored for {self.url} has expired.", code="UNAUTHENTICATED", remediation=SIGN_IN
            )
        return check_token(stored, f"The token stored for {self.url}") if stored else None


class CredentialFile:
    """Tokens by service, in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, url: str) -> str | None:
        """The token stored for a service. Raises CliError when the file is damaged or others may read it."""
        token = self._load().get(url)
        return token if isinstance(token, str) else None

    def store(self, url: str, token: str) -> None:
        """Store a token, replacing the one there is for the same service."""
        self._save({**self._load(), url: token})

    def forget(self, url: str) -> bool:
        """Delete the token of a service; False when there was none."""
        known = self._load()
        if url not in known:
            return False
        self._save({key: value for key, value in known.items() if key != url})
        return True

    def _load(self) -> dict[str, object]:
        try:
            mode = self.path.stat().st_mode
            content = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CliError(
                f"{self.path} cannot be read: {error}.", remediation="Delete it and sign in again."
            ) from error
        if mode & 0o077:
            raise CliError(
                f"{self.path} can be read by other users.", remediation=f"Run: chmod 600 {self.path}"
            )
        if not isinstance(content, dict):
            raise CliError(
                f"{self.path} is not a credentials file.", remediation="Delete it and sign in again."
            )
        return content

    def _save(self, content: dict[str, object]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self.path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        # Made private before anything is in it, and moved into place whole.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file)
        temporary.replace(self.path)


def find_credential_file() -> CredentialFile:
    """The user's own, where the desktop's conventions want it."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return CredentialFile(Path(base) / "almanac" / "credentials.json")


def check_token(token: str, name: str) -> str:
    """The token without white space around it. Raises CliError, which never shows it, when no header can hold it."""
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise CliError(
            f"{name} is no token: one word of visible ASCII characters was expected.",
            code="UNAUTHENTICATED",
            remediation=SIGN_IN,
        )
    return token


def check_url(url: str) -> str:
    """The service's address without a trailing slash. Raises UsageError when it is not one."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise UsageError(
            "The address of the service holds a user name or a password.",
            remediation="Leave them out, and sign in with a token.",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(
            f"{url!r} is not the address of a service.",
            remediation="Write it as https://HOST, for example in ALMANAC_URL.",
        )
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """True when the service runs on this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")


def run_token_command(command: str) -> str:
    """What the command prints, which has to be a token. No shell reads it. Raises CliError."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command, from their own configuration
            shlex.split(command), capture_output=True, text=True, timeout=TOKEN_COMMAND_TIMEOUT_SECONDS
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise CliError(
            f"The token command cannot be run: {error}.", code="UNAUTHENTICATED", remediation=SIGN_IN
        ) from error
    token = done.stdout.strip()
    if done.returncode != 0 or not token or len(token.split()) != 1:
        said = done.stderr.strip()[-500:] or "it printed no token"
        raise CliError(
            f"The token command failed ({done.returncode}): {said}",
            code="UNAUTHENTICATED",
            remediation="Run it yourself to see why.",
        )
    return token


def is_expired(token: str, now: float) -> bool:
    """True when the token says that it ended before `now` (seconds since 1970). Nothing else is checked."""
    ends = read_claims(token).get("exp")
    return isinstance(ends, int | float) and ends <= now


def read_claims(token: str) -> dict[str, object]:
    """What a JWT says, unverified: the service verifies it. Empty when it says nothing readable."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}
