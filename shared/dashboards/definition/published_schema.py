"""The published JSON Schema: the file that decides on the shape of a dashboard, as it is read."""

import json
from functools import cache
from pathlib import Path
from typing import Any

SCHEMA_PATH = Path(__file__).parents[2] / "schemas" / "dashboard.schema.json"

type JsonSchema = dict[str, Any]


@cache
def load_schema() -> JsonSchema:
    """The schema as a JSON object; not to be changed."""
    schema: JsonSchema = json.loads(SCHEMA_PATH.read_bytes())
    return schema


def resolve_schema(schema: JsonSchema) -> JsonSchema:
    """The schema behind `$ref`, which in this file is a JSON pointer into it."""
    while "$ref" in schema:
        found: Any = load_schema()
        for name in str(schema["$ref"]).removeprefix("#/").split("/"):
            found = found[name]
        schema = found
    return schema


def list_marks() -> list[str]:
    """The names of Vega-Lite's marks, primitive and composite."""
    definitions = load_schema()["$defs"]["vega-lite"]["definitions"]
    composite = [resolve_schema(branch)["const"] for branch in definitions["CompositeMark"]["anyOf"]]
    return [*definitions["Mark"]["enum"], *composite]
