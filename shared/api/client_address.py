"""Where a request came from, as far as what stands in front of the functions can be believed."""

import ipaddress
from functools import lru_cache

import flask

from shared.settings import Environment, Settings

# "<whatever the visitor sent>,<the visitor>,<the load balancer>":
# https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header
_ENTRIES_OF_BALANCER = 2


def read_client_address(request: flask.Request, settings: Settings) -> str | None:
    """The address of the visitor, and nothing a visitor can choose.

    Headers are read only when the peer is one of TRUSTED_PROXIES. nginx replaces X-Real-IP. On Google, where nothing
    does, the load balancer appends to X-Forwarded-For.
    """
    peer = request.remote_addr
    if peer is None or not _is_trusted(peer, tuple(settings.trusted_proxies)):
        return peer
    if settings.environment is Environment.LOCAL:
        return request.headers.get("X-Real-IP") or peer
    entries = request.headers.get("X-Forwarded-For", "").split(",")
    if len(entries) < _ENTRIES_OF_BALANCER:
        return peer
    return entries[-_ENTRIES_OF_BALANCER].strip()


@lru_cache(maxsize=1024)
def _is_trusted(peer: str, networks: tuple[str, ...]) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False  # a socket file has no address
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)
