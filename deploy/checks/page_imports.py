"""Find circles among the pages' TypeScript files and among their folders, without Node.

``python -m deploy.checks.page_imports`` reads every relative import below `functions/viewer/web/src`: static, dynamic
and of types. One that leads to no file is a fault, too, for a check that cannot follow an import proves nothing.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from deploy.web import WEB

SOURCES = WEB / "src"
_COMMENT = re.compile(r"/\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)
_RELATIVE_IMPORT = re.compile(r"""(?:\bfrom|\bimport|\bimport\s*\()\s*["'](\.{1,2}/[^"']+)["']""")

type Graph = Mapping[str, set[str]]
"""What each one imports, by name."""


def read_imports(sources: Path) -> tuple[dict[str, set[str]], list[str]]:
    """The TypeScript files below `sources` with those each imports, by relative path, and a line per lost import."""
    graph: dict[str, set[str]] = {}
    lost = []
    for path in sorted(sources.rglob("*.ts")):
        name = path.relative_to(sources).as_posix()
        imported = graph.setdefault(name, set())
        for specifier in _RELATIVE_IMPORT.findall(_COMMENT.sub("", path.read_text())):
            # What follows a question mark tells Vite what to make of the file: `?worker&url`.
            target = _resolve(path.parent / specifier.partition("?")[0])
            if target is None:
                lost.append(f"{name} imports {specifier}, which is no file")
            elif target.suffix == ".ts":
                imported.add(target.relative_to(sources.resolve()).as_posix())
    return graph, lost


def gather_folders(graph: Graph) -> Graph:
    """The same imports among folders; the files that lie beside the folders are one of them, `.`."""
    folders: dict[str, set[str]] = {}
    for name, imported in graph.items():
        folder = _name_folder(name)
        folders.setdefault(folder, set()).update({_name_folder(one) for one in imported} - {folder})
    return folders


def find_circle(graph: Graph) -> list[str]:
    """One way around in `graph`, each importing the next and the last the first again; empty when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib goes against the arrows, and names the first one twice.
        return list(reversed(error.args[1]))
    return []


def find_faults(sources: Path) -> Iterator[str]:
    """What is wrong with the imports below `sources`, one line each."""
    graph, lost = read_imports(sources)
    yield from lost
    for kind, circle in (("files", find_circle(graph)), ("folders", find_circle(gather_folders(graph)))):
        if circle:
            yield f"a circle of {kind}: {_draw(circle)}"


def _draw(circle: Iterable[str]) -> str:
    return " imports ".join(circle)


def _name_folder(name: str) -> str:
    return Path(name).parent.as_posix()


def _resolve(path: Path) -> Path | None:
    """The file that an import of `path` reads: itself, or with the ending that TypeScript adds."""
    for candidate in (path, path.with_name(path.name + ".ts")):
        if candidate.is_file():
            return candidate.resolve()
    return None


def main(sources: Path = SOURCES) -> int:
    """Print the faults; answers the exit code."""
    faults = list(find_faults(sources))
    for fault in faults:
        print(f"error: {sources.name}: {fault}", file=sys.stderr)
    if not faults:
        print("page imports: no circle of files or folders")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
