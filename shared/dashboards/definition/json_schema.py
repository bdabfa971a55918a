"""The JSON Schema of dashboard files, for editors: `python -m shared.dashboards.definition.json_schema` writes it.

It is made from the models, so that it cannot say something else than the service does. What only the service
can judge (names that refer to each other, SQL, all of Vega-Lite) is not in it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.vega.channel_words import CHANNEL_WORDS, ChannelWords
from shared.dashboards.vega.rules import list_channels, list_marks, load_vega_lite

SCHEMA_PATH = Path(__file__).parents[2] / "schemas" / "dashboard.schema.json"
SCHEMA_ID = "urn:almanac:dashboard:1"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFAULT_DURATIONS = {"max_age": "24h", "max_stale": "7d"}
_CRON_PATTERN = r"^\s*\S+(\s+\S+){4}\s*$"

type JsonSchema = dict[str, Any]


def build_schema() -> JsonSchema:
    """The schema as a JSON object, the same for the same models."""
    schema: JsonSchema = _tidy(DashboardDefinition.model_json_schema())
    parts: JsonSchema = schema["$defs"]
    refresh = parts["RefreshPolicy"]["properties"]
    for name, text in _DEFAULT_DURATIONS.items():
        refresh[name]["default"] = text
    refresh["schedule"]["pattern"] = _CRON_PATTERN
    parts["QueryDefinition"]["oneOf"] = [{"required": ["sql"]}, {"required": ["file"]}]
    parts["ParameterDefinition"]["anyOf"] = [{"required": ["default"]}, {"required": ["values"]}]
    _describe_vega(parts)
    return {"$schema": _DIALECT, "$id": SCHEMA_ID, "title": "Dashboard", **schema}


def render_schema() -> str:
    """The text of the schema file."""
    return json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(schema: Any) -> Any:
    """Without the titles Pydantic derives from names, and without null: leaving the key out says the same."""
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
    branches = [branch for branch in tidy.get("anyOf", []) if branch != {"type": "null"}]
    if len(branches) == 1 and len(tidy["anyOf"]) == 2:
        return {**branches[0], **{key: value for key, value in tidy.items() if key != "anyOf"}}
    return tidy


def _tidy_names(schemas: JsonSchema) -> JsonSchema:
    return {name: _tidy(schema) for name, schema in schemas.items()}


def _is_noise(key: str, value: object) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


def _describe_vega(parts: JsonSchema) -> None:
    """Marks, channels and the common keys of a channel, for completion; the service checks the rest."""
    chart = parts["VegaChart"]["properties"]
    marks = {"enum": list_marks()}
    detailed = {"type": "object", "required": ["type"], "properties": {"type": marks}}
    chart["mark"] = {**_keep_words(chart["mark"]), "anyOf": [marks, detailed]}
    chart["encoding"] = {
        **_keep_words(chart["encoding"]),
        "type": "object",
        "properties": {name: _describe_channel(CHANNEL_WORDS[name]) for name in list_channels()},
        "additionalProperties": False,
    }
    definitions = load_vega_lite().definitions
    parts["Channel"] = {
        "description": "A Vega-Lite channel definition, or a list of them for tooltip, detail and order.",
        "type": ["object", "array"],
        "properties": {
            "field": {"type": "string", "description": "Column of the query."},
            "type": {
                "enum": [*list(definitions["StandardType"]["enum"]), "geojson"],
                "description": "Kind of scale.",
            },
            "aggregate": {
                "anyOf": [{"enum": list(definitions["NonArgAggregateOp"]["enum"])}, {"type": "object"}],
                "description": "Aggregate in the browser; better done in SQL.",
            },
            "title": {"description": "Title of the axis or legend; null for none."},
            "value": {"description": "A constant instead of a field."},
        },
    }


def _describe_channel(words: ChannelWords) -> JsonSchema:
    return {"description": words.description, "examples": [words.example], "$ref": "#/$defs/Channel"}


def _keep_words(schema: JsonSchema) -> JsonSchema:
    return {key: schema[key] for key in ("description", "examples") if key in schema}


def main() -> int:
    """Write the schema file; answers the exit code."""
    SCHEMA_PATH.write_text(render_schema(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
