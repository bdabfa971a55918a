"""Read deploy/terraform without Terraform: does it parse, is everything it names there, can it begin, and does the
provider take the arguments?

``python -m deploy.checks.terraform_files``. Where the `terraform` program is installed, `deploy/ci/check_files.sh` has
it validate the same files against Google's provider.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hcl2

from deploy.checks.terraform_arguments import find_argument_faults, load_schemas
from deploy.stage import STAGES

FOLDER = Path(__file__).resolve().parents[1] / "terraform"
_REFERENCE = re.compile(r"(?<![\w.\"/-])(google_\w+|time_sleep|terraform_data|local|var)\.(\w+)")
# In an empty project nothing of Google's can be made before its API is enabled.
_FIRST = "google_project_service.used"
_FILE = re.compile(r"file\(\s*\"\$\{path\.module\}/([^\"]+)\"")


def read_files(folder: Path = FOLDER) -> dict[str, str]:
    """The texts by file name."""
    return {path.name: path.read_text() for path in sorted(folder.glob("*.tf"))}


def list_declared(documents: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """What the files declare, as it is referred to: `var.stage`, `local.stage`, `google_redis_instance.almanac`."""
    declared: set[str] = set()
    for document in documents.values():
        declared.update(f"var.{_unquote(name)}" for block in document.get("variable", []) for name in block)
        for block in document.get("locals", []):
            declared.update(f"local.{_unquote(name)}" for name in block)
        for block in document.get("resource", []):
            declared.update(
                f"{_unquote(kind)}.{_unquote(name)}" for kind, named in block.items() for name in named
            )
    return declared


def find_faults(texts: Mapping[str, str], folder: Path = FOLDER) -> Iterator[str]:
    """What is wrong, one line each."""
    documents: dict[str, Mapping[str, Any]] = {}
    for name, text in texts.items():
        try:
            documents[name] = hcl2.loads(text)
        except Exception as error:  # noqa: BLE001 - the parser's errors share no base of their own
            yield f"{name}: {str(error).splitlines()[0]}"
    declared = list_declared(documents)
    for name, text in texts.items():
        for kind, what in sorted(set(_REFERENCE.findall(_strip_comments(text)))):
            if f"{kind}.{what}" not in declared:
                yield f"{name}: {kind}.{what} is not declared"
        for path in _FILE.findall(text):
            for found in _expand(path):
                if not (folder / found).exists():
                    yield f"{name}: there is no file {found}"
    schemas = load_schemas()
    for name, document in documents.items():
        for fault in find_argument_faults(document, schemas):
            yield f"{name}: {fault}"
    for resource in sorted(find_unready(documents)):
        yield f"{resource} does not come after {_FIRST}: add it to depends_on, directly or through another resource"


def find_unready(documents: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Google's resources that may be made before the APIs are enabled."""
    references = _list_references(documents)
    ready = {_FIRST}
    while more := {name for name, named in references.items() if named & ready} - ready:
        ready |= more
    return {name for name in references if name.startswith("google_")} - ready


def _list_references(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """What each resource and each local names."""
    bodies: dict[str, Any] = {}
    for document in documents.values():
        for block in document.get("locals", []):
            bodies.update({f"local.{_unquote(name)}": body for name, body in block.items()})
        for block in document.get("resource", []):
            for kind, named in block.items():
                bodies.update({f"{_unquote(kind)}.{_unquote(name)}": body for name, body in named.items()})
    return {
        name: {".".join(one) for one in _REFERENCE.findall(json.dumps(body))} for name, body in bodies.items()
    }


def _expand(path: str) -> Iterator[str]:
    """The path for each stage; one with another variable in it is a set of files and is not looked for."""
    for stage in STAGES:
        found = path.replace("${var.stage}", stage)
        if "${" not in found:
            yield found


def _strip_comments(text: str) -> str:
    return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def _unquote(name: str) -> str:
    return name.strip('"')


def main() -> int:
    """Check; answers the exit code."""
    texts = read_files()
    faults = list(find_faults(texts))
    for fault in faults:
        print(f"error: deploy/terraform/{fault}", file=sys.stderr)
    print(f"terraform: {len(texts)} files read, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
