"""Several replicas of one function behind the rendered configuration, some of which are gone."""

import socketserver
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from deploy.local.parts import ensure_parts
from deploy.local.servers.nginx import NginxServer
from deploy.local.supervision.process import Service, pick_free_port
from shared.api.manifest import Manifest
from tests.deploy.conftest import Gateway

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}"
)


class Replica(socketserver.ThreadingTCPServer):
    """Reads a request, counts it, and answers it or closes the connection without a word."""

    daemon_threads = True

    def __init__(self, answer: bytes) -> None:
        self.requests = 0
        self.answer = answer
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        length = 0
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.rfile.read(length)
        assert isinstance(self.server, Replica)
        self.server.requests += 1
        self.wfile.write(self.server.answer)


type StartRouter = Callable[[Sequence[int]], Gateway]


@pytest.fixture
def start_router(servers: None, tmp_path: Path, manifest: Manifest) -> Iterator[StartRouter]:
    """nginx whose function `echo` is at the ports given."""
    ensure_parts()
    with ExitStack() as stack:

        def start(ports: Sequence[int]) -> Gateway:
            addresses = {entry.name: pick_free_port() for entry in manifest.functions}
            nginx = NginxServer(tmp_path / "nginx", pick_free_port(), manifest, addresses)
            nginx.prepare()
            upstreams = nginx.state_dir / "upstreams.conf"
            one = f"    server 127.0.0.1:{addresses['echo']} max_fails=0;\n"
            text = upstreams.read_text()
            assert one in text
            many = "".join(f"    server 127.0.0.1:{port} max_fails=0;\n" for port in ports)
            upstreams.write_text(text.replace(one, many))
            spec = nginx.spec()
            stack.enter_context(Service(spec).serving())
            return Gateway(nginx.port, spec.log_path)

        yield start


@contextmanager
def run_replicas(answers: Sequence[bytes]) -> Iterator[list[Replica]]:
    with ExitStack() as stack:
        replicas = [stack.enter_context(Replica(answer)) for answer in answers]
        for replica in replicas:
            threading.Thread(target=replica.serve_forever, daemon=True).start()
            stack.callback(replica.shutdown)
        yield replicas


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_replica_that_is_gone_is_passed_over(start_router: StartRouter, method: str) -> None:
    with run_replicas([ANSWER]) as (alive,):
        router = start_router([pick_free_port(), alive.port, pick_free_port()])
        answers = [router.call("/things", method=method, data=b"body").status_code for _ in range(9)]
    assert answers == [200] * 9
    assert alive.requests == 9


def test_what_a_replica_may_have_begun_is_repeated_for_reads_only(start_router: StartRouter) -> None:
    with run_replicas([b"", b""]) as replicas:
        router = start_router([replica.port for replica in replicas])
        assert router.call("/things", method="POST", data=b"body").status_code == 503
        assert sum(replica.requests for replica in replicas) == 1
        assert router.call("/things").status_code == 503
        assert sum(replica.requests for replica in replicas) == 3
