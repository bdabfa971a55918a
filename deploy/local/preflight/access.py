"""Who the stack is at Google: application default credentials that work."""

import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.local.errors import StackError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

LOGIN = "gcloud auth application-default login"
CALL_TIMEOUT_SECONDS = 20.0
_FILE_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class PreflightError(StackError):
    """Something at Google is not as the stack needs it; the message says what, and the command that helps."""


@dataclass(frozen=True)
class Access:
    """Credentials that Google has just accepted; `account` is the address they stand for, where they tell."""

    credentials: "Credentials"
    account: str | None

    @property
    def title(self) -> str:
        """Who it is, as the subject of a sentence."""
        return self.account or "Your account"

    @property
    def member(self) -> str:
        """Who it is, as `gcloud … --member` takes it, ready to be typed."""
        if self.account is None:
            return '"user:$(gcloud config get account)"'
        kind = "serviceAccount" if self.account.endswith("gserviceaccount.com") else "user"
        return f"{kind}:{self.account}"


def find_access() -> Access:
    """Find the credentials as Google's own clients do, and have a token made. Raises PreflightError."""
    import google.auth
    from google.auth import exceptions
    from google.auth.transport.requests import Request

    request = functools.partial(Request(), timeout=CALL_TIMEOUT_SECONDS)
    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
        credentials.refresh(request)  # type: ignore[no-untyped-call]
    except exceptions.DefaultCredentialsError as error:
        raise PreflightError(_describe_missing(error)) from error
    except exceptions.RefreshError as error:
        said = error.args[0] if error.args else error
        raise PreflightError(
            f"Google does not accept the credentials of this machine any more ({said}); run: {LOGIN}"
        ) from error
    except exceptions.TransportError as error:
        raise PreflightError(
            f"Google cannot be reached for a token ({error}); check the network and HTTPS_PROXY, then run: make up"
        ) from error
    account = getattr(credentials, "service_account_email", None) or getattr(credentials, "account", None)
    return Access(credentials, account or None)


def _describe_missing(error: Exception) -> str:
    path = os.environ.get(_FILE_VARIABLE)
    if path:
        return (
            f"{_FILE_VARIABLE} names {path}, which holds no credentials ({error}); "
            f"run: unset {_FILE_VARIABLE} && {LOGIN}"
        )
    return f"There are no Google credentials on this machine; run: {LOGIN}"
