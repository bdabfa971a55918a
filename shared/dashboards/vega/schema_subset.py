"""Cut what charts may use out of Vega-Lite's JSON Schema: `python -m shared.dashboards.vega.schema_subset FILE`.

FILE is `build/vega-lite-schema.json` of the npm package `vega-lite`. Descriptions are left out: they are nine
tenths of the file. Definitions are renamed, for a reference is a URI, in which `MarkPropDef<number[]>` cannot stand.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from shared.json_values import JsonObject

VEGA_LITE_VERSION = "6.5.0"
SUBSET_PATH = Path(__file__).parents[2] / "schemas" / f"vega-lite-{VEGA_LITE_VERSION}.json"
ROOTS = ("AnyMark", "FacetedEncoding", "TopLevelParameter", "Transform")
_LEFT_OUT = frozenset({"description", "default", "format"})
_REFERENCE = "#/definitions/"
_PLAIN = str.maketrans(
    {"<": "_of_", ">": "_", "(": "_", ")": "_", ",": "_and_", "|": "_or_", "[": "_", "]": "s", '"': ""}
)


def cut_subset(schema: JsonObject) -> JsonObject:
    """The definitions that ROOTS reach, in alphabetical order, without descriptions."""
    definitions = schema["definitions"]
    found: set[str] = set()
    open_names = list(ROOTS)
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.add(name)
            open_names.extend(_list_references(definitions[name]))
    return {
        "$comment": f"Subset of the JSON Schema of Vega-Lite {VEGA_LITE_VERSION}, BSD-3-Clause; "
        "the licence is in vega-lite-LICENSE.txt.",
        "definitions": {name.translate(_PLAIN): _strip(definitions[name]) for name in sorted(found)},
    }


def _list_references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield _read_name(schema["$ref"])
        for part in schema.values():
            yield from _list_references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _list_references(part)


def _strip(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strip(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: part for key, part in schema.items() if key not in _LEFT_OUT}
    return {key: _strip_value(key, value) for key, value in kept.items()}


def _strip_value(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: _strip(part) for name, part in value.items()}
    if key == "$ref":
        return _REFERENCE + _read_name(value).translate(_PLAIN)
    return _strip(value)


def _read_name(reference: str) -> str:
    return unquote(reference.removeprefix(_REFERENCE))


def main() -> int:
    """Write the subset; answers the exit code."""
    schema = json.loads(Path(sys.argv[1]).read_text())
    SUBSET_PATH.write_text(json.dumps(cut_subset(schema), indent=None, separators=(",", ":")) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
