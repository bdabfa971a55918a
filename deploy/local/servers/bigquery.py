"""BigQuery on this machine: the emulator, and the metering gate in front of it."""

import fcntl
from pathlib import Path

from deploy.local.parts import REPOSITORY, local_dir, parts_python
from deploy.local.servers import duckdb_extensions
from deploy.local.supervision.process import ServiceSpec, accepts_connections, answers_ok

EMULATOR = "deploy.local.servers.emulator"
"""The module that the interpreter of the parts runs to be the emulator's command line."""
THREADS = "EMULATOR_THREADS"
"""The variable that says how many threads work on a statement there; unset, as many as there are processors."""
RESULTS = "EMULATOR_RESULTS"
"""The variable that says how many results of jobs are kept there; unset, a thousand."""


class BigQueryEmulator:
    """The BigQuery emulator: REST on `rest_port`, the Storage Read API (gRPC) on `grpc_port`, loopback only.

    Tables and jobs live in files under `state_dir`. Clients talk to it through `MeteringGate`; only the
    Storage Read API, which the gate does not carry, is used directly. With `one_thread` a statement is worked on by
    one thread, which on tables of some thousand rows takes a fifth less of the processors, and on large ones longer.
    Of the results of jobs the newest `results` stay: each statement takes longer the more there are.
    """

    def __init__(
        self,
        state_dir: Path,
        rest_port: int,
        grpc_port: int,
        project: str = "local",
        *,
        one_thread: bool = False,
        results: int | None = None,
    ) -> None:
        self.state_dir = state_dir
        self.rest_port = rest_port
        self.grpc_port = grpc_port
        self.project = project
        self._options = {THREADS: "1"} if one_thread else {}
        if results is not None:
            self._options[RESULTS] = str(results)

    @property
    def rest_url(self) -> str:
        """Base URL of the REST API, without the metering gate."""
        return f"http://127.0.0.1:{self.rest_port}"

    @property
    def storage_endpoint(self) -> str:
        """`host:port` of the Storage Read API (plain gRPC)."""
        return f"127.0.0.1:{self.grpc_port}"

    def prepare(self) -> None:
        """Install DuckDB's extensions from their packages (once per checkout) and make the data folder."""
        (self.state_dir / "data").mkdir(parents=True, exist_ok=True)
        home = _duckdb_home()
        home.mkdir(parents=True, exist_ok=True)
        with (home / "install.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            duckdb_extensions.install(parts_python(), home)

    def spec(self) -> ServiceSpec:
        """How to run it; call `prepare()` first."""
        return ServiceSpec(
            name="bigquery",
            command=[
                parts_python(), "-m", EMULATOR, "serve",
                "--host", "127.0.0.1", "--port", str(self.rest_port), "--grpc-port", str(self.grpc_port),
                "--project", self.project, "--data-dir", self.state_dir / "data",
            ],
            is_ready=self._is_ready,
            log_path=self.state_dir / "bigquery.log",
            # DuckDB looks for its extensions below the home folder, and there only for these.
            environment={"HOME": str(_duckdb_home()), "PYTHONPATH": str(REPOSITORY), **self._options},
            working_directory=self.state_dir,
        )  # fmt: skip

    def _is_ready(self) -> bool:
        path = f"/bigquery/v2/projects/{self.project}/datasets"
        return accepts_connections(self.grpc_port) and answers_ok(self.rest_port, path)


class MeteringGate:
    """The proxy that adds to the emulator's REST API what it lacks: bytes, billing, byte caps, cache hits.

    It remembers jobs and changes of tables in `gate.sqlite` under `state_dir`, which belongs to the
    emulator's data: keep or remove both. With `analyser_dir`, the folder of Google's compiled analyser, it also says
    which queries only the emulator cannot run.
    """

    def __init__(
        self,
        port: int,
        emulator_rest_url: str,
        state_dir: Path | None = None,
        analyser_dir: Path | None = None,
    ) -> None:
        self.port = port
        self.emulator_rest_url = emulator_rest_url
        self.state_dir = state_dir or local_dir() / "bigquery"
        self._analyser = {"GATE_ANALYSER_DIR": str(analyser_dir)} if analyser_dir else {}

    @property
    def endpoint(self) -> str:
        """What `BIGQUERY_ENDPOINT` is set to."""
        return f"http://127.0.0.1:{self.port}"

    def spec(self) -> ServiceSpec:
        """How to run it. It starts without the emulator, and answers 503 until that one is there."""
        return ServiceSpec(
            name="bigquery-gate",
            command=[
                parts_python(), "-m", "uvicorn", "--factory", "deploy.local.gate.app:create_app",
                "--host", "127.0.0.1", "--port", str(self.port), "--no-access-log", "--log-level", "warning",
                "--timeout-graceful-shutdown", "3",
            ],
            is_ready=lambda: answers_ok(self.port, "/gate/jobs"),
            log_path=self.state_dir / "bigquery-gate.log",
            environment={
                "GATE_EMULATOR_URL": self.emulator_rest_url,
                "GATE_STATE_DIR": str(self.state_dir),
                "PYTHONPATH": str(REPOSITORY),
                **self._analyser,
            },
            working_directory=REPOSITORY,
        )  # fmt: skip


def _duckdb_home() -> Path:
    return local_dir() / "duckdb"
