"""Our query parameters as BigQuery's. Values are bound and typed, never formatted into SQL."""

import base64
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from shared.warehouse.models.queries import BoundValue, QueryParameter

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
