"""The Redis cache when the server goes, comes back, asks for a password or speaks TLS; on a real Valkey."""

import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from deploy.local.parts import REPOSITORY
from deploy.local.servers.valkey import ValkeyServer
from deploy.local.supervision.process import Service, pick_free_port
from deploy.stage import REDIS_CA_PATH
from shared.cache.cache import Cache
from shared.cache.factory import open_cache
from shared.cache.memory import MemoryCache
from shared.cache.redis import MAX_CONNECTIONS, RedisCache
from shared.errors import DependencyUnavailableError, InternalError
from shared.settings import Settings
from tests.cache.tls_server import serve_tls

PASSWORD = "p@ss/word:ü"

# Other tests may have left threads, and the children of these tests do nothing that needs their locks.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def own_server(servers: None, tmp_path: Path) -> Iterator[tuple[ValkeyServer, Service]]:
    """A server with a password that the test may stop."""
    server = ValkeyServer(tmp_path / "valkey", pick_free_port(), PASSWORD)
    with Service(server.spec()).serving() as service:
        yield server, service


def open_redis(url: str, timeout_seconds: float = 1.0) -> Cache:
    return open_cache(Settings(cache_url=url, cache_timeout_seconds=timeout_seconds))


def test_a_server_that_goes_is_unavailable_at_once_and_used_again_when_it_is_back(
    own_server: tuple[ValkeyServer, Service],
) -> None:
    server, service = own_server
    cache = open_redis(server.url)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: cache.set_many({f"{n}": b"1"}, 60), range(32)))
    service.kill()
    for call in (lambda: cache.get_many(["1"]), lambda: cache.increment("n", 60), cache.ping):
        started = time.monotonic()
        with pytest.raises(DependencyUnavailableError, match=rf"127\.0\.0\.1:{server.port}"):
            call()
        assert time.monotonic() - started < 1.5
    service.start()
    service.wait_ready()
    for _ in range(16):  # each pooled connection is a dead one; none of them may show
        assert cache.get_many(["1"]) == [None]
    cache.set_many({"1": b"again"}, 60)
    assert cache.get_many(["1"]) == [b"again"]


def test_a_restart_between_two_calls_is_not_noticed(own_server: tuple[ValkeyServer, Service]) -> None:
    server, service = own_server
    cache = open_redis(server.url)
    cache.ping()
    service.stop()
    service.start()
    service.wait_ready()
    cache.ping()


def test_a_silent_server_costs_one_timeout_and_is_then_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cache = open_redis(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", timeout_seconds=1)
        started = time.monotonic()
        with pytest.raises(DependencyUnavailableError, match="TimeoutError"):
            cache.get_many(["a"])
        assert time.monotonic() - started < 1.9
        started = time.monotonic()
        for call in (lambda: cache.get_many(["a"]), lambda: cache.set_many({"a": b"1"}, 60), cache.ping):
            with pytest.raises(DependencyUnavailableError, match="left alone"):
                call()
        assert time.monotonic() - started < 0.1


def test_a_server_that_falls_silent_under_open_connections_costs_one_timeout_too(
    own_server: tuple[ValkeyServer, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, service = own_server
    monkeypatch.setattr("shared.cache.redis.PAUSE_SECONDS", 1.0)
    cache = open_redis(server.url)
    cache.set_many({"a": b"1"}, 60)
    os.kill(service.pid or 0, signal.SIGSTOP)
    try:
        started = time.monotonic()
        with pytest.raises(DependencyUnavailableError, match="TimeoutError"):
            cache.get_many(["a"])
        assert time.monotonic() - started < 1.9
    finally:
        os.kill(service.pid or 0, signal.SIGCONT)
    with pytest.raises(DependencyUnavailableError, match="left alone"):
        cache.get_many(["a"])
    time.sleep(1.1)
    assert cache.get_many(["a"]) == [b"1"]
    assert cache.get_many(["a"]) == [b"1"]


@pytest.mark.parametrize("wrong", ["redis://127.0.0.1:{port}/0", "redis://:hunter2@127.0.0.1:{port}/0"])
def test_a_wrong_password_is_unavailable_and_not_shown(
    own_server: tuple[ValkeyServer, Service], wrong: str
) -> None:
    server, _ = own_server
    with pytest.raises(DependencyUnavailableError, match="AuthenticationError") as caught:
        open_redis(wrong.format(port=server.port)).ping()
    assert "hunter2" not in str(caught.value)


def test_tls_with_a_password_works_and_certificates_are_checked(
    own_server: tuple[ValkeyServer, Service], tmp_path: Path
) -> None:
    server, _ = own_server
    with serve_tls(server.port, tmp_path) as (port, authority):
        url = server.url.replace("redis://", "rediss://").replace(str(server.port), str(port))
        trusting = open_redis(f"{url}?ssl_ca_certs={authority}")
        trusting.set_many({"a": b"1"}, 60)
        assert trusting.get_many(["a"]) == [b"1"]
        assert isinstance(trusting, RedisCache)
        trusting.close()
        with pytest.raises(DependencyUnavailableError):
            open_redis(url).ping()


def test_the_url_of_the_deployment_needs_no_address_in_the_servers_certificate(
    own_server: tuple[ValkeyServer, Service], tmp_path: Path
) -> None:
    server, _ = own_server
    (options,) = re.findall(
        r"/0(\?ssl_ca_certs=\S+)\"", (REPOSITORY / "deploy" / "terraform" / "cache.tf").read_text()
    )
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    with (
        serve_tls(server.port, tmp_path, names_address=False) as (port, authority),
        serve_tls(server.port, stranger, names_address=False) as (other_port, _),
    ):
        url = server.url.replace("redis://", "rediss://")
        pinned = options.replace(REDIS_CA_PATH, str(authority))
        trusting = open_redis(url.replace(str(server.port), str(port)) + pinned)
        trusting.ping()
        assert isinstance(trusting, RedisCache)
        trusting.close()
        with pytest.raises(DependencyUnavailableError):  # as before, the authority is what is trusted
            open_redis(url.replace(str(server.port), str(other_port)) + pinned).ping()


def test_connections_are_bounded_and_waited_for(valkey_server: ValkeyServer) -> None:
    cache = open_redis(valkey_server.url, timeout_seconds=5)
    with ThreadPoolExecutor(3 * MAX_CONNECTIONS) as pool:
        list(pool.map(lambda _: cache.get_many(["a"]), range(2000)))
    with socket.create_connection(("127.0.0.1", valkey_server.port), timeout=5) as connection:
        connection.sendall(b"INFO clients\r\n")
        info = connection.recv(65536).decode()
    [connected] = [
        int(line.split(":")[1]) for line in info.splitlines() if line.startswith("connected_clients")
    ]
    # Tests of the same session hold connections too; none of them opens more than its bound.
    assert connected <= 3 * MAX_CONNECTIONS


def test_a_forked_process_uses_connections_of_its_own(valkey_server: ValkeyServer) -> None:
    cache = open_redis(valkey_server.url, timeout_seconds=5)
    prefix = uuid.uuid4().hex
    cache.set_many({f"{prefix}:parent": b"parent"}, 60)

    def work() -> None:
        for number in range(200):
            cache.set_many({f"{prefix}:{number}": b"%d" % number}, 60)
            if cache.get_many([f"{prefix}:{number}"]) != [b"%d" % number]:
                os._exit(1)
        os._exit(0)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    while child.is_alive():
        assert cache.get_many([f"{prefix}:parent"]) == [b"parent"]
    child.join()
    assert child.exitcode == 0


@pytest.mark.parametrize(
    "url", ["", "http://127.0.0.1", "redis://", "redis://:secret@host:port/0", "127.0.0.1:6379"]
)
def test_another_url_says_what_is_accepted_without_repeating_it(url: str) -> None:
    with pytest.raises(InternalError, match=r"redis://HOST:PORT/DATABASE, rediss://… or memory://") as caught:
        open_redis(url)
    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("programs")
def test_opening_connects_to_nothing_and_imports_no_client() -> None:
    program = (
        "import sys; from shared.cache.factory import open_cache; from shared.settings import Settings\n"
        "open_cache(Settings(cache_url='redis://127.0.0.1:1/0')); open_cache(Settings(cache_url='memory://'))\n"
        "sys.exit('redis' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_memory_is_chosen_with_the_bound_of_the_settings() -> None:
    cache = open_cache(Settings(cache_url="memory://", cache_memory_max_bytes="1 KB"))
    assert isinstance(cache, MemoryCache)
    cache.set_many({"a": bytes(2000)}, 60)
    assert cache.get_many(["a"]) == [None]


WRONG_TYPES = {
    "list": ["RPUSH", "x"],
    "hash": ["HSET", "x", "y"],
    "set": ["SADD", "x"],
    "stream": ["XADD", "*", "x", "y"],
}


@pytest.mark.parametrize("kind", WRONG_TYPES)
def test_a_key_of_another_type_is_not_there_and_is_replaced(valkey_server: ValkeyServer, kind: str) -> None:
    cache = open_redis(valkey_server.url, timeout_seconds=5)
    command, *values = WRONG_TYPES[kind]

    def make(name: str) -> str:
        key = f"{uuid.uuid4().hex}:{name}"
        with redis.Redis.from_url(valkey_server.url) as client:
            client.execute_command(command, key, *values)
        return key

    assert cache.get_many([make("get")]) == [None]
    assert not cache.compare_and_delete(make("delete"), b"x")
    keys = [make("set"), make("newest"), make("add"), make("count")]
    cache.set_many({keys[0]: b"1"}, 60)
    cache.set_newest_many({keys[1]: (1, b"1")}, 60)
    assert cache.add(keys[2], b"1", 60)
    assert cache.increment(keys[3], 60) == 1
    assert cache.get_many(keys) == [b"1", b"1 1", b"1", b"1"]
    with redis.Redis.from_url(valkey_server.url) as client:
        assert all(0 < client.ttl(key) <= 60 for key in keys)
