"""The units of the local stack: which servers and tasks there are, and what each of them needs."""

import hashlib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from deploy.local.choices import GCS, GOOGLE, STACK, STORAGE, read_choices
from deploy.local.environment import (
    ADMIN_EMAIL,
    AT_GOOGLE,
    DATASET,
    EMULATOR_DEFAULTS,
    GOOGLE_DEFAULTS,
    IN_GCS,
    PROJECT,
    Decision,
    build_environment,
    decide_emulator,
    decide_files,
    explain_overruled,
    list_decisions,
    select_environment,
)
from deploy.local.errors import StackError
from deploy.local.functions import build_function_environment, build_function_spec
from deploy.local.parts import REPOSITORY, analyser_dir, local_dir
from deploy.local.ports import Listener, read_ports
from deploy.local.servers.bigquery import BigQueryEmulator, MeteringGate
from deploy.local.servers.nginx import NginxServer
from deploy.local.servers.oidc import OidcServer
from deploy.local.servers.postgres import PostgresServer
from deploy.local.servers.valkey import ValkeyServer
from deploy.local.supervision.process import ServiceSpec
from deploy.local.supervision.units import Unit
from shared.api.manifest import MANIFEST_PATH, FunctionEntry, load_manifest
from shared.settings import Settings


class Stack:
    """The stack with the ports and settings of this moment; a supervisor runs its units."""

    def __init__(self) -> None:
        self._chosen = read_choices()
        self.is_at_google = self._chosen.get(STACK) == GOOGLE
        self.is_in_gcs = self._chosen.get(STORAGE) == GCS
        # What was saved and computed over the sample has no meaning at Google, nor the other way round.
        chosen = [GOOGLE] * self.is_at_google + [GCS] * self.is_in_gcs
        self.state_dir = local_dir() / "-".join(chosen)
        self._manifest = load_manifest()
        self.ports = read_ports(self._chosen)
        self._names = tuple(entry.name for entry in self._manifest.functions)
        folder = self.state_dir
        self._postgres = PostgresServer(folder / "postgres", self.ports.postgres)
        self._cache = ValkeyServer(folder / "cache", self.ports.cache)
        self._bigquery = BigQueryEmulator(
            local_dir() / "bigquery", self.ports.bigquery_emulator, self.ports.bigquery_storage, PROJECT
        )
        self._gate = MeteringGate(self.ports.bigquery, self._bigquery.rest_url, analyser_dir=analyser_dir())
        self._nginx = NginxServer(
            folder / "nginx",
            self.ports.nginx,
            self._manifest,
            self._function_ports,
            self._chosen.get("SERVICE_VERSION", "dev"),
        )
        self.oidc = OidcServer(local_dir() / "oidc", self.ports.oidc, [f"{self.url}/auth/callback"])

    @property
    def url(self) -> str:
        """What a browser opens."""
        return self._nginx.url

    @property
    def bigquery_endpoint(self) -> str:
        """BigQuery's REST API, metered."""
        return self._gate.endpoint

    def function_port(self, name: str) -> int:
        """The port of one function, without the router."""
        return self._function_ports[name]

    @property
    def _function_ports(self) -> dict[str, int]:
        return self.ports.function_ports(self._names)

    def list_listeners(self) -> list[Listener]:
        """Every port the stack takes."""
        listeners = self.ports.list_listeners(self._names)
        return [one for one in listeners if not (self.is_at_google and one.service.startswith("bigquery"))]

    @property
    def has_sample(self) -> bool:
        """Whether the sample is loaded and saved: not at Google, nor where ALLOWED_DATASETS leaves its dataset out."""
        if self.is_at_google:
            return False
        allowed = Settings(allowed_datasets=self.build_environment()["ALLOWED_DATASETS"]).allowed_datasets
        return not {DATASET, f"{PROJECT}.{DATASET}"}.isdisjoint(allowed)

    def compute_fingerprint(self) -> str:
        """Changes with the settings and the manifest: a running stack with another one is out of date."""
        settings = sorted(self._chosen.items())
        return hashlib.sha256(repr((settings, MANIFEST_PATH.read_text())).encode()).hexdigest()

    def explain_overruled(self) -> list[str]:
        """One sentence for each reason for which something is not used that the developer chose."""
        return explain_overruled(self._chosen, self._list_decisions())

    def build_environment(self) -> dict[str, str]:
        """The settings of the stack's functions, secrets included."""
        defaults = GOOGLE_DEFAULTS if self.is_at_google else EMULATOR_DEFAULTS
        return build_environment(defaults, self._chosen, self._list_decisions())

    def read_settings(self) -> Settings:
        """The settings of the stack's functions, as they read them."""
        return Settings(**{name.lower(): value for name, value in self.build_environment().items() if value})

    def _list_decisions(self) -> list[Decision]:
        own = list_decisions(
            public_url=self.url, database_url=self._postgres.url, cache_url=self._cache.url, oidc=self.oidc
        )
        emulator = decide_emulator(self.bigquery_endpoint, self._bigquery.storage_endpoint)
        return [
            AT_GOOGLE if self.is_at_google else emulator,
            IN_GCS if self.is_in_gcs else decide_files(self.state_dir),
            *own,
        ]

    def build_function_environment(self, name: str) -> dict[str, str]:
        """What one function runs with, but for its port. Raises StackError for an unknown name."""
        entry = next((entry for entry in self._manifest.functions if entry.name == name), None)
        if entry is None:
            raise StackError(f"There is no function {name!r}; there are: {', '.join(self._names)}.")
        return build_function_environment(entry, select_environment(self.build_environment(), entry))

    def fetch_token(self, email: str = ADMIN_EMAIL) -> str:
        """An ID token of one of the local accounts, good for an hour."""
        return self.oidc.fetch_id_token(email)

    def build_units(self) -> list[Unit]:
        """Every server, task and function, for a supervisor."""
        environment = self.build_environment()
        return [*self._build_servers(), *self._build_functions(environment), *self._build_tasks(environment)]

    def _build_servers(self) -> list[Unit]:
        emulator = [
            Unit("bigquery", _prepared(self._bigquery)),
            Unit("bigquery-gate", self._gate.spec, needs=frozenset({"bigquery"})),
        ]
        return [
            # Longest start first: on few processors the order of starting is felt.
            *([] if self.is_at_google else emulator),
            Unit("postgres", _prepared(self._postgres)),
            Unit("cache", self._cache.spec),
            Unit("oidc", self.oidc.spec),
            Unit("nginx", _prepared(self._nginx), needs=frozenset(self._names)),
            Unit("scheduler", self._build_scheduler, needs=frozenset({"nginx", "oidc", "migrate"})),
        ]

    def _build_scheduler(self) -> ServiceSpec:
        return ServiceSpec(
            name="scheduler",
            command=[sys.executable, "-m", "deploy.local.scheduler"],
            is_ready=lambda: True,
            log_path=self.state_dir / "logs" / "scheduler.log",
            environment={"PYTHONUNBUFFERED": "1"},
            working_directory=REPOSITORY,
        )

    def _build_functions(self, environment: Mapping[str, str]) -> list[Unit]:
        emulator = frozenset[str]() if self.is_at_google else frozenset({"bigquery", "bigquery-gate"})
        stores = emulator | {"postgres", "cache", "oidc"}
        ports = self._function_ports

        def prepare(entry: FunctionEntry) -> ServiceSpec:
            return build_function_spec(
                entry, ports[entry.name], select_environment(environment, entry), self.state_dir
            )

        return [Unit(entry.name, partial(prepare, entry), uses=stores) for entry in self._manifest.functions]

    def _build_tasks(self, environment: Mapping[str, str]) -> list[Unit]:
        build = partial(_build_task, environment=environment, log_dir=self.state_dir / "logs")
        seeded = frozenset({"nginx", "oidc", "cache", "migrate", "sample-data"})
        tasks = [build("migrate", needs=frozenset({"postgres"}))]
        if self.has_sample:
            tasks += [
                build("sample-data", needs=frozenset({"bigquery-gate"})),
                build("sample-dashboards", needs=seeded, required=False),
            ]
        return tasks


def _prepared(server: BigQueryEmulator | PostgresServer | NginxServer) -> Callable[[], ServiceSpec]:
    def prepare() -> ServiceSpec:
        server.prepare()
        return server.spec()

    return prepare


def _build_task(
    name: str,
    *,
    environment: Mapping[str, str],
    log_dir: Path,
    needs: frozenset[str],
    required: bool = True,
) -> Unit:
    spec = ServiceSpec(
        name=name,
        command=[sys.executable, "-m", "deploy.local.tasks", name],
        is_ready=lambda: True,
        log_path=log_dir / f"{name}.log",
        environment={**environment, "PYTHONUNBUFFERED": "1"},
        working_directory=REPOSITORY,
    )
    return Unit(name, lambda: spec, needs=needs, is_task=True, required=required)
