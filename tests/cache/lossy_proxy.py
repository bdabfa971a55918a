"""A TCP proxy in front of Valkey that loses what would be written, for as long as it is told to."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

WRITES = (b"\r\nSET\r\n", b"\r\nEVAL\r\n", b"\r\nUNLINK\r\n")


class LossyProxy:
    """The running proxy; while `losing`, write commands vanish and their caller waits in vain."""

    def __init__(self, upstream_port: int) -> None:
        self.losing = False
        self.lost = 0
        self._upstream_port = upstream_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    @contextmanager
    def running(self) -> Iterator["LossyProxy"]:
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            server = socket.create_connection(("127.0.0.1", self._upstream_port))
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        with source, target:
            while True:
                try:
                    data = source.recv(1 << 20)
                    if not data:
                        return
                    if is_request and self.losing and any(word in data for word in WRITES):
                        self.lost += 1
                        continue
                    target.sendall(data)
                except OSError:  # the other direction ended
                    return
