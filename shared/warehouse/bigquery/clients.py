"""Google's clients, made on first use in the process that uses them.

functions-framework imports a function in gunicorn's master and forks; a channel or a connection made before
the fork would be shared by the workers, so nothing is opened here until the first call.

Calls that BigQuery answers at once, dry runs and metadata, are bounded here: whoever asks is told soon that nobody
answers.
"""

import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from shared.circuit import CircuitBreaker
from shared.errors import AlmanacError, LateAnswerError, WarehouseTimeoutError, WarehouseUnavailableError
from shared.settings import Settings
from shared.warehouse.bigquery.failures import make_retry, translated_failures

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud import bigquery
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient

PAUSE_SECONDS = 5.0
"""How long a silent BigQuery is left alone: what else a refresh wants of it fails at once."""
_PROBE_SECONDS = 2.0
_REMEDIATION = "Nothing was run and nothing billed. Try again in a moment."


class QuickCalls:
    """Asks within `warehouse_metadata_timeout_seconds`, and once more for longer where BigQuery is only slow.

    A dry run over a thousand tables, or an emulator on a busy machine, takes longer than most; whether anybody
    is there at all, the smallest of all calls tells.
    """

    def __init__(self, open_client: Callable[[], "bigquery.Client"], settings: Settings) -> None:
        self._open_client = open_client
        self._settings = settings
        self._breaker = CircuitBreaker(PAUSE_SECONDS)

    def ask[T](self, doing: str, call: Callable[["Retry", float], T]) -> T:
        """What `call` answers; it gets the retry and the timeout to use, and may be made twice.

        Raises our errors: LateAnswerError when BigQuery is there and too slow about this, WarehouseTimeoutError when
        nothing answers at all, WarehouseUnavailableError right after that.
        """
        if not self._breaker.allows():
            raise WarehouseUnavailableError(
                f"BigQuery did not answer a moment ago; {doing} was not tried.",
                remediation=_REMEDIATION,
                retry_after_seconds=int(PAUSE_SECONDS),
            )
        began = time.monotonic()
        try:
            return self._try(doing, call, self._settings.warehouse_metadata_timeout_seconds)
        except WarehouseTimeoutError as error:
            if self._is_there():
                return self._ask_again(doing, call)
            self._breaker.note_silence(began)
            raise WarehouseTimeoutError(
                error.message, remediation=_REMEDIATION, retry_after_seconds=int(PAUSE_SECONDS)
            ) from error

    def _ask_again[T](self, doing: str, call: Callable[["Retry", float], T]) -> T:
        try:
            return self._try(doing, call, self._settings.warehouse_call_timeout_seconds)
        except WarehouseTimeoutError as error:
            raise LateAnswerError(error.message, remediation=error.remediation) from error

    def _try[T](self, doing: str, call: Callable[["Retry", float], T], timeout_seconds: float) -> T:
        try:
            with translated_failures(doing):
                answer = call(make_retry(timeout_seconds), timeout_seconds)
        except (WarehouseTimeoutError, WarehouseUnavailableError):
            raise
        except AlmanacError:
            self._breaker.note_answer()
            raise
        self._breaker.note_answer()
        return answer

    def _is_there(self) -> bool:
        """Whether BigQuery answers the smallest call there is, be it with a refusal."""

        def list_one(retry: "Retry", timeout: float) -> object:
            return list(self._open_client().list_datasets(max_results=1, retry=retry, timeout=timeout))

        try:
            self._try("looking whether it is there", list_one, _PROBE_SECONDS)
        except AlmanacError as error:
            return not isinstance(error, (WarehouseTimeoutError, WarehouseUnavailableError))
        return True


class WarehouseClients:
    """The BigQuery REST client and the Storage Read client of one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self.quick = QuickCalls(lambda: self.rest, settings)

    @property
    def location(self) -> str:
        """Where jobs run; they read datasets of this location only."""
        return self._settings.bigquery_location

    @property
    def rest(self) -> "bigquery.Client":
        """The REST client; safe to share between threads."""
        with self._lock:
            return self._rest_client

    @property
    def storage_read(self) -> "BigQueryReadClient":
        """The Storage Read API client; safe to share between threads."""
        with self._lock:
            return self._read_client

    @cached_property
    def _rest_client(self) -> "bigquery.Client":
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        from shared.warehouse.bigquery.transport import BoundedAdapter

        settings = self._settings
        endpoint = settings.bigquery_endpoint
        client = bigquery.Client(
            project=settings.google_cloud_project,
            location=settings.bigquery_location,
            credentials=AnonymousCredentials() if endpoint else None,
            client_options={"api_endpoint": endpoint} if endpoint else None,
        )
        adapter = BoundedAdapter(settings.warehouse_call_timeout_seconds, 2 * settings.warehouse_parallelism)
        for scheme in ("http://", "https://"):
            client._http.mount(scheme, adapter)
        return client

    @cached_property
    def _read_client(self) -> "BigQueryReadClient":
        from google.cloud.bigquery_storage_v1 import BigQueryReadClient

        endpoint = self._settings.bigquery_storage_endpoint
        if endpoint is None:
            return BigQueryReadClient()
        import grpc
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import (
            BigQueryReadGrpcTransport,
        )

        # As the channel Google's client opens itself; gRPC's own bound of 4 MiB is less than one batch of rows.
        unbounded = [("grpc.max_receive_message_length", -1)]
        return BigQueryReadClient(
            transport=BigQueryReadGrpcTransport(channel=grpc.insecure_channel(endpoint, options=unbounded))
        )
