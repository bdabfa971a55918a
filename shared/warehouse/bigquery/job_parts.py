"""What a job is given beside its SQL: parameters, labels; and the jobs of one call that are running.

Values are bound and typed, never formatted into SQL. Labels trace every BigQuery job to who and what caused it; their
keys and values are lower case letters, digits, dashes and underscores, at most 63 characters:
https://cloud.google.com/bigquery/docs/labels-intro#requirements.
"""

import base64
import hashlib
import re
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from shared.errors import WarehouseTimeoutError
from shared.settings import Settings
from shared.telemetry.tracing import current_trace_id
from shared.warehouse.models.queries import BoundValue, QueryParameter, QueryRequest

if TYPE_CHECKING:
    from google.cloud import bigquery

_ARRAY = re.compile(r"ARRAY<(\w+)>")


def to_bigquery_parameters(
    parameters: Iterable[QueryParameter],
) -> "list[bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter]":
    """Named scalar and array parameters for a job configuration."""
    from google.cloud import bigquery

    bound: list[bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter] = []
    for parameter in parameters:
        array = _ARRAY.fullmatch(parameter.type)
        if array:
            items = parameter.value if isinstance(parameter.value, list) else []
            values = [cast("Any", _decode(array.group(1), item)) for item in items]
            bound.append(bigquery.ArrayQueryParameter(parameter.name, array.group(1), values))
        else:
            value = cast("Any", _decode(parameter.type, parameter.value))
            bound.append(bigquery.ScalarQueryParameter(parameter.name, parameter.type, value))
    return bound


def _decode(bigquery_type: str, value: BoundValue) -> BoundValue | bytes:
    """Canonical values are what BigQuery's JSON takes, but the client encodes BYTES itself."""
    return base64.b64decode(value) if bigquery_type == "BYTES" and isinstance(value, str) else value


_FORBIDDEN = re.compile(r"[^a-z0-9_-]")


APP = "almanac"
"""What the label `app` of every job says."""
RESERVATION = "reservation"
"""The label that says which reservation paid for a job."""


def make_labels(request: QueryRequest, settings: Settings, reservation_id: UUID) -> dict[str, str]:
    """Labels of a job. The user appears as a hash: labels end up in billing exports many people read."""
    labels = {
        "app": APP,
        "env": settings.environment.value,
        "purpose": request.purpose.value,
        "user": hash_user(request.actor),
        "trace": current_trace_id(),
        RESERVATION: reservation_id.hex,
    }
    if request.slug:
        labels["slug"] = request.slug
    if request.query_name:
        labels["query"] = request.query_name
    return {key: _FORBIDDEN.sub("_", value.lower())[:63] for key, value in labels.items() if value}


def hash_user(actor: str) -> str:
    """What stands for somebody in the labels of a job."""
    return hashlib.sha256(actor.encode()).hexdigest()[:16]


class RunningJobs:
    """Ids of jobs somebody waits for. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job_ids: set[str] = set()
        self._is_closed = False

    def check_open(self) -> None:
        """Raise WarehouseTimeoutError when nobody waits any more: what has not begun must not begin to cost."""
        if self._is_closed:
            raise WarehouseTimeoutError("Nobody waits for this query any more; it was not started.")

    def add(self, job_id: str) -> None:
        """Note a job about to start; raises as `check_open` does."""
        with self._lock:
            self.check_open()
            self._job_ids.add(job_id)

    @property
    def is_closed(self) -> bool:
        """True when nobody waits any more."""
        return self._is_closed

    def remove(self, job_id: str) -> None:
        """Forget a job that is over, or that another worker pays for."""
        with self._lock:
            self._job_ids.discard(job_id)

    def close(self) -> set[str]:
        """Let nothing start any more; the jobs that were running."""
        with self._lock:
            self._is_closed = True
            return set(self._job_ids)
