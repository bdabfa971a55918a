"""Google's own description of its APIs, as a check of every body that we send, answer or deploy; needs no network.

``python -m deploy.checks.discovery`` reads every rendered file. The discovery documents are those that the package
google-api-python-client carries (https://developers.google.com/discovery/v1/reference/apis: "schemas" there are JSON
Schema of draft 3 with Google's formats; what is written here is the part of it that the documents use).
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from deploy.checks.google_sdk import load_documents

# Google takes a 64-bit integer as text or as a number and answers with text; dates and bytes are text.
_INTEGER_FORMATS = frozenset({"int64", "uint64"})
_VARIABLE = re.compile(r"\{\+?\w+\}")


@dataclass(frozen=True)
class Method:
    """One method of an API: its id, the names of its bodies' schemas, and the query parameters it takes."""

    id: str
    request: str | None
    response: str | None
    parameters: frozenset[str]


class Api:
    """One API by its discovery document, such as `Api("bigquery", "v2")`."""

    def __init__(self, name: str, version: str) -> None:
        found = find_spec("googleapiclient")
        if found is None or found.submodule_search_locations is None:
            raise ModuleNotFoundError("googleapiclient: install requirements-dev.txt")
        folder = Path(found.submodule_search_locations[0], "discovery_cache", "documents")
        self.document: Mapping[str, Any] = json.loads((folder / f"{name}.{version}.json").read_text())
        self._validators: dict[str, Draft202012Validator] = {}

    def find_faults(self, schema: str, body: object) -> list[str]:
        """What Google would not know in `body`, one line each: `configuration.query: no field 'qurey'`."""
        validator = self._validators.get(schema)
        if validator is None:
            validator = self._validators[schema] = Draft202012Validator(self._make_schema(schema))
        return [
            f"{'.'.join(map(str, error.absolute_path)) or 'top'}: {error.message}"
            for error in validator.iter_errors(body)
        ]

    def find_method(self, http_method: str, path: str) -> Method | None:
        """The method that answers at `path` (without the service's own path); None when there is none."""
        for verb, pattern, method in self._methods:
            if verb == http_method and pattern.fullmatch(path):
                return method
        return None

    @cached_property
    def _methods(self) -> list[tuple[str, re.Pattern[str], Method]]:
        shared = frozenset(self.document["parameters"])
        return [
            (
                raw["httpMethod"],
                re.compile(
                    re.escape(_VARIABLE.sub("@", raw.get("flatPath", raw["path"]))).replace("@", "[^/]+")
                ),
                Method(
                    raw["id"],
                    raw.get("request", {}).get("$ref"),
                    raw.get("response", {}).get("$ref"),
                    shared
                    | {name for name, one in raw.get("parameters", {}).items() if one["location"] == "query"},
                ),
            )
            for raw in _list_methods(self.document)
        ]

    def _make_schema(self, name: str) -> dict[str, object]:
        definitions: dict[str, object] = {}
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one not in definitions:
                definitions[one] = _translate(self.document["schemas"][one], waiting)
        return {"$ref": f"#/$defs/{name}", "$defs": definitions}


@cache
def load_api(name: str, version: str) -> Api:
    """The API, read once per process. Raises ModuleNotFoundError where the development packages are missing."""
    return Api(name, version)


def _list_methods(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from resource.get("methods", {}).values()
    for below in resource.get("resources", {}).values():
        yield from _list_methods(below)


def _translate(raw: Mapping[str, Any], waiting: list[str]) -> dict[str, object]:
    """One schema of a discovery document in today's JSON Schema; names that it refers to are put on `waiting`."""
    if "$ref" in raw:
        waiting.append(raw["$ref"])
        return {"$ref": f"#/$defs/{raw['$ref']}"}
    kind = raw.get("type")
    if kind == "array":
        return {"type": "array", "items": _translate(raw["items"], waiting)}
    if kind == "object":
        below = raw.get("additionalProperties")
        return {
            "type": "object",
            "properties": {name: _translate(one, waiting) for name, one in raw.get("properties", {}).items()},
            "additionalProperties": False if below is None else _translate(below, waiting),
        }
    if kind == "string":
        if raw.get("format") in _INTEGER_FORMATS:
            return {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^-?\d+$"}]}
        return {"type": "string", **({"enum": raw["enum"]} if "enum" in raw else {})}
    return {} if kind in (None, "any") else {"type": kind}


def main() -> int:
    """Check; answers the exit code."""
    documents = load_documents()
    faults = [
        f"{path}: {name} {fault}"
        for path, (api, version, name, document) in documents.items()
        for fault in load_api(api, version).find_faults(name, document)
    ]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    print(f"discovery: {len(documents)} files read, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
