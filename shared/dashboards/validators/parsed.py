"""A dashboard file as validators see it: text, data, definition when the shape is right, and its content's identity."""

import hashlib
import json
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.definition.limits import DEFAULT_LIMITS, ValidationLimits
from shared.dashboards.diagnostics.diagnostic import Diagnostic
from shared.dashboards.keys import blob_folder, dashboard_path
from shared.dashboards.yaml.positions import PositionMap, join_pointer
from shared.dashboards.yaml.reading import YamlData


@dataclass(frozen=True)
class DashboardSource:
    """One file to validate.

    `path` names it in diagnostics. `files` holds the SQL files it may refer to, by the path written after
    `file:`; `file_errors` says why one of them was not read (for example a symbolic link that leads out).
    `unread_bytes` is the size of a file too large to be read, whose `text` is then empty: a part of a file must
    never be taken for the whole.
    """

    path: str
    text: str | bytes
    files: Mapping[str, str] = field(default_factory=dict)
    file_errors: Mapping[str, str] = field(default_factory=dict)
    unread_bytes: int | None = None


@dataclass(frozen=True)
class ParsedDashboard:
    """What reading one source gave.

    `definition` is None when the shape is wrong; `data` then still holds what could be read, so that
    validators find everything at once; `unreadable` has the pointers of values that reading refused, which are
    None in `data`. `sql_texts` has the SQL of every query that has one, by name, and
    `diagnostics` what reading and the shape gave.
    """

    source: DashboardSource
    data: YamlData
    definition: DashboardDefinition | None
    diagnostics: tuple[Diagnostic, ...]
    positions: PositionMap
    sql_texts: Mapping[str, str]
    limits: ValidationLimits = DEFAULT_LIMITS
    unreadable: frozenset[str] = frozenset()

    @property
    def root(self) -> dict[str, YamlData]:
        """The file's mapping; empty when it is none."""
        return self.data if isinstance(self.data, dict) else {}

    @property
    def slug(self) -> str | None:
        """The slug as written, if it is text."""
        slug = self.root.get("slug")
        return slug if isinstance(slug, str) else None

    def queries(self) -> Iterator[tuple[str, str, dict[str, YamlData]]]:
        """Pointer, name and mapping of every query that is a mapping."""
        queries = self.root.get("queries")
        for name, query in (queries if isinstance(queries, dict) else {}).items():
            if isinstance(query, dict):
                yield join_pointer("/queries", name), name, query

    def query_names(self) -> list[str]:
        """The names of all queries, also of those that are not well formed."""
        queries = self.root.get("queries")
        return list(queries) if isinstance(queries, dict) else []

    def charts(self) -> Iterator[tuple[str, dict[str, YamlData]]]:
        """Pointer and mapping of every chart that is a mapping."""
        return self.items("charts")

    def parameters(self) -> Iterator[tuple[str, dict[str, YamlData]]]:
        """Pointer and mapping of every parameter that is a mapping."""
        return self.items("parameters")

    def layout_rows(self) -> Iterator[tuple[str, list[tuple[str, dict[str, YamlData]]]]]:
        """Pointer of every row of the layout, with the pointers and mappings of its cells."""
        layout = self.root.get("layout")
        for index, row in enumerate(layout if isinstance(layout, list) else []):
            if isinstance(row, list):
                pointer = f"/layout/{index}"
                cells = [(f"{pointer}/{at}", cell) for at, cell in enumerate(row) if isinstance(cell, dict)]
                yield pointer, cells

    def items(self, key: str) -> Iterator[tuple[str, dict[str, YamlData]]]:
        """Pointer and mapping of every item of a top-level list that is a mapping."""
        items = self.root.get(key)
        for index, item in enumerate(items if isinstance(items, list) else []):
            if isinstance(item, dict):
                yield f"/{key}/{index}", item

    def sql_path(self, query_name: str) -> str | None:
        """The path, for diagnostics, of the SQL file of a query; None when its SQL is in this file."""
        queries = self.root.get("queries")
        query = queries.get(query_name) if isinstance(queries, dict) else None
        name = query.get("file") if isinstance(query, dict) else None
        return str(PurePosixPath(self.source.path).parent / name) if isinstance(name, str) else None


def collect_sql(source: DashboardSource, data: YamlData) -> dict[str, str]:
    """The SQL of every query of `data`, by name: written in place, or found among the source's files."""
    queries = data.get("queries") if isinstance(data, dict) else None
    texts = {}
    for name, query in (queries if isinstance(queries, dict) else {}).items():
        sql = query.get("sql") if isinstance(query, dict) else None
        file = query.get("file") if isinstance(query, dict) else None
        if isinstance(sql, str) and file is None:
            texts[name] = sql
        elif isinstance(file, str) and sql is None and file in source.files:
            texts[name] = source.files[file]
    return texts


def read_text(source: DashboardSource) -> str:
    """The YAML text; bytes are read as UTF-8, without a byte order mark."""
    text = source.text.decode() if isinstance(source.text, bytes) else source.text
    return text.removeprefix("\ufeff")


def unify_line_breaks(text: str) -> str:
    """`text` with LF after every line: which break an editor or Git puts there is no part of what it says."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_same_content(one: bytes | None, other: bytes | None) -> bool:
    """Whether two files say the same: neither line breaks nor a byte order mark count; None is no file."""
    return _strip_marks(one) == _strip_marks(other)


def list_named_files(parsed: ParsedDashboard) -> dict[str, str]:
    """The SQL files that the queries name, by the path written there; what else was sent is not content."""
    names = {query.get("file") for _, _, query in parsed.queries()}
    return {name: text for name, text in sorted(parsed.source.files.items()) if name in names}


def list_content_blobs(slug: str, yaml_text: str, files: dict[str, str]) -> dict[str, bytes]:
    """The files of a dashboard by their path in the store: the YAML, then the SQL files by name."""
    sql = {f"{blob_folder(slug)}/{name}": text.encode() for name, text in sorted(files.items())}
    return {dashboard_path(slug): yaml_text.encode(), **sql}


def hash_content(parsed: ParsedDashboard) -> str:
    """SHA-256 (hex) over the YAML text and the SQL files; neither the order of files nor line breaks matter."""
    files = [[name, unify_line_breaks(text)] for name, text in sorted(list_named_files(parsed).items())]
    content = [unify_line_breaks(read_text(parsed.source)), files]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def _strip_marks(content: bytes | None) -> bytes | None:
    if content is None:
        return None
    return content.removeprefix(BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
