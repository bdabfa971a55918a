"""Which cache CACHE_URL names."""

from urllib.parse import urlsplit

from shared.cache.cache import Cache
from shared.cache.memory import MemoryCache
from shared.cache.redis import RedisCache
from shared.errors import InternalError
from shared.settings import Settings


def open_cache(settings: Settings) -> Cache:
    """The cache of the settings. Connects to nothing yet; `memory://` makes a new, empty one each time."""
    url = settings.cache_url.get_secret_value()
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryCache(settings.cache_memory_max_bytes)
    if scheme in {"redis", "rediss"} and _is_complete(url):
        return RedisCache(url, timeout_seconds=settings.cache_timeout_seconds)
    raise InternalError(
        "CACHE_URL must be redis://HOST:PORT/DATABASE, rediss://… or memory://.",
        remediation="Correct CACHE_URL in the environment.",
    )


def _is_complete(url: str) -> bool:
    parts = urlsplit(url)
    try:
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number; the message must not repeat the URL, it may hold a password
        return False
