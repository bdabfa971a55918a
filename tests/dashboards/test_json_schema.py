"""The JSON Schema: up to date, complete, and of one mind with the service."""

import json

import jsonschema
import pytest

from shared.dashboards.definition.json_schema import build_schema, render_schema
from shared.dashboards.definition.published_schema import SCHEMA_PATH, load_schema
from shared.dashboards.vega.channel_words import CHANNEL_WORDS
from shared.dashboards.vega.schema_subset import SUBSET_PATH
from shared.dashboards.yaml.reading import read_yaml
from tests.dashboards.builders import MINIMAL, validate
from tests.dashboards.test_findings import find_findings
from tests.dashboards.test_samples import SAMPLES
from tests.dashboards.test_validation import EVERYTHING


def is_accepted(text: str) -> bool:
    validator = jsonschema.Draft202012Validator(build_schema())
    return bool(validator.is_valid(read_yaml("f.yaml", text).data))


def list_keys(schema, path="", definitions=None):
    definitions = definitions or schema.get("$defs", {})
    for name, part in schema.get("properties", {}).items():
        yield f"{path}/{name}", part
    for name, part in schema.get("$defs", {}).items():
        yield from list_keys(part, name, definitions)


def test_the_file_is_what_the_models_say():
    assert SCHEMA_PATH.read_text(encoding="utf-8") == render_schema(), (
        "run: python -m shared.dashboards.definition.json_schema"
    )


def test_it_is_a_schema_of_draft_2020_12():
    schema = build_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_key_an_author_writes_is_described():
    missing = [
        path
        for path, schema in list_keys(build_schema())
        if "description" not in schema and "const" not in schema
    ]
    assert missing == []


def test_every_channel_has_an_example_that_vega_lite_accepts():
    channels = build_schema()["$defs"]["VegaChart"]["properties"]["encoding"]["properties"]
    assert list(channels) == list(load_schema()["$defs"]["VegaChart"]["properties"]["encoding"]["properties"])
    for name, part in channels.items():
        (example,) = part["examples"]
        assert find_findings({"encoding": {name: example}}) == [], name
    assert set(CHANNEL_WORDS) == set(channels)


def test_examples_are_themselves_accepted():
    schema = build_schema()
    for path, part in list_keys(schema):
        for example in part.get("examples", []):
            validator = jsonschema.Draft202012Validator({**part, "$defs": schema["$defs"]})
            assert validator.is_valid(example), (path, example)


@pytest.mark.parametrize("text", [MINIMAL, EVERYTHING], ids=["minimal", "everything"])
def test_what_the_service_accepts_the_schema_accepts(text):
    assert is_accepted(text)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_samples_are_accepted(path):
    assert is_accepted(path.read_text())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1", "version: 2"),
        ("slug: sales", "slug: Sales"),
        ("title: Sales", "titel: Sales"),
        ("max_age: 12h", "max_age: 12"),
        ("max_age: 12h", "max_age: twelve"),
        ("per_query: 1 GB", "per_query: 1 GX"),
        ('"0 6 * * 1-5"', '"0 6 * *"'),
        ("type: DATE", "type: DAY"),
        ("default: 2024-01-01, values: [2024-01-01, 2024-07-01]", "description: none"),
        ("max_rows: 100", "max_rows: 0"),
        ("max_rows: 100", "file: x.sql"),
        ("type: metric", "type: gauge"),
        ("value: total,", ""),
        ('format: ",d"', 'format: "%%%"'),
        ("mark: {type: line", "mark: {type: lime"),
        ("      color:", "      colour:"),
        ("x: {field: day, type: temporal}", "x: {field: day, type: time}"),
        ("width: 3", "width: 13"),
        ("[{chart: rows}]", "[]"),
    ],
)
def test_what_the_schema_refuses_the_service_refuses(old, new):
    text = EVERYTHING.replace(old, new, 1)
    assert text != EVERYTHING
    assert not is_accepted(text)
    assert not validate(text).valid


def test_the_part_of_vega_lite_that_is_bundled_names_its_licence():
    subset = json.loads(SUBSET_PATH.read_text())
    assert "BSD-3-Clause" in subset["$comment"]
    licence = SUBSET_PATH.with_name("vega-lite-LICENSE.txt").read_text()
    assert "Redistribution and use" in licence
