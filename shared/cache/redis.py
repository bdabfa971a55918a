"""A cache in Redis or Valkey (commands of Redis 7); redis-py is imported with the first call."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from opentelemetry import trace

from shared.cache.stamps import StampedItems, stamp_value
from shared.circuit import CircuitBreaker
from shared.errors import AlmanacError, DependencyUnavailableError, InternalError

if TYPE_CHECKING:
    from redis import Redis

MAX_CONNECTIONS = 32
HEALTH_CHECK_SECONDS = 30
PAUSE_SECONDS = 5.0
"""How long a server that kept a caller waiting in vain is left alone."""

# MGET, unlike GET, takes a key of another type for one that is not there; SET replaces it.
_COMPARE_AND_DELETE = """
if redis.call('MGET', KEYS[1])[1] == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
_ADD = """
if redis.call('MGET', KEYS[1])[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""
_INCREMENT = """
local stored = redis.call('MGET', KEYS[1])[1]
if stored and #stored <= 15 and string.match(stored, '^%d+$') then return redis.call('INCR', KEYS[1]) end
redis.call('SET', KEYS[1], 1, 'EX', ARGV[1])
return 1
"""
_SET_NEWEST = """
for index, key in ipairs(KEYS) do
    local stored = redis.call('MGET', key)[1]
    local number = stored and tonumber(string.match(stored, '^(%d+) '))
    if not number or number <= tonumber(ARGV[1 + index]) then
        redis.call('SET', key, ARGV[1 + #KEYS + index], 'EX', ARGV[1])
    end
end
"""


class RedisCache:
    """The server at `url` (redis:// or rediss://, with `?ssl_ca_certs=PATH` for a private authority).

    Connects with the first call. At most MAX_CONNECTIONS per process; `timeout_seconds` bounds connecting,
    each answer, and waiting for a free connection. The first that takes longer ends the call, and for
    PAUSE_SECONDS no other call is made: a silent server costs one caller one timeout, not every request
    several. A call that meets a broken connection is repeated once;
    after that `increment` may have counted twice, and `add` or `compare_and_delete` may answer False for what
    their lost first try did: a lease is then not taken, never taken twice.
    """

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._client: Redis | None = None
        self._breaker = CircuitBreaker(PAUSE_SECONDS)
        # The API, not shared.telemetry: cache and telemetry are siblings and know nothing of each other.
        self._tracer = trace.get_tracer("almanac.cache")

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `Cache.get_many`."""
        if not keys:
            return []
        return self._call("MGET", lambda redis: cast("list[bytes | None]", redis.mget(keys)))

    def set_many(self, items: Mapping[str, bytes], ttl_seconds: int) -> None:
        """See `Cache.set_many`. One round trip; not a transaction."""

        def store(redis: "Redis") -> None:
            with redis.pipeline(transaction=False) as pipeline:
                for key, value in items.items():
                    pipeline.set(key, value, ex=ttl_seconds)
                pipeline.execute()

        if items:
            self._call("SET", store)

    def set_newest_many(self, items: StampedItems, ttl_seconds: int) -> None:
        """See `Cache.set_newest_many`. One round trip; each key is compared and stored in one step."""
        if not items:
            return
        numbers = [number for number, _ in items.values()]
        values = [stamp_value(number, value) for number, value in items.values()]
        arguments: list[int | bytes] = [ttl_seconds, *numbers, *values]
        self._call("EVAL", lambda redis: redis.eval(_SET_NEWEST, len(items), *items, *arguments))

    def add(self, key: str, value: bytes, ttl_seconds: int) -> bool:
        """See `Cache.add`."""
        return self._call("EVAL", lambda redis: bool(redis.eval(_ADD, 1, key, value, ttl_seconds)))

    def increment(self, key: str, ttl_seconds: int) -> int:
        """See `Cache.increment`. INCR keeps the time to live, so it is set with the counter and never again."""
        return self._call("EVAL", lambda redis: cast("int", redis.eval(_INCREMENT, 1, key, ttl_seconds)))

    def compare_and_delete(self, key: str, value: bytes) -> bool:
        """See `Cache.compare_and_delete`."""
        return self._call("EVAL", lambda redis: bool(redis.eval(_COMPARE_AND_DELETE, 1, key, value)))

    def ping(self) -> None:
        """See `Cache.ping`."""
        self._call("PING", lambda redis: redis.ping())

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.connection_pool.disconnect()

    def _call[T](self, command: str, operation: Callable[["Redis"], T]) -> T:
        with self._span(command):
            if not self._breaker.allows():
                raise DependencyUnavailableError(
                    f"The cache at {self._place} is left alone: it did not answer a moment ago."
                )
            with self._translate_errors():
                answer = self._repeat_once(operation)
            self._breaker.note_answer()
            return answer

    def _repeat_once[T](self, operation: Callable[["Redis"], T]) -> T:
        """Try again what met a broken connection, while the first try took no time."""
        from redis import exceptions

        began = time.monotonic()
        try:
            return operation(self._connect())
        except exceptions.AuthenticationError:
            raise
        except exceptions.ConnectionError:
            if time.monotonic() - began > self._timeout_seconds / 2:
                raise
            return operation(self._connect())

    @property
    def _place(self) -> str:
        """Host and port: never the URL itself, it may hold the password."""
        parts = urlsplit(self._url)
        return f"{parts.hostname}:{parts.port or 6379}"

    @contextmanager
    def _span(self, command: str) -> Iterator[None]:
        attributes = {"db.system.name": "redis", "db.operation.name": command}
        with self._tracer.start_as_current_span(
            f"cache.{command}", kind=trace.SpanKind.CLIENT, attributes=attributes
        ) as span:
            try:
                yield
            except AlmanacError as error:
                span.set_attribute("error.type", error.code.value)
                raise

    def _connect(self) -> "Redis":
        # redis-py's pool notices a fork itself and opens new connections in the child.
        with self._lock:
            if self._client is None:
                self._client = _make_client(self._url, self._timeout_seconds)
            return self._client

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        from redis import exceptions

        unavailable = (
            exceptions.ConnectionError,  # wrong password included
            exceptions.TimeoutError,
            exceptions.ReadOnlyError,
            exceptions.OutOfMemoryError,
            OSError,
        )
        began = time.monotonic()
        try:
            yield
        except unavailable as error:
            # A refusal costs no time, and a server that restarts is asked again at once.
            if time.monotonic() - began > self._timeout_seconds / 2:
                self._breaker.note_silence(began)
            # Not the error's own text: it may hold the password.
            raise DependencyUnavailableError(
                f"The cache at {self._place} did not answer ({type(error).__name__})."
            ) from error
        except exceptions.RedisError as error:
            raise InternalError(f"The cache refused a command: {error}") from error


def _make_client(url: str, timeout_seconds: float) -> "Redis":
    from redis import BlockingConnectionPool, Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        socket_keepalive=True,
        health_check_interval=HEALTH_CHECK_SECONDS,
        protocol=2,
        # redis-py retries connecting, the health check and the command each, one inside the other.
        retry=Retry(NoBackoff(), 0),
    )
    return Redis(connection_pool=pool)
