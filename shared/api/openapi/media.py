"""Media types, parameters and headers that have no model: what OpenAPI says about each of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from shared.api.answers.compile_response import CompileLine
from shared.api.answers.lineage_response import OPENLINEAGE_TYPE
from shared.api.answers.ndjson import NDJSON_TYPE
from shared.api.answers.precompute_response import ProgressLine
from shared.api.answers.result_response import ARROW_TYPE
from shared.api.answers.validation_formats import SARIF_TYPE
from shared.api.call import IF_MATCH_PATTERN
from shared.api.openapi import examples as examples
from shared.dashboards.definition.field_types import NAME_PATTERN, SLUG_PATTERN
from shared.dashboards.definition.head import QUERY_CHOICE

type JsonObject = dict[str, object]


@dataclass(frozen=True)
class Media:
    """A body that is not our envelope: its media type, and a model or a schema of its content."""

    media_type: str
    schema: JsonObject | type[BaseModel]
    example: object = None


YAML = Media(
    "application/yaml",
    {"type": "object", "description": "One dashboard file as it is: the short form of a list of one."},
    examples.DASHBOARD_YAML,
)
SARIF = Media(
    SARIF_TYPE,
    {
        "type": "object",
        "description": "A SARIF 2.1.0 log with one run.",
        "required": ["version", "runs"],
        "properties": {"version": {"const": "2.1.0"}, "runs": {"type": "array", "items": {"type": "object"}}},
    },
)
NDJSON = Media(NDJSON_TYPE, ProgressLine, examples.PROGRESS)
COMPILE_NDJSON = Media(NDJSON_TYPE, CompileLine, examples.COMPILE_PROGRESS)
OPENLINEAGE = Media(
    OPENLINEAGE_TYPE,
    {
        "type": "array",
        "description": "OpenLineage 2-0-2 events, one per query and view, then one per dashboard.",
        "items": {
            "type": "object",
            "required": ["eventTime", "producer", "schemaURL", "job"],
            "properties": {
                "eventTime": {"type": "string", "format": "date-time"},
                "producer": {"type": "string", "format": "uri"},
                "schemaURL": {"type": "string", "format": "uri"},
                "job": {"type": "object"},
            },
        },
    },
)
ARROW = Media(
    ARROW_TYPE,
    {
        "type": "string",
        "format": "binary",
        "description": "The result of the query that `query` names, as an Arrow IPC stream. The headers "
        "`Almanac-As-Of`, `Almanac-Checked-At` and `Almanac-Stale` say how fresh it is. A column with an INTERVAL of "
        "more than 2,562,047 hours, which Arrow does not hold, is text.",
    },
)
HTML = Media("text/html", {"type": "string"})
SCRIPT = Media("text/javascript", {"type": "string"})
STYLE = Media("text/css", {"type": "string"})
SVG = Media("image/svg+xml", {"type": "string"})
JSON_SCHEMA = Media("application/schema+json", {"type": "object"})
OPENAPI = Media("application/json", {"type": "object"})


def _query(name: str, description: str, schema: JsonObject) -> JsonObject:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _header(name: str, description: str, schema: JsonObject) -> JsonObject:
    return {"name": name, "in": "header", "description": description, "schema": schema}


DRY_RUN = _query(
    "dry_run",
    "With a YAML body: `true` answers what would be saved.",
    {"type": "string", "enum": ["true", "false"]},
)
IF_MATCH = _header(
    "If-Match",
    'With a YAML body: the version the change is based on, such as `"3"`; `"0"` means that none exists.',
    {"type": "string", "pattern": IF_MATCH_PATTERN},
)
IF_NONE_MATCH = _header(
    "If-None-Match", "An ETag of an earlier answer: 304 while it holds.", {"type": "string"}
)
RETURN_TO = _query("return_to", "The local path to go to afterwards.", {"type": "string", "examples": ["/"]})
ROLLBACK_DRY_RUN = _query(
    "dry_run", "`true` answers what would be saved.", {"type": "string", "enum": ["true", "false"]}
)
CALLBACK = tuple(
    _query(name, description, {"type": "string"})
    for name, description in (
        ("code", "The one-time code."),
        ("state", "What the login began with."),
        ("error", "Why the provider refused."),
    )
)
QUERY = _query(
    QUERY_CHOICE,
    f"With `Accept: {ARROW_TYPE}`: the query whose result is wanted.",
    {"type": "string", "pattern": NAME_PATTERN},
)
DASHBOARD_PARAMETERS: JsonObject = {
    "name": "parameters",
    "in": "query",
    "description": "The dashboard's own parameters by name; one left out takes its default. "
    "A parameter of an ARRAY type may be given several times.",
    "style": "form",
    "explode": True,
    "schema": {
        "type": "object",
        "additionalProperties": {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
        },
    },
    "examples": {"origin": {"value": {"origin": "LGA"}}},
}

SHARED_PARAMETERS: Mapping[str, JsonObject] = {
    "RequestId": _header(
        "X-Request-Id",
        "Kept as the request id when it has 8 to 64 letters, digits, dots, dashes or underscores.",
        {"type": "string", "examples": ["6f1c8b1e-4c0f-4f0e-9a61-0d9b1f0a7c55"]},
    ),
    "Traceparent": _header(
        "traceparent", "W3C trace context of the caller; its trace goes on.", {"type": "string"}
    ),
}
PATH_PARAMETERS: Mapping[str, JsonObject] = {
    "slug": {
        "name": "slug",
        "in": "path",
        "required": True,
        "description": "Which dashboard.",
        "schema": {"type": "string", "pattern": SLUG_PATTERN},
        "example": examples.SLUG,
    },
    "version": {
        "name": "version",
        "in": "path",
        "required": True,
        "description": "Versions count from 1.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
        "example": 1,
    },
    "name": {
        "name": "name",
        "in": "path",
        "required": True,
        "description": "The name of a built file.",
        "schema": {"type": "string"},
    },
    "session_id": {
        "name": "session_id",
        "in": "path",
        "required": True,
        "description": "One of the caller's sessions.",
        "schema": {"type": "string", "format": "uuid"},
    },
}
HEADERS: Mapping[str, str] = {
    "X-Request-Id": "The id of this request: the caller's own, or a new one.",
    "traceparent": "W3C trace context of this request's span.",
    "Server-Timing": "Milliseconds spent, as `total;dur=1.23`. Not on `/data`: the router repeats "
    "its answers, and the time of another request would mislead.",
    "ETag": "A validator of the content alone, whatever is said of its age: weak around the JSON envelope, whose "
    "metadata differs from answer to answer, strong with an Arrow stream.",
    "Retry-After": "Seconds to wait before another try.",
    "Location": "Where to go.",
    "Set-Cookie": "The session cookie, or its removal.",
    "X-Almanac-User": "The caller's address.",
    "Almanac-As-Of": "When the oldest of the data in the answer was read. On 304, too, like the next two.",
    "Almanac-Checked-At": "When the dashboard's data was last known to be current. The body of an answer that was "
    "validated with 304 says an earlier time.",
    "Almanac-Stale": "`true` when nobody has checked within `max_age`, or the last refresh failed.",
    "Almanac-Degraded": "`database` while PostgreSQL does not answer and what was known is believed.",
    "X-Almanac-As-Of": "With an Arrow stream: `Almanac-As-Of` by its former name.",
    "X-Almanac-Checked-At": "With an Arrow stream: `Almanac-Checked-At` by its former name.",
    "X-Almanac-Stale": "With an Arrow stream: `Almanac-Stale` by its former name.",
}
EVERY_ANSWER = ("X-Request-Id", "traceparent", "Server-Timing")
