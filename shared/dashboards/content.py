"""The identity of a dashboard's content: the YAML text and the SQL files it names."""

import hashlib
import json

from shared.dashboards.keys import blob_folder, dashboard_path
from shared.dashboards.parsed import DashboardSource, ParsedDashboard


def read_text(source: DashboardSource) -> str:
    """The YAML text; bytes are read as UTF-8, without a byte order mark."""
    text = source.text.decode() if isinstance(source.text, bytes) else source.text
    return text.removeprefix("\ufeff")


def list_named_files(parsed: ParsedDashboard) -> dict[str, str]:
    """The SQL files that the queries name, by the path written there; what else was sent is not content."""
    names = {query.get("file") for _, _, query in parsed.queries()}
    return {name: text for name, text in sorted(parsed.source.files.items()) if name in names}


def list_content_blobs(slug: str, yaml_text: str, files: dict[str, str]) -> dict[str, bytes]:
    """The files of a dashboard by their path in the store: the YAML, then the SQL files by name."""
    sql = {f"{blob_folder(slug)}/{name}": text.encode() for name, text in sorted(files.items())}
    return {dashboard_path(slug): yaml_text.encode(), **sql}


def hash_content(parsed: ParsedDashboard) -> str:
    """SHA-256 (hex) over the YAML text and the SQL files; the order of files does not matter."""
    content = [read_text(parsed.source), sorted(list_named_files(parsed).items())]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
