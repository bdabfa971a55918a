"""Vega-Lite's own rules, from the JSON Schema of one pinned version; loaded on first use."""

import json
from functools import cache

from shared.dashboards.vega.schema_check import Finding, SchemaCheck
from shared.dashboards.vega.schema_subset import SUBSET_PATH


@cache
def load_vega_lite() -> SchemaCheck:
    """The check for marks (AnyMark), encodings (FacetedEncoding), transforms and params."""
    return SchemaCheck(json.loads(SUBSET_PATH.read_text())["definitions"])


def list_marks() -> list[str]:
    """The names of all marks, primitive and composite."""
    definitions = load_vega_lite().definitions
    composite = [
        branch["$ref"].removeprefix("#/definitions/") for branch in definitions["CompositeMark"]["anyOf"]
    ]
    return [*definitions["Mark"]["enum"], *(definitions[name]["const"] for name in composite)]


def list_channels() -> list[str]:
    """The names of all encoding channels."""
    return load_vega_lite().list_properties("FacetedEncoding")


def check_mark(mark: object) -> list[Finding]:
    """What is wrong with a `mark`."""
    return load_vega_lite().find_problems("AnyMark", mark)


def check_encoding(encoding: object) -> list[Finding]:
    """What is wrong with an `encoding`."""
    return load_vega_lite().find_problems("FacetedEncoding", encoding)


def check_transform(transform: object) -> list[Finding]:
    """What is wrong with one item of `transform`."""
    return load_vega_lite().find_problems("Transform", transform)


def check_param(param: object) -> list[Finding]:
    """What is wrong with one item of `params`."""
    return load_vega_lite().find_problems("TopLevelParameter", param)
