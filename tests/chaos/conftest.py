"""A whole stack of which every store lies behind a link, and the table of what was measured."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from deploy.local.ports import setting_name
from deploy.local.servers.fake_gcs import FakeGcsServer
from deploy.local.servers.postgres import PostgresServer
from deploy.local.servers.valkey import ValkeyServer
from deploy.local.supervision.process import Service, pick_free_port
from shared.settings import Settings
from tests.chaos.incidents import Chaos
from tests.chaos.linked_stack import ADDRESSES
from tests.chaos.reporting import Report
from tests.fixtures.faulty_link import FaultyLink
from tests.fixtures.stack import SETTINGS, start_stack

BUCKET = "chaos"
# Room for the dashboards of a long storm, and soon filled.
_DISK = "size=64m"


_REPORT = Report()


@pytest.fixture(scope="session")
def report() -> Report:
    """What was measured; printed when all tests are done."""
    return _REPORT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    if _REPORT.rows:
        load = " ".join(f"{one:.1f}" for one in os.getloadavg())
        terminalreporter.section(f"What readers saw (load of the machine at the end: {load})")
        terminalreporter.write_line(_REPORT.render())


@pytest.fixture(scope="session")
def chaos(servers: None) -> Iterator[Chaos]:
    """The stack, with the sample dashboards saved and computed; payloads are in Cloud Storage's emulator."""
    ports = {name: pick_free_port() for name in ("postgres", "cache", "bigquery", "bigquery_storage")}
    with ExitStack() as leaving:
        folder = Path(tempfile.mkdtemp(prefix="almanac-chaos-"))
        leaving.callback(shutil.rmtree, folder, ignore_errors=True)
        storage = FakeGcsServer(folder / "storage", pick_free_port())
        storage_service = Service(storage.spec())
        leaving.enter_context(storage_service.serving())
        storage.create_bucket(BUCKET)
        links = {
            name: leaving.enter_context(FaultyLink(port).running())
            for name, port in {**ports, "storage": storage.port}.items()
        }
        addresses = {
            "DATABASE_URL": PostgresServer(folder / "postgres", links["postgres"].port).url,
            "CACHE_URL": ValkeyServer(folder / "cache", links["cache"].port).url,
            "BIGQUERY_ENDPOINT": f"http://127.0.0.1:{links['bigquery'].port}",
            "BIGQUERY_STORAGE_ENDPOINT": f"127.0.0.1:{links['bigquery_storage'].port}",
            "STORAGE_ENDPOINT": f"http://127.0.0.1:{links['storage'].port}",
            "PAYLOAD_STORE_URL": f"gs://{BUCKET}/payloads",
        }
        disk = leaving.enter_context(small_disk(folder / "workdir"))
        settings = {
            **SETTINGS,
            # What is promised is measured with what it is by default; other tests of the stack wait longer.
            "WAREHOUSE_METADATA_TIMEOUT_SECONDS": str(Settings().warehouse_metadata_timeout_seconds),
            **{setting_name(name): str(port) for name, port in ports.items()},
            ADDRESSES: json.dumps(addresses),
        }
        stack = leaving.enter_context(start_stack(settings, folder, "tests.chaos.linked_stack"))
        yield Chaos(stack, links, disk, storage_service.pid)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of its own at `folder`, where one may be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", _DISK, "none", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
