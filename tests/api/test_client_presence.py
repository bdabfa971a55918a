"""Whether a client is still there, told from its connection alone."""

import socket
import ssl
from collections.abc import Iterator

import pytest

from shared.api.call import is_client_gone

type Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def connection() -> Iterator[Pair]:
    """A client's end and a server's, over TCP as they really are."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        server, _ = listening.accept()
    with client, server:
        yield client, server


def test_a_client_who_waits_is_there(connection: Pair):
    assert not is_client_gone({"gunicorn.socket": connection[1]})


def test_a_client_who_left_is_gone(connection: Pair):
    client, server = connection
    client.close()
    server.settimeout(5)
    server.recv(1, socket.MSG_PEEK)
    assert is_client_gone({"gunicorn.socket": server})


def test_a_client_whose_connection_broke_is_gone(connection: Pair):
    client, server = connection
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert is_client_gone({"gunicorn.socket": server})


def test_bytes_that_wait_are_no_sign_of_leaving_and_stay(connection: Pair):
    client, server = connection
    client.sendall(b"GET / HTTP/1.1")
    server.settimeout(5)
    server.recv(1, socket.MSG_PEEK)
    assert not is_client_gone({"gunicorn.socket": server})
    assert server.recv(100) == b"GET / HTTP/1.1"


def test_where_nobody_can_say_the_client_is_there(connection: Pair):
    context = ssl.create_default_context()
    encrypted = context.wrap_socket(connection[1], server_hostname="x", do_handshake_on_connect=False)
    with encrypted:
        assert not is_client_gone({"gunicorn.socket": encrypted})
    assert not is_client_gone({})
