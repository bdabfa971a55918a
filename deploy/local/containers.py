"""The servers and tasks of the local stack, each as the one process of a container.

``python -m deploy.local.containers NAME``; docker-compose.yml says which there are. A server replaces this
process, so that it gets Docker's signals itself; a task exits.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.environment import ADMIN_EMAIL, PROJECT, SCHEDULER_EMAIL
from deploy.local.errors import StackError
from deploy.local.parts import parts_python
from deploy.local.servers.bigquery import EMULATOR
from deploy.local.servers.fake_gcs import find_program
from deploy.local.servers.oidc import OidcServer
from shared.api.manifest import load_manifest

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - inside a container's own network
BUCKET = "almanac"
DUCKDB_HOME = "/opt/duckdb"


class ContainerStack:
    """The stack as a container of it sees it: what saving the samples needs to know."""

    url = "http://nginx:8080"

    def fetch_token(self, email: str) -> str:
        """An ID token of one of the local accounts, good for an hour. Raises OidcLoginFailedError."""
        return build_oidc(os.environ).fetch_id_token(email)


def build_oidc(environment: Mapping[str, str]) -> OidcServer:
    """The OpenID provider by OIDC_ISSUER, PUBLIC_URL, OIDC_CLIENT_SECRET and PORT, with its state in STATE_DIR."""
    return OidcServer(
        Path(environment.get("STATE_DIR", "/tmp/oidc")),  # noqa: S108 - a container's own
        int(environment["PORT"]),
        [f"{environment['PUBLIC_URL']}/auth/callback"],
        host=ANY_ADDRESS,
        issuer=environment["OIDC_ISSUER"],
        client_secret=environment["OIDC_CLIENT_SECRET"],
    )


def serve_oidc() -> None:
    """Become the OpenID provider."""
    server = build_oidc(os.environ)
    server.prepare()
    _become(server.build_command())


def serve_bigquery() -> None:
    """Become the BigQuery emulator: REST on PORT, the Storage Read API on the port after it."""
    port = int(os.environ["PORT"])
    os.environ["HOME"] = DUCKDB_HOME
    _become(
        [
            parts_python(), "-m", EMULATOR, "serve", "--host", ANY_ADDRESS, "--port", str(port),
            "--grpc-port", str(port + 1), "--project", PROJECT, "--data-dir", os.environ["STATE_DIR"],
        ]
    )  # fmt: skip


def serve_gate() -> None:
    """Become the metering gate in front of GATE_EMULATOR_URL, with its memory in GATE_STATE_DIR."""
    _become(
        [
            parts_python(), "-m", "uvicorn", "--factory", "deploy.local.gate.app:create_app",
            "--host", ANY_ADDRESS, "--port", os.environ["PORT"], "--no-access-log", "--log-level", "warning",
            "--timeout-graceful-shutdown", "3",
        ]
    )  # fmt: skip


def serve_gcs() -> None:
    """Become the Cloud Storage emulator, with one bucket, `almanac`, in files below STATE_DIR."""
    root = Path(os.environ["STATE_DIR"])
    (root / BUCKET).mkdir(parents=True, exist_ok=True)
    address = f"gcs:{os.environ['PORT']}"
    _become(
        [
            find_program(), "-scheme", "http", "-host", ANY_ADDRESS, "-port", os.environ["PORT"],
            "-backend", "filesystem", "-filesystem-root", root, "-external-url", f"http://{address}",
            "-public-host", address, "-log-level", "warn",
        ]
    )  # fmt: skip


def load_sample_data() -> None:
    """Load the sample tables through BIGQUERY_ENDPOINT unless they are there."""
    from deploy.local.tasks import load_sample_into

    load_sample_into(os.environ["BIGQUERY_ENDPOINT"])


def save_sample_dashboards() -> None:
    """Save and compute the sample dashboards through nginx."""
    from deploy.local.seed import seed

    seed(ContainerStack())


def run_schedule() -> None:
    """Call what the manifest schedules, as Cloud Scheduler would, until a signal ends the process."""
    from deploy.local.scheduler import post_schedule, run_scheduler

    stack = ContainerStack()
    run_scheduler(
        [entry.schedule for entry in load_manifest().functions if entry.schedule],
        lambda schedule: post_schedule(stack.url, lambda: stack.fetch_token(SCHEDULER_EMAIL), schedule),
        lambda: datetime.now(UTC),
        time.sleep,
    )


def show_token() -> None:
    """Print an ID token of the account named by the second argument (the administrator's by default)."""
    from deploy.local.commands.reports import fetch_token

    print(fetch_token(ContainerStack(), sys.argv[2] if len(sys.argv) > 2 else ADMIN_EMAIL))


PROGRAMS: dict[str, Callable[[], None]] = {
    "oidc": serve_oidc,
    "bigquery": serve_bigquery,
    "bigquery-gate": serve_gate,
    "gcs": serve_gcs,
    "sample-data": load_sample_data,
    "sample-dashboards": save_sample_dashboards,
    "scheduler": run_schedule,
    "token": show_token,
}


def _become(command: list[str | Path]) -> None:
    program = [str(part) for part in command]
    sys.stdout.flush()
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


def main(arguments: list[str]) -> int:
    """Run the program named; answers the exit code when it is a task."""
    if not arguments or arguments[0] not in PROGRAMS:
        print(f"error: name one of {', '.join(PROGRAMS)}", file=sys.stderr)
        return 2
    try:
        PROGRAMS[arguments[0]]()
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
