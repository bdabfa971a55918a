"""Calls to the service: the envelope in and out, progress lines, and its errors as ours.

The HTTP library is loaded with the first call: `validate` makes none, and runs before every commit.
"""

import json
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from almanac_cli.configuration import Configuration, is_loopback
from almanac_cli.errors import ServiceError, ServiceUnreachableError

if TYPE_CHECKING:
    import requests

CONNECT_TIMEOUT_SECONDS = 5.0
READ_TIMEOUT_SECONDS = 330.0
NDJSON_TYPE = "application/x-ndjson"
_READ_ATTEMPTS = 3
# What a front end says, in HTML, when it has nobody to pass a request on to.
_BUSY_STATUSES = frozenset({429, 502, 503, 504})
# Longer than that a person decides whether to wait.
_LONGEST_PAUSE_SECONDS = 10.0


class _Bearer:
    """What the library calls with each request, so that a .netrc cannot replace the header."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class ServiceClient:
    """One service, as one caller or, `anonymous`, as nobody. Nothing is sent before the first call."""

    def __init__(self, configuration: Configuration, *, anonymous: bool = False) -> None:
        self._configuration = configuration
        self._anonymous = anonymous
        self._http: requests.Session | None = None

    @property
    def url(self) -> str:
        """The service's address."""
        return self._configuration.url

    def get(self, path: str, **query: object) -> Any:
        """The `data` of a GET; a query value of None is left out. Tried again when the service is away."""
        given = {name: value for name, value in query.items() if value is not None}
        for attempt in range(1, _READ_ATTEMPTS):
            try:
                response = self._send("GET", path, params=given)
            except ServiceUnreachableError:
                time.sleep(0.3 * attempt)
                continue
            pause = _choose_pause(response, attempt)
            if pause is None:
                return _read_envelope(response)
            time.sleep(pause)
        return _read_envelope(self._send("GET", path, params=given))

    def post(self, path: str, body: object, **query: object) -> Any:
        """The `data` of a POST. Not tried again: it may have cost something."""
        given = {name: value for name, value in query.items() if value is not None}
        return _read_envelope(self._send("POST", path, params=given, json=body))

    def stream(self, path: str, body: object) -> Generator[Mapping[str, Any]]:
        """The progress lines of a POST, without the last, which ends it or is raised as ServiceError.

        Closing the generator closes the connection, which makes the service stop.
        """
        response = self._send("POST", path, json=body, headers={"Accept": NDJSON_TYPE}, stream=True)
        with closing(response):
            if response.headers.get("Content-Type", "").partition(";")[0] != NDJSON_TYPE:
                _read_envelope(response)
                raise _report_foreign(response)
            yield from self._read_lines(response)

    def _read_lines(self, response: "requests.Response") -> Generator[Mapping[str, Any]]:
        import requests

        try:
            for line in response.iter_lines(chunk_size=None):
                event = json.loads(line)
                if event["event"] == "error":
                    raise ServiceError.from_body(event["error"])
                if event["event"] == "done":
                    return
                yield event
        except requests.RequestException as error:
            raise self._report_silence(error) from error
        raise ServiceUnreachableError(
            "The connection ended before the service was done.",
            code="DEPENDENCY_UNAVAILABLE",
            remediation="Run it again: what was computed is not computed twice.",
        )

    def _send(self, method: str, path: str, **options: Any) -> "requests.Response":
        headers = {"Accept": "application/json", **options.pop("headers", {})}
        import requests

        try:
            return self._session().request(
                method,
                f"{self.url}{path}",
                headers=headers,
                timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
                allow_redirects=False,
                **options,
            )
        except requests.RequestException as error:
            raise self._report_silence(error) from error

    def _session(self) -> "requests.Session":
        if self._http is None:
            import requests

            http = requests.Session()
            # A proxy has no business between two processes of one machine.
            http.trust_env = not is_loopback(self.url)
            http.auth = _Bearer(None if self._anonymous else self._configuration.find_token())
            self._http = http
        return self._http

    def _report_silence(self, error: "requests.RequestException") -> ServiceUnreachableError:
        return ServiceUnreachableError(
            f"{self.url} does not answer ({type(error).__name__}).",
            code="DEPENDENCY_UNAVAILABLE",
            remediation="Start the local stack with `make up`, or name the service: ALMANAC_URL or --url.",
        )


def _choose_pause(response: "requests.Response", attempt: int) -> float | None:
    """How many seconds to wait before a read is tried again; None when its answer stands."""
    if response.status_code not in _BUSY_STATUSES or (_is_ours(response) and response.status_code != 503):
        return None
    pause = _read_retry_after(response)
    if pause is None:
        return 0.3 * attempt
    return pause if pause <= _LONGEST_PAUSE_SECONDS else None


def _is_ours(response: "requests.Response") -> bool:
    return response.headers.get("Content-Type", "").partition(";")[0] == "application/json"


def _read_retry_after(response: "requests.Response") -> float | None:
    """Seconds; a date (RFC 9110, section 10.2.3) is not looked at, since no front end of ours sends one."""
    given = response.headers.get("Retry-After", "")
    return float(given) if given.isascii() and given.isdecimal() and len(given) < 7 else None


def _read_envelope(response: "requests.Response") -> Any:
    import requests

    try:
        envelope = response.json()
        failed = not envelope["success"]
        data, error = envelope["data"], envelope["error"]
    except (requests.RequestException, KeyError, TypeError, ValueError) as failure:
        raise _report_foreign(response) from failure
    if failed:
        raise ServiceError.from_body(error)
    return data


def _report_foreign(response: "requests.Response") -> ServiceUnreachableError:
    if response.status_code in _BUSY_STATUSES:
        pause = _read_retry_after(response)
        when = "in a moment" if pause is None else f"in {pause:g} seconds"
        return ServiceUnreachableError(
            f"The service is busy: what stands before it answered {response.status_code}.",
            code="DEPENDENCY_UNAVAILABLE",
            remediation=f"Try again {when}.",
        )
    return ServiceUnreachableError(
        f"{response.url} answered {response.status_code} with something that is not this API.",
        code="DEPENDENCY_UNAVAILABLE",
        remediation="Check ALMANAC_URL or --url.",
    )
