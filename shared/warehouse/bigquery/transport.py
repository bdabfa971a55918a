"""HTTP exchanges that end."""

from collections.abc import Mapping

import requests
from requests.adapters import HTTPAdapter

CONNECT_TIMEOUT_SECONDS = 3.0
"""A connection forms within milliseconds, or not at all; how long the answer may take says nothing about it."""


class BoundedAdapter(HTTPAdapter):
    """Lets no exchange wait longer for a byte than `timeout_seconds`, whatever the caller asks for.

    Google's client raises the timeout of some calls to two minutes on its own (`getQueryResults`), which no
    argument of it can lower. Keeps as many connections as there may be calls at once.
    """

    def __init__(self, timeout_seconds: float, connections: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections)
        self._timeout_seconds = timeout_seconds

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """As in the base class."""
        limit = self._timeout_seconds
        bounded = min(timeout, limit) if isinstance(timeout, int | float) else limit
        connecting = min(bounded, CONNECT_TIMEOUT_SECONDS)
        return super().send(request, stream, (connecting, bounded), verify, cert, proxies)
