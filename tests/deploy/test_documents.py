"""What the documents claim about the repository: links, paths and commands that are there, and complete lists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.parts import REPOSITORY

DOCUMENTS = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]
CONTRIBUTING = REPOSITORY / "CONTRIBUTING.md"
DECISIONS = REPOSITORY / "docs" / "decisions"
PARTS = ["Context", "Decision", "Rejected", "Consequences", "Where"]
# Made by who follows CONTRIBUTING.md.
EXAMPLES = {
    "tests/dashboards/cases/DUPLICATE_TAG.yaml",
    "functions/NAME/main.py",
    "tests/functions/test_NAME.py",
}
# Layers of a package rather than ideas of their own.
LAYERS = {"connection", "models", "repositories"}
# The other documents also name paths of containers and of a running stack.
WRITTEN_FOR_DEVELOPERS = [CONTRIBUTING, *DECISIONS.glob("*.md")]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FENCED = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
_MAKE = re.compile(r"(?:^|`|&& |\()make (?:-s )?([a-z][a-z-]*)", re.MULTILINE)


def name_document(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def list_anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def list_named_paths(text: str) -> Iterator[str]:
    """What begins with a name at the top of the repository, in code or in the arguments of a command."""
    top = {path.name for path in REPOSITORY.iterdir()}
    words = re.findall(r"[\w./-]+", " ".join([*_CODE.findall(text), *_FENCED.findall(text)]))
    for word in words:
        if "/" in word and word.split("/")[0] in top:
            yield word.rstrip(".")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_document)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    for link in _LINK.findall(_FENCED.sub("", document.read_text())):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name) if name else document
        assert target.exists(), link
        assert not anchor or anchor in list_anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_document)
def test_every_target_of_make_that_is_named_is_there(document: Path) -> None:
    targets = set(_TARGET.findall((REPOSITORY / "Makefile").read_text()))
    assert set(_MAKE.findall(document.read_text())) <= targets


@pytest.mark.parametrize("document", WRITTEN_FOR_DEVELOPERS, ids=name_document)
def test_every_path_that_is_named_is_there(document: Path) -> None:
    paths = set(list_named_paths(document.read_text())) - EXAMPLES
    assert document.name == "README.md" or paths
    assert [path for path in sorted(paths) if not (REPOSITORY / path).exists()] == []


def test_the_map_of_the_house_shows_every_room() -> None:
    text = CONTRIBUTING.read_text()
    shared = [path for path in (REPOSITORY / "shared").iterdir() if (path / "__init__.py").is_file()]
    rooms = [
        room.name for package in shared for room in package.iterdir() if (room / "__init__.py").is_file()
    ]
    pages = [path.name for path in (REPOSITORY / "functions/viewer/web/src").iterdir() if path.is_dir()]
    assert [package.name for package in shared if f"`shared/{package.name}/`" not in text] == []
    assert [name for name in rooms if f"`{name}/`" not in text and name not in LAYERS] == []
    assert [name for name in pages if f"`{name}/`" not in text and name != "styles"] == []


def test_every_decision_is_listed_and_has_the_same_parts() -> None:
    index = (DECISIONS / "README.md").read_text()
    pages = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")
    assert sorted(re.findall(r"\]\(([\w-]+\.md)\)", index)) == [page.name for page in pages]
    for page in pages:
        text = page.read_text()
        title = re.match(r"# (.+)\n", text)
        assert title is not None
        assert f"[{title[1]}]({page.name})" in index
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS


def test_the_readme_leads_to_who_contributes() -> None:
    assert "](CONTRIBUTING.md)" in (REPOSITORY / "README.md").read_text()


def test_the_changelog_has_what_is_not_released_first_and_versions_with_a_day() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text()
    first, *released = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert first == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", heading) for heading in released)
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    version = re.search(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert released[0].startswith(f"[{version[1]}]")
