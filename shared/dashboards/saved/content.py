"""The identity of a dashboard's content: the YAML text and the SQL files it names."""

import hashlib
import json
from codecs import BOM_UTF8

from shared.dashboards.keys import blob_folder, dashboard_path
from shared.dashboards.validators.parsed import DashboardSource, ParsedDashboard


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
