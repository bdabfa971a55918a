"""BigQuery alone, without the rest of the stack: the emulator behind the metering gate, for tests and benches."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import requests
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery as google_bigquery

from deploy.local.servers.bigquery import BigQueryEmulator, MeteringGate
from deploy.local.supervision.process import Service, pick_free_port

CALL_TIMEOUT_SECONDS = 30


@dataclass
class BigQueryServer:
    """A running emulator with its gate.

    `endpoint` is the REST URL (BIGQUERY_ENDPOINT), `storage_endpoint` the `host:port` of the Storage Read
    API (BIGQUERY_STORAGE_ENDPOINT), `emulator_url` the REST URL without the gate. `gate` and `emulator` can be
    stopped and started by tests of failure.
    """

    endpoint: str
    storage_endpoint: str
    project: str
    emulator_url: str
    gate: Service
    emulator: Service
    _open: ExitStack = field(default_factory=ExitStack)

    def client(self, project: str | None = None) -> google_bigquery.Client:
        """Google's client on this server; closed when the server is stopped."""
        options = ClientOptions(api_endpoint=self.endpoint)
        credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        client = google_bigquery.Client(
            project=project or self.project, credentials=credentials, client_options=options
        )
        self._open.callback(client.close)
        return client

    def read_gate(self) -> dict[str, object]:
        """The gate's own account of this session: see docs/metering.md, `GET /gate/jobs`."""
        answer = requests.get(f"{self.endpoint}/gate/jobs", timeout=CALL_TIMEOUT_SECONDS)
        answer.raise_for_status()
        return dict(answer.json())

    def count_jobs(self) -> int:
        """How many query jobs were really executed (no dry runs, cache hits or refused jobs) so far."""
        return int(str(self.read_gate()["executed"]))

    def load_rows(
        self,
        table: str,
        schema: Sequence[google_bigquery.SchemaField],
        rows: Sequence[dict[str, object]],
        *,
        partition_by: str | None = None,
        cluster_by: Sequence[str] = (),
    ) -> str:
        """Load `rows` into `dataset.table`, replacing it; the dataset is made when missing.

        Values are written as BigQuery's JSON load format has them. With `partition_by` the table is
        partitioned by day on that column. Answers the table's full name.
        """
        client = self.client()
        full_name = f"{self.project}.{table}"
        client.create_dataset(table.split(".")[0], exists_ok=True, timeout=CALL_TIMEOUT_SECONDS)
        config = google_bigquery.LoadJobConfig(schema=list(schema), write_disposition="WRITE_TRUNCATE")
        if partition_by:
            config.time_partitioning = google_bigquery.TimePartitioning(field=partition_by)
        if cluster_by:
            config.clustering_fields = list(cluster_by)
        client.load_table_from_json(rows, full_name, job_config=config, timeout=CALL_TIMEOUT_SECONDS).result(
            timeout=CALL_TIMEOUT_SECONDS
        )
        return full_name


@contextmanager
def start_bigquery(
    folder: Path, *, one_thread: bool = False, results: int | None = None
) -> Iterator[BigQueryServer]:
    """Start an emulator and a gate on free ports with their files in `folder`; stop both on leaving.

    `one_thread` and `results` as in BigQueryEmulator.
    """
    emulator = BigQueryEmulator(
        folder, pick_free_port(), pick_free_port(), one_thread=one_thread, results=results
    )
    emulator.prepare()
    gate = MeteringGate(pick_free_port(), emulator.rest_url, folder)
    services = [Service(emulator.spec()), Service(gate.spec())]
    with ExitStack() as stack:
        for service in services:
            stack.callback(service.stop)
            service.start()
        for service in services:
            service.wait_ready()
        clients = stack.enter_context(ExitStack())
        yield BigQueryServer(
            endpoint=gate.endpoint,
            storage_endpoint=emulator.storage_endpoint,
            project=emulator.project,
            emulator_url=emulator.rest_url,
            emulator=services[0],
            gate=services[1],
            _open=clients,
        )


@contextmanager
def gate_before(server: BigQueryServer, folder: Path, analyser_dir: Path | None) -> Iterator[BigQueryServer]:
    """A second gate before the emulator of `server`, with an account of its own in `folder`.

    `analyser_dir` as in MeteringGate. The gate that `start_bigquery` starts is without: tests and benches of many
    processes would hold an analyser each, and their words would depend on what is compiled meanwhile.
    """
    gate = MeteringGate(pick_free_port(), server.emulator_url, folder, analyser_dir)
    service = Service(gate.spec())
    with service.serving(), ExitStack() as clients:
        yield replace(server, endpoint=gate.endpoint, gate=service, _open=clients)
