"""The normal form of SQL: equal for texts that differ only in layout, comments and the case of reserved words."""

import json
from collections.abc import Sequence

from shared.sql.lexer import Lexeme
from shared.sql.words import RESERVED_WORDS


def normalize(lexemes: Sequence[Lexeme]) -> str:
    """One line of JSON: kind and text of every lexeme, without semicolons at the end.

    The kind counts: a number is not the name that reads like it. Only the case of reserved words is free, because
    only they are never names: `date` may be a column whose case shows in the result. Parameters have no case.
    """
    words: list[tuple[str, str]] = []
    before = ""
    for lexeme in lexemes:
        text = lexeme.text
        if lexeme.kind == "word" and before == "@":
            text = text.lower()
        elif lexeme.kind == "word" and before != "." and lexeme.upper in RESERVED_WORDS:
            text = lexeme.upper
        words.append((lexeme.kind, text))
        before = lexeme.text
    while words and words[-1] == ("symbol", ";"):
        words.pop()
    return json.dumps(words, ensure_ascii=False, separators=(",", ":"))
