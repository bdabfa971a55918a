"""The normal form of SQL: equal for texts that differ only in layout, comments and the case of reserved words."""

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

# https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords: only these words
# can never be names, so only their case is free. `date` may be a column whose case shows in the result.
RESERVED_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE
    CURRENT DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH
    FOLLOWING FOR FROM FULL GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS
    JOIN LATERAL LEFT LIKE LIMIT LOOKUP MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER
    PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT
    TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN WHERE WINDOW WITH WITHIN
        """,
    )
)
_QUOTED_TOKENS = frozenset(
    {
        "STRING",
        "RAW_STRING",
        "BYTE_STRING",
        "HEREDOC_STRING",
        "NATIONAL_STRING",
        "UNICODE_STRING",
        "IDENTIFIER",
    }
)


def normalize_tokens(tokens: "Sequence[Token]") -> str:
    """One line of JSON: kind and content of quoted tokens, the words of all others."""
    words = []
    before = ""
    for token in tokens:
        kind = token.token_type.name
        if kind in _QUOTED_TOKENS:
            words.append([kind, token.text])
        elif kind == "VAR" and before == "PARAMETER":
            words.append(["", token.text.lower()])
        else:
            words.append(["", _normalize_word(token.text, before)])
        before = kind
    while words and words[-1] == ["", ";"]:
        words.pop()
    return json.dumps(words, ensure_ascii=False, separators=(",", ":"))


def _normalize_word(text: str, before: str) -> str:
    words = text.split()
    if before != "DOT" and all(word.upper() in RESERVED_WORDS for word in words):
        words = [word.upper() for word in words]
    return " ".join(words)
