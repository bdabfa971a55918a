"""Exit 0 when the server on PORT answers GET `path` (default /healthz) with 200, else 1.

``python -SE check_health.py [path]``; nothing but the standard library, so that a probe takes little time.
"""

import http.client
import os
import sys

TIMEOUT_SECONDS = 2.5


def is_healthy(port: int, path: str) -> bool:
    """True when the server on `port` of loopback answers 200 in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    wanted_path = sys.argv[1] if len(sys.argv) > 1 else "/healthz"
    sys.exit(0 if is_healthy(int(os.environ["PORT"]), wanted_path) else 1)
