"""The OpenID provider as seen from here: its metadata and signing keys, fetched with a deadline and kept."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.errors import DependencyUnavailableError
from shared.settings import Settings

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

MAX_DOCUMENT_BYTES = 512 * 1024
FRESH_FOR = timedelta(hours=1)
# When the provider is down, what is known stays good this long: keys outlive an outage.
USABLE_FOR = timedelta(hours=24)
# After a failure, and between two looks for an unknown key, callers are answered at once for this long.
RETRY_AFTER = timedelta(seconds=2)
UNKNOWN_KEY_INTERVAL = timedelta(seconds=10)
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True)
class ProviderMetadata:
    """The part of the discovery document that is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    takes_claims_parameter: bool


@dataclass(frozen=True)
class _Known:
    metadata: ProviderMetadata
    keys: "KeySet"
    key_ids: frozenset[str]
    fetched_at: datetime


class IdentityProvider:
    """Metadata and keys of OIDC_DISCOVERY_URL.

    Nothing is fetched before the first question. One thread fetches, the others wait for it; a failure is
    remembered for two seconds, so that a dead provider does not occupy every worker.
    """

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._discovery_url = settings.oidc_discovery_url
        self._issuer = settings.oidc_issuer
        self._timeout_seconds = settings.oidc_timeout_seconds
        self._now = now
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._failed_at: datetime | None = None
        self._looked_for_key_at: datetime | None = None

    def get_metadata(self) -> ProviderMetadata:
        """The endpoints. Raises DependencyUnavailableError when they are not known and cannot be fetched."""
        return self._get_known().metadata

    def get_keys(self, key_id: str | None) -> "KeySet":
        """The signing keys, fetched again (at most every ten seconds) when `key_id` is not among them.

        Raises DependencyUnavailableError when no keys are known and none can be fetched.
        """
        known = self._get_known()
        if key_id is None or key_id in known.key_ids:
            return known.keys
        with self._lock:
            if self._known is not None and key_id in self._known.key_ids:
                return self._known.keys
            if self._is_within(self._looked_for_key_at, UNKNOWN_KEY_INTERVAL):
                return known.keys
            self._looked_for_key_at = self._now()
            return self._refresh().keys

    def _get_known(self) -> _Known:
        known = self._known
        if known is not None and self._is_within(known.fetched_at, FRESH_FOR):
            return known
        if known is not None and self._lock.locked() and self._is_within(known.fetched_at, USABLE_FOR):
            return known  # somebody is fetching already; no need to wait
        with self._lock:
            if self._known is not None and self._is_within(self._known.fetched_at, FRESH_FOR):
                return self._known
            return self._refresh()

    def _refresh(self) -> _Known:
        """Fetch again, the lock being held. Falls back on what is known while it is usable."""
        try:
            self._known = self._try_fetch()
        except DependencyUnavailableError:
            if self._known is None or not self._is_within(self._known.fetched_at, USABLE_FOR):
                raise
        return self._known

    def _try_fetch(self) -> _Known:
        if self._is_within(self._failed_at, RETRY_AFTER):
            raise self._unavailable("it did not answer a moment ago")
        try:
            return self._fetch()
        except DependencyUnavailableError:
            # The time after the attempt: those who waited for it are answered at once.
            self._failed_at = self._now()
            raise

    def _is_within(self, moment: datetime | None, span: timedelta) -> bool:
        return moment is not None and self._now() - moment < span

    def _fetch(self) -> _Known:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        deadline = time.monotonic() + self._timeout_seconds
        metadata = self._read_metadata(self._get_json(self._discovery_url, deadline))
        document = self._get_json(metadata.jwks_uri, deadline)
        try:
            # Keys of kinds this service does not take must not spoil the set.
            usable = [key for key in document["keys"] if key.get("kty") in ("RSA", "EC")]
            keys = KeySet.import_key_set({"keys": usable})
        except (KeyError, TypeError, AttributeError, ValueError, JoseError) as error:
            raise self._unavailable(f"{metadata.jwks_uri} holds no readable key set ({error})") from error
        return _Known(metadata, keys, frozenset(key.kid for key in keys.keys if key.kid), self._now())

    def _read_metadata(self, document: dict[str, Any]) -> ProviderMetadata:
        if document.get("issuer") != self._issuer:
            named = str(document.get("issuer"))[:200]
            raise self._unavailable(f"it calls itself {named!r}, OIDC_ISSUER says {self._issuer!r}")
        endpoints = {name: document.get(name) for name in _ENDPOINTS}
        for name, url in endpoints.items():
            if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
                raise self._unavailable(f"its discovery document has no usable {name}")
        return ProviderMetadata(
            issuer=self._issuer,
            takes_claims_parameter=document.get("claims_parameter_supported") is True,
            **{name: str(url) for name, url in endpoints.items()},
        )

    def _get_json(self, url: str, deadline: float) -> dict[str, Any]:
        import requests

        try:
            # Connecting and reading have a limit each, and the one on connecting counts per address.
            limit = max(0.1, (deadline - time.monotonic()) / 2)
            with requests.get(url, timeout=(limit / 2, limit), stream=True, allow_redirects=False) as answer:
                if answer.status_code != requests.codes.ok:
                    raise self._unavailable(f"{url} answered with status {answer.status_code}")
                body = bytearray()
                for chunk in answer.iter_content(16 * 1024):
                    body += chunk
                    if len(body) > MAX_DOCUMENT_BYTES or time.monotonic() > deadline:
                        raise self._unavailable(f"{url} is too large or too slow")
            document = json.loads(body)
        except (requests.RequestException, ValueError, RecursionError) as error:
            raise self._unavailable(f"{url} cannot be read ({type(error).__name__})") from error
        if not isinstance(document, dict):
            raise self._unavailable(f"{url} is not a JSON object")
        return document

    def _unavailable(self, reason: str) -> DependencyUnavailableError:
        return DependencyUnavailableError(
            f"The identity provider {self._issuer} cannot be used: {reason}.",
            remediation="Signed-in sessions keep working. Try again in a moment; if it stays, check "
            "OIDC_ISSUER and OIDC_DISCOVERY_URL.",
            retry_after_seconds=int(RETRY_AFTER.total_seconds()),
        )
