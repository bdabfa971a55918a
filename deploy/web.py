"""Show that the built pages, and the scripts that the library runs, belong to their sources; needs no Node.

``python -m deploy.web --record`` notes, after a build, the digests of the sources and of what came of them;
``python -m deploy.web --check`` says what has changed since.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

WEB = Path(__file__).resolve().parents[1] / "functions" / "viewer" / "web"
# Built from the same sources as the pages: what reads expressions where dashboards are validated.
SCRIPTS = Path(__file__).resolve().parents[1] / "shared" / "dashboards" / "vega" / "scripts"
RECORD_NAME = "build.json"
_NOT_SOURCES = frozenset({"dist", "node_modules"})


def list_sources(web: Path) -> Iterator[Path]:
    """Every file that a build reads, in stable order."""
    for path in sorted(web.rglob("*")):
        if path.is_file() and path.relative_to(web).parts[0] not in _NOT_SOURCES:
            yield path


def digest_build(web: Path, scripts: Path) -> dict[str, object]:
    """What is recorded: one digest over all sources, and one of each built file."""
    return {
        "sources_sha256": _digest_sources(web),
        "built_sha256": _digest_files(web / "dist"),
        "scripts_sha256": _digest_files(scripts),
    }


def record_build(web: Path, scripts: Path) -> None:
    """Write the record beside the built files."""
    (web / "dist" / RECORD_NAME).write_text(json.dumps(digest_build(web, scripts), indent=1) + "\n")


def find_drift(web: Path, scripts: Path) -> list[str]:
    """What no longer fits the record: one sentence each, none when all does."""
    record_path = web / "dist" / RECORD_NAME
    if not record_path.is_file():
        return [f"{record_path} is missing: the pages were never built."]
    recorded, found = json.loads(record_path.read_text()), digest_build(web, scripts)
    problems = []
    if recorded["sources_sha256"] != found["sources_sha256"]:
        problems.append("The sources of the pages have changed since dist was built.")
    if recorded["built_sha256"] != found["built_sha256"]:
        problems.append("Files in dist are not those that the build left.")
    if recorded.get("scripts_sha256") != found["scripts_sha256"]:
        problems.append(f"Files in {scripts} are not those that the build left.")
    return problems


def _digest_files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RECORD_NAME
    }


def _digest_sources(web: Path) -> str:
    digest = hashlib.sha256()
    for path in list_sources(web):
        digest.update(path.relative_to(web).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def main(arguments: list[str] | None = None, web: Path = WEB, scripts: Path = SCRIPTS) -> int:
    """Record or check; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.web", description="The built pages.")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--record", action="store_true", help="note what was built from what")
    choice.add_argument("--check", action="store_true", help="fail when dist does not fit the sources")
    if parser.parse_args(arguments).record:
        record_build(web, scripts)
        return 0
    problems = find_drift(web, scripts)
    for problem in problems:
        print(f"error: {problem} Run: make web", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
