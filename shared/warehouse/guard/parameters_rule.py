"""The rule about what stands for a value: named parameters."""

from collections.abc import Iterator, Sequence

from shared.errors import SqlInvalidError, SqlNotAllowedError
from shared.sql.lexer import Lexeme
from shared.sql.violations import Violation


class ParameterRule:
    """Values arrive as named parameters; positional ones, system variables and hints do not."""

    def find(self, lexemes: Sequence[Lexeme]) -> Iterator[Violation]:
        """Every `?`, `@@variable` and `@` without a name."""
        for index, lexeme in enumerate(lexemes):
            if lexeme.text == "?":
                message = "Positional parameters are not supported; name it, as in @origin."
                yield Violation(SqlNotAllowedError, "positional_parameter", message, "?", lexeme.start)
            elif lexeme.text == "@" and (index == 0 or lexemes[index - 1].text != "@"):
                following = lexemes[index + 1] if index + 1 < len(lexemes) else None
                if following is not None and following.text == "@":
                    name = lexemes[index + 2].text if index + 2 < len(lexemes) else ""
                    message = f"System variables such as @@{name} belong to scripts and are not read here."
                    yield Violation(SqlNotAllowedError, "system_variable", message, f"@@{name}", lexeme.start)
                elif following is None or following.kind not in ("word", "quoted"):
                    message = "A parameter is @ and a name."
                    yield Violation(SqlInvalidError, "syntax", message, "@", lexeme.start)
