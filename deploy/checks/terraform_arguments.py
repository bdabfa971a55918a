"""Compare the resources of deploy/terraform with the arguments Google's provider takes, without the provider.

deploy/schemas/terraform-google.json holds them, for the resources in use, as version 6 of the provider has them. After
another resource came in it is written again from the Python bindings made of the provider's own schema, which are too
large to be installed with everything else::

    pip download --no-deps cdktf-cdktf-provider-google==16.12.1
    python -m deploy.checks.terraform_arguments cdktf_cdktf_provider_google-16.12.1-py3-none-any.whl
"""

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import hcl2

PATH = Path(__file__).resolve().parents[1] / "schemas" / "terraform-google.json"
TERRAFORM = Path(__file__).resolve().parents[1] / "terraform"
# Terraform's own, in every resource; a block's `dynamic` is looked into.
META = frozenset({"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"})
_PACKAGE = "cdktf_cdktf_provider_google"

type Schema = Mapping[str, Any]
"""`{"required": [name, …], "arguments": [name, …], "blocks": {name: schema}}`; `arguments` names the blocks, too."""


def load_schemas() -> Mapping[str, Schema]:
    """What each resource takes, by its type."""
    schemas: Mapping[str, Schema] = json.loads(PATH.read_text())
    return schemas


def list_resources(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Type, name and body of every resource of a parsed file."""
    for block in document.get("resource", []):
        for kind, named in block.items():
            for name, body in named.items():
                yield kind.strip('"'), name.strip('"'), body


def find_argument_faults(document: Mapping[str, Any], schemas: Mapping[str, Schema]) -> Iterator[str]:
    """What the provider would refuse in a parsed file, one line each."""
    for kind, name, body in list_resources(document):
        if not kind.startswith("google_"):
            continue
        if kind not in schemas:
            how = "deploy/checks/terraform_arguments.py says how it gets there"
            yield f"{kind}.{name}: {kind} is not in {PATH.name}; {how}"
            continue
        yield from _compare(f"{kind}.{name}", body, schemas[kind])


def _compare(place: str, body: Mapping[str, Any], schema: Schema) -> Iterator[str]:
    given = dict(_list_given(body))
    for name in sorted(set(given) - set(schema["arguments"]) - META):
        yield f"{place}: {name} is no argument; accepted are {', '.join(schema['arguments'])}"
    for name in sorted(set(schema["required"]) - set(given)):
        yield f"{place}: {name} is missing"
    for name, inner in schema["blocks"].items():
        for part in given.get(name, ()):
            yield from _compare(f"{place}.{name}", part, inner)


def _list_given(body: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """The arguments and blocks of a body; of a block the bodies, those of a `dynamic` one included."""
    for name, value in body.items():
        if name == "dynamic":
            for one in value:
                for block, generated in one.items():
                    yield block.strip('"'), _list_blocks(generated["content"])
        elif not name.startswith("__"):
            yield name, _list_blocks(value)


def _list_blocks(value: Any) -> list[Any]:
    parts = value if isinstance(value, list) else [value]
    return [part for part in parts if isinstance(part, dict)]


def read_schema(kind: str, wheel: ZipFile) -> Schema:
    """What the bindings say that the resource `kind` takes. Raises KeyError when the provider has none."""
    module = kind.removeprefix("google_")
    tree = ast.parse(wheel.read(f"{_PACKAGE}/{module}/__init__.py"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    return _read_class("".join(part.title() for part in module.split("_")) + "Config", classes)


def _read_class(name: str, classes: Mapping[str, ast.ClassDef]) -> Schema:
    (made,) = [
        node for node in classes[name].body if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    defaults = dict(zip((one.arg for one in made.args.kwonlyargs), made.args.kw_defaults, strict=True))
    own = {one.arg: ast.unparse(one.annotation) for one in made.args.kwonlyargs if one.annotation}
    arguments = sorted(set(own) - META)
    blocks = {
        argument: _read_class(found, classes)
        for argument in arguments
        for found in set(re.findall(r"\w+", own[argument])) & set(classes)
    }
    return {
        "required": [one for one in arguments if defaults[one] is None],
        "arguments": arguments,
        "blocks": blocks,
    }


def main(arguments: Sequence[str]) -> int:
    """Write the file from the wheel named; answers the exit code."""
    documents = [hcl2.loads(path.read_text()) for path in sorted(TERRAFORM.glob("*.tf"))]
    kinds = {kind for document in documents for kind, _, _ in list_resources(document)}
    with ZipFile(arguments[0]) as wheel:
        schemas = {kind: read_schema(kind, wheel) for kind in sorted(kinds) if kind.startswith("google_")}
    PATH.write_text(json.dumps(schemas, separators=(",", ":")).replace('},"google_', '},\n"google_') + "\n")
    print(f"{PATH.name}: {len(schemas)} resources")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
