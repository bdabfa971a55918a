"""The link breaks as it is told to, and works otherwise."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.fixtures.faulty_link import Fault, FaultyLink

TIMEOUT_SECONDS = 0.3


@pytest.fixture
def link() -> Iterator[FaultyLink]:
    """A link to a server that answers with what it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        with FaultyLink(server.getsockname()[1]).running() as running:
            yield running


def _serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:  # the test is over
            return
        threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(1 << 16):
                connection.sendall(data)
        except OSError:  # reset by the link
            return


def open_to(link: FaultyLink) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), 5)


def exchange(connection: socket.socket, data: bytes = b"hello") -> bytes:
    connection.settimeout(5)
    connection.sendall(data)
    return receive(connection, len(data))


def receive(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        piece = connection.recv(count - len(received))
        if not piece:
            raise ConnectionResetError("the connection was ended, not reset")
        received += piece
    return received


def test_without_a_fault_everything_gets_through_in_order(link: FaultyLink) -> None:
    data = bytes(range(256)) * 4000
    with closing(open_to(link)) as connection:
        connection.settimeout(5)
        threading.Thread(target=connection.sendall, args=(data,)).start()
        assert receive(connection, len(data)) == data


def test_a_delay_counts_both_ways_and_keeps_the_order(link: FaultyLink) -> None:
    with closing(open_to(link)) as connection, link.delayed(0.1):
        began = time.monotonic()
        assert exchange(connection) == b"hello"
        assert time.monotonic() - began >= 0.2
        connection.sendall(b"1")
        connection.sendall(b"2")
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection, 2) == b"12"


def test_a_black_hole_says_nothing_and_gives_back_what_it_took(link: FaultyLink) -> None:
    with closing(open_to(link)) as connection:
        exchange(connection)
        with link.suffering(Fault.BLACK_HOLE), closing(open_to(link)) as another:
            for one in (connection, another):
                one.sendall(b"later")
                one.settimeout(TIMEOUT_SECONDS)
                with pytest.raises(TimeoutError):
                    one.recv(5)
        connection.settimeout(5)
        assert receive(connection, 5) == b"later"


def test_half_open_connections_are_silent_and_new_ones_work(link: FaultyLink) -> None:
    with closing(open_to(link)) as connection:
        exchange(connection)
        with link.suffering(Fault.HALF_OPEN), closing(open_to(link)) as another:
            connection.sendall(b"nobody")
            connection.settimeout(TIMEOUT_SECONDS)
            with pytest.raises(TimeoutError):
                connection.recv(5)
            assert exchange(another) == b"hello"


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.GONE])
def test_connections_are_reset_and_new_ones_fail_until_it_is_over(link: FaultyLink, fault: Fault) -> None:
    with closing(open_to(link)) as connection:
        exchange(connection)
        with link.suffering(fault):
            with pytest.raises(OSError, match=r"reset|Broken pipe"):
                exchange(connection)
            # A connection that is reset may still have been made.
            with (
                pytest.raises(OSError, match=r"reset|Broken pipe|refused"),
                closing(open_to(link)) as another,
            ):
                exchange(another)
        with closing(open_to(link)) as another:
            assert exchange(another) == b"hello"
