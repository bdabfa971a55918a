"""A function in a container of Compose: told to stop, it lets the router know and serves on until that has looked away.

Docker sends SIGTERM and says nothing to anybody else, and gunicorn then closes what was just handed to it: a POST in
that moment would fail, for it is never sent twice. Cloud Run needs none of this: it sends nothing new to an instance
before it stops it.
"""

import os
import signal
import socket
import subprocess
import sys
import time

# Somebody listens here while the container is about to stop; deploy/nginx/start.sh asks each second.
LEAVING_PORT = int(os.environ.get("LEAVING_PORT", "8079"))
# Until the router has asked, written its configuration, and its old workers have left.
LEAVING_SECONDS = float(os.environ.get("LEAVING_SECONDS", "6"))


def main() -> int:
    """Run the command given; answers its exit code."""
    server = subprocess.Popen(sys.argv[1:])

    def leave(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with socket.create_server(("", LEAVING_PORT)):
            time.sleep(LEAVING_SECONDS)
            server.terminate()

    signal.signal(signal.SIGTERM, leave)
    code = server.wait()
    # As a shell says that a signal ended it.
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
