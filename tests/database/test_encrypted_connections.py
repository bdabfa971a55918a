"""Connections to a PostgreSQL that offers TLS, as Cloud SQL's address does."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pg8000.exceptions
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.database.connection.connecting import connect

TLS_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """A server's, with a certificate that nobody has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "instance")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(pem)
    return found


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Where the server listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def hear(listener: socket.socket, answer: Callable[[socket.socket], bytes]) -> bytes:
    """What somebody who connects says first, once `answer` was given to their wish for TLS."""
    heard: list[bytes] = []

    def serve() -> None:
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.recv(8) == TLS_REQUEST
            heard.append(answer(accepted))

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(pg8000.exceptions.InterfaceError):
        connect(
            {
                "user": "almanac", "password": "secret", "database": "almanac", "timeout": 5,
                "host": "127.0.0.1", "port": listener.getsockname()[1],
            }
        )  # fmt: skip
    thread.join(5)
    return heard[0]


def test_what_is_said_is_encrypted_where_the_server_offers_it(
    listener: socket.socket, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The certificates of the system would be read in vain: none is checked against them.
    monkeypatch.setattr(ssl, "create_default_context", lambda: pytest.fail("certificates were read"))

    def answer(accepted: socket.socket) -> bytes:
        accepted.sendall(b"S")
        with context.wrap_socket(accepted, server_side=True) as encrypted:
            return encrypted.recv(1000)

    assert b"user\0almanac\0" in hear(listener, answer)


def test_it_goes_on_in_the_clear_where_the_server_has_no_tls(listener: socket.socket) -> None:
    def answer(accepted: socket.socket) -> bytes:
        accepted.sendall(b"N")
        return accepted.recv(1000)

    assert b"user\0almanac\0" in hear(listener, answer)
