"""Circles among the pages' files, as `make check` finds them."""

from pathlib import Path

import pytest

from deploy.checks.page_imports import SOURCES, find_circle, find_faults, main, read_imports


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_the_pages_have_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(find_faults(SOURCES)) == []
    assert main() == 0
    assert "no circle" in capsys.readouterr().out
    graph, _ = read_imports(SOURCES)
    assert graph["board/chart_menu.ts"] >= {"board/chart_cell.ts", "board/query_dialog.ts", "dom.ts"}
    assert "board/vega_view.ts" in graph["board/charts.ts"]  # an import() at run time
    assert "editor/conflict_dialog.ts" in graph["editor/workbench.ts"]
    assert graph["board/query_dialog.ts"] >= {"detail.ts"}  # an import of types


@pytest.mark.parametrize(
    "back",
    [
        'import { draw } from "./a";',
        "import type { Cell } from './a';",
        'import {\n  draw,\n} from "./a";',
        'const a = import("./a");',
        'export { draw } from "./a";',
        'import "./a.ts";',
        'import address from "./a?worker&url";',
    ],
)
def test_a_circle_of_files_is_named_whichever_way_it_is_imported(tmp_path: Path, back: str) -> None:
    write(tmp_path, {"a.ts": 'import { b } from "./b";\n', "b.ts": 'import "./c";\n', "c.ts": back + "\n"})
    (fault,) = find_faults(tmp_path)
    circle = fault.removeprefix("a circle of files: ").split(" imports ")
    assert circle[0] == circle[-1]
    start = circle.index("a.ts")
    assert [*circle[start:-1], *circle[:start]] == ["a.ts", "b.ts", "c.ts"]


def test_folders_that_import_each_other_are_named_though_no_file_does(tmp_path: Path) -> None:
    files = {
        "ground.ts": "",
        "room/one.ts": 'import "../ground";\n',
        "room/two.ts": "",
        "other.ts": 'import "./room/two";\n',
    }
    (fault,) = find_faults(write(tmp_path, files))
    assert fault in {
        "a circle of folders: . imports room imports .",
        "a circle of folders: room imports . imports room",
    }


def test_what_is_no_import_makes_no_circle(tmp_path: Path) -> None:
    text = '// import "./a";\n/* import { a } from "./a"; */\nimport "../styles/base.css";\nimport { h } from "vega";\n'
    write(tmp_path, {"styles/base.css": "", "src/a.ts": 'import "./b";\n', "src/b.ts": text})
    assert list(find_faults(tmp_path / "src")) == []


def test_an_import_of_nothing_is_a_fault_and_fails_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"a.ts": 'import { b } from "./gone";\n'})
    assert main(tmp_path) == 1
    assert capsys.readouterr().err == f"error: {tmp_path.name}: a.ts imports ./gone, which is no file\n"


def test_a_file_that_imports_itself_is_a_circle() -> None:
    assert find_circle({"a.ts": {"a.ts"}}) == ["a.ts", "a.ts"]
