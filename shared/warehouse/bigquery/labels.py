"""Job labels, so that every BigQuery job can be traced to who and what caused it.

Keys and values: lower case letters, digits, dashes and underscores, at most 63 characters:
https://cloud.google.com/bigquery/docs/labels-intro#requirements.
"""

import hashlib
import re
from uuid import UUID

from shared.settings import Settings
from shared.telemetry.tracing import current_trace_id
from shared.warehouse.models.queries import QueryRequest

_FORBIDDEN = re.compile(r"[^a-z0-9_-]")


RESERVATION = "reservation"
"""The label that says which reservation paid for a job."""


def make_labels(request: QueryRequest, settings: Settings, reservation_id: UUID) -> dict[str, str]:
    """Labels of a job. The user appears as a hash: labels end up in billing exports many people read."""
    labels = {
        "app": "almanac",
        "env": settings.environment.value,
        "purpose": request.purpose.value,
        "user": hashlib.sha256(request.actor.encode()).hexdigest()[:16],
        "trace": current_trace_id(),
        RESERVATION: reservation_id.hex,
    }
    if request.slug:
        labels["slug"] = request.slug
    if request.query_name:
        labels["query"] = request.query_name
    return {key: _FORBIDDEN.sub("_", value.lower())[:63] for key, value in labels.items() if value}
