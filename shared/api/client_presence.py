"""Whether the client of a request is still there.

WSGI has no word for it, but gunicorn hands its socket along. A proxy in front that hears of a client who left
closes its own connection (nginx does, unless `proxy_ignore_client_abort` says otherwise), which is then seen here.
"""

import socket
import ssl
from collections.abc import Mapping
from typing import Any

_SOCKET = "gunicorn.socket"


def is_client_gone(environ: Mapping[str, Any]) -> bool:
    """True when the connection of the request has ended; False also where nobody can say.

    Looks at what arrived without taking it: bytes that wait are the beginning of the next request, and no sign
    of leaving. Behind TLS that look is not possible.
    """
    connection = environ.get(_SOCKET)
    if not isinstance(connection, socket.socket) or isinstance(connection, ssl.SSLSocket):
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except (BlockingIOError, InterruptedError):
        return False  # nothing has arrived: the client waits
    except OSError:
        return True
