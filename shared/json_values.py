"""JSON as Python holds it."""

from typing import Any

type JsonValue = bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None
"""Any value of JSON."""

type JsonObject = dict[str, Any]
"""An object of which only its reader knows what its members are: a JSONB column, a document, a schema."""
