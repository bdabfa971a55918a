"""A TLS front for a plain TCP server, with a certificate made for the test."""

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@contextmanager
def serve_tls(upstream_port: int, folder: Path, *, names_address: bool = True) -> Iterator[tuple[int, Path]]:
    """Yields the port that speaks TLS and the file of the certificate authority to trust.

    A certificate that `names_address` is for 127.0.0.1, another one has a common name alone.
    """
    certificate = _make_certificate(folder, names_address=names_address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, folder / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_accept, args=(listener, context, upstream_port))
    thread.start()
    try:
        yield listener.getsockname()[1], certificate
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _accept(listener: socket.socket, context: ssl.SSLContext, upstream_port: int) -> None:
    relays = []
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            relays.append(threading.Thread(target=_relay, args=(connection, context, upstream_port)))
            relays[-1].start()
    for relay in relays:
        relay.join()


def _relay(connection: socket.socket, context: ssl.SSLContext, upstream_port: int) -> None:
    """Requests and answers take turns, which is all that Redis' protocol needs."""
    with (
        connection,
        suppress(OSError),
        context.wrap_socket(connection, server_side=True) as secure,
        socket.create_connection(("127.0.0.1", upstream_port)) as upstream,
    ):
        while data := secure.recv(65536):
            upstream.sendall(data)
            secure.sendall(upstream.recv(65536))


def _make_certificate(folder: Path, *, names_address: bool) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "valkey under test")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_usage(), critical=True)
    )
    if names_address:
        address = x509.IPAddress(ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "certificate.pem"


def _usage() -> x509.KeyUsage:
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign")
    flags = dict.fromkeys((*others, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=True, key_cert_sign=True, **flags)
