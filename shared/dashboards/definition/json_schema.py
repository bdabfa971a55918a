"""Writes the published JSON Schema of dashboard files: `python -m shared.dashboards.definition.json_schema`.

Printed from the models, the words of channels and the part of Vega-Lite's schema that a chart may use. The file it
writes is what decides on the shape of a dashboard, in an editor and in the service alike. What a schema cannot judge
(names that refer to each other, SQL, values against their type, the range of sizes and durations) is not in it.
"""

import json
import sys
from typing import Any

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.definition.field_types import SCHEDULE_PATTERN
from shared.dashboards.definition.published_schema import SCHEMA_PATH, JsonSchema
from shared.dashboards.vega.channel_words import CHANNEL_WORDS
from shared.dashboards.vega.schema_subset import SUBSET_PATH

SCHEMA_ID = "urn:almanac:dashboard:1"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFAULT_DURATIONS = {"max_age": "24h", "max_stale": "7d"}
_VEGA_LITE = "#/$defs/vega-lite/definitions/"


def build_schema() -> JsonSchema:
    """The schema as a JSON object, the same for the same models."""
    schema: JsonSchema = _tidy(DashboardDefinition.model_json_schema())
    parts: JsonSchema = schema["$defs"]
    refresh = parts["RefreshPolicy"]["properties"]
    for name, text in _DEFAULT_DURATIONS.items():
        refresh[name]["default"] = text
    refresh["schedule"]["pattern"] = SCHEDULE_PATTERN
    parts["QueryDefinition"]["oneOf"] = [_require_value("sql"), _require_value("file")]
    parts["ParameterDefinition"]["anyOf"] = [{"required": ["default"]}, _require_value("values")]
    _name_keys(schema["properties"]["queries"])
    _describe_vega(parts)
    return {"$schema": _DIALECT, "$id": SCHEMA_ID, "title": "Dashboard", **schema}


def render_schema() -> str:
    """The text of the schema file: indented, but for Vega-Lite's part, of which each definition is a line."""
    schema = build_schema()
    definitions = schema["$defs"]["vega-lite"].pop("definitions")
    mark = "the definitions of Vega-Lite"
    schema["$defs"]["vega-lite"]["definitions"] = mark
    lines = [f"{json.dumps(name)}: {json.dumps(part)}" for name, part in definitions.items()]
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    return text.replace(json.dumps(mark), "{\n" + ",\n".join(lines) + "\n}") + "\n"


def _tidy(schema: Any) -> Any:
    """Without the titles Pydantic derives from names, and with null among the types instead of beside them."""
    if isinstance(schema, list):
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if not _is_noise(key, value)}
    tidy = {
        key: {name: _tidy(part) for name, part in value.items()}
        if key in ("properties", "$defs")
        else _tidy(value)
        for key, value in kept.items()
    }
    return _join_null(tidy)


def _join_null(schema: JsonSchema) -> JsonSchema:
    """`anyOf: [X, null]` as the X it is for a reader, which takes null as well: what it says when left empty."""
    null = {"type": "null"}
    branches = schema.get("anyOf", [])
    if null not in branches or len(branches) != 2:
        return schema
    (other,) = [branch for branch in branches if branch != null]
    words = {key: value for key, value in schema.items() if key != "anyOf"}
    if "anyOf" in other:
        return {**other, "anyOf": [*other["anyOf"], null], **words}
    return {**other, "type": [other["type"], "null"], **words}


def _is_noise(key: str, value: object) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


def _require_value(key: str) -> JsonSchema:
    """The key, and not left empty."""
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def _name_keys(schema: JsonSchema) -> None:
    """Pydantic says `patternProperties`, which has nothing against other keys."""
    ((pattern, value),) = schema.pop("patternProperties").items()
    schema["propertyNames"] = {"pattern": pattern}
    schema["additionalProperties"] = value


def _describe_vega(parts: JsonSchema) -> None:
    """Vega-Lite's own schema for what goes to it, with our words and examples for completion."""
    subset = _embed(json.loads(SUBSET_PATH.read_text()))
    channels = subset["definitions"].pop("FacetedEncoding")["properties"]
    chart = parts["VegaChart"]["properties"]
    chart["mark"] = {
        **_keep_words(chart["mark"]),
        "type": ["string", "object"],
        "$ref": f"{_VEGA_LITE}AnyMark",
    }
    chart["encoding"] = {
        **_keep_words(chart["encoding"]),
        "type": "object",
        "properties": {name: _describe_channel(name, channel) for name, channel in channels.items()},
        "additionalProperties": False,
    }
    for key, definition in (("transform", "Transform"), ("params", "TopLevelParameter")):
        chart[key]["items"] = {"type": "object", "$ref": _VEGA_LITE + definition}
    parts["Channel"] = {
        "description": "A Vega-Lite channel definition, or a list of them for tooltip, detail and order.",
        "properties": {
            "field": {"description": "Column of the query."},
            "type": {"description": "Kind of scale."},
            "aggregate": {"description": "Aggregate in the browser; better done in SQL."},
            "title": {"description": "Title of the axis or legend; null for none."},
            "value": {"description": "A constant instead of a field."},
        },
    }
    parts["vega-lite"] = subset


def _embed(subset: Any) -> Any:
    if isinstance(subset, list):
        return [_embed(part) for part in subset]
    if not isinstance(subset, dict):
        return subset
    return {
        key: value.replace("#/definitions/", _VEGA_LITE) if key == "$ref" else _embed(value)
        for key, value in subset.items()
    }


def _describe_channel(name: str, channel: JsonSchema) -> JsonSchema:
    words = CHANNEL_WORDS[name]
    return {
        "description": words.description,
        "examples": [words.example],
        **channel,
        "allOf": [{"$ref": "#/$defs/Channel"}],
    }


def _keep_words(schema: JsonSchema) -> JsonSchema:
    return {key: schema[key] for key in ("description", "examples") if key in schema}


def main() -> int:
    """Write the schema file; answers the exit code."""
    SCHEMA_PATH.write_text(render_schema(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
