"""Text as a YAML scalar, for the edits that diagnostics offer."""

import json
import re

from shared.dashboards.yaml.reading import read_plain

# Narrower than YAML: nothing that means something at the beginning of a scalar or between brackets.
_SAFE_PLAIN = re.compile(r"\w[\w./+<>*()$%-]*( [\w./+<>*()$%-]+)*")
_UNPRINTABLE = re.compile(
    r"[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def write_scalar(text: str, style: str) -> str:
    """`text` in the style given (plain, ' or "), or in quotes where that would not read back as the same text."""
    if style == '"' or _UNPRINTABLE.search(text):
        quoted = json.dumps(text, ensure_ascii=False)
        return _UNPRINTABLE.sub(lambda match: f"\\U{ord(match.group()):08x}", quoted)
    if style == "plain" and _SAFE_PLAIN.fullmatch(text) and _is_text(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def _is_text(plain: str) -> bool:
    try:
        return isinstance(read_plain(plain), str)
    except OverflowError:  # a number, though one that is refused
        return False
