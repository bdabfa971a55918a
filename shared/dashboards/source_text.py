"""The text of a file: decoded, bounded, and free of characters that would move positions."""

import re

from shared.dashboards.diagnostics import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.positions import LineIndex

# Besides control characters: U+0085, U+2028 and U+2029 are line breaks to YAML 1.1 parsers and not to
# editors, so lines would be counted differently; surrogates are not text.
_REFUSED = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_BOM = "\ufeff"


def decode_source(path: str, content: str | bytes, max_bytes: int) -> tuple[str, Diagnostic | None]:
    """The text without its byte order mark, and the first thing wrong with it, if any."""
    size = len(content) if isinstance(content, bytes) else len(content.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        return "", _too_large(path, size, max_bytes)
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8") if isinstance(content, bytes) else ""
        return "", _bad_character(path, before, f"byte 0x{error.object[error.start]:02x} is not UTF-8")
    text = text.removeprefix(_BOM)
    refused = _REFUSED.search(text)
    if refused:
        name = f"the character U+{ord(refused.group()):04X} is not accepted"
        return "", _bad_character(path, text[: refused.start()], name)
    return text, None


def _too_large(path: str, size: int, max_bytes: int) -> Diagnostic:
    return Diagnostic(
        DiagnosticCode.YAML_TOO_LARGE, Severity.ERROR,
        f"the file has {size} bytes; at most {max_bytes} are read",
        "Split the dashboard, or move long SQL to files.",
        path, 1, 1, 1, 1,
    )  # fmt: skip


def _bad_character(path: str, before: str, message: str) -> Diagnostic:
    line, column = LineIndex(before).locate(len(before))
    return Diagnostic(
        DiagnosticCode.YAML_ENCODING, Severity.ERROR, message,
        "Save the file as UTF-8 without control characters.",
        path, line, column, line, column + 1,
    )  # fmt: skip
