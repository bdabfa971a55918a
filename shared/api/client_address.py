"""Where a request came from, as the one hop in front of the functions knows it."""

import flask

from shared.settings import Environment, Settings

# "<whatever the visitor sent>,<the visitor>,<the load balancer>":
# https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header
_ENTRIES_OF_BALANCER = 2


def read_client_address(request: flask.Request, settings: Settings) -> str | None:
    """The address of the visitor, and nothing a visitor can choose.

    nginx replaces X-Real-IP. On Google, where nothing does, the load balancer appends to X-Forwarded-For.
    """
    if settings.environment is Environment.LOCAL:
        return request.headers.get("X-Real-IP") or request.remote_addr
    entries = request.headers.get("X-Forwarded-For", "").split(",")
    if len(entries) < _ENTRIES_OF_BALANCER:
        return request.remote_addr
    return entries[-_ENTRIES_OF_BALANCER].strip()
