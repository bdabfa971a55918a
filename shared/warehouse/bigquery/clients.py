"""Google's clients, made on first use in the process that uses them.

functions-framework imports a function in gunicorn's master and forks; a channel or a connection made before
the fork would be shared by the workers, so nothing is opened here until the first call.
"""

import threading
from functools import cached_property
from typing import TYPE_CHECKING

from shared.settings import Settings
from shared.warehouse.bigquery.quick_calls import QuickCalls

if TYPE_CHECKING:
    from google.cloud import bigquery
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient


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
