"""What a rule found, and how it becomes an error."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from shared.errors import AlmanacError, SqlInvalidError, SqlNotAllowedError, TableNotAllowedError

GuardError = type[SqlInvalidError] | type[SqlNotAllowedError] | type[TableNotAllowedError]


@dataclass(frozen=True)
class Violation:
    """One thing the guard refuses.

    `offset` counts characters from the start of the SQL; `found` is what was refused as it is written
    there; `rule` names the rule in the words of the API.
    """

    error: GuardError
    rule: str
    message: str
    found: str
    offset: int
    remediation: str | None = None
    suggestion: str | None = None


class LineIndex:
    """Turns offsets of one text into line and column, both counted from 1 as BigQuery does."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._end = len(text)

    def locate(self, offset: int) -> tuple[int, int]:
        """Line and column of `offset`; offsets beyond the end mean the end."""
        bounded = max(0, min(offset, self._end))
        line = bisect_right(self._starts, bounded)
        return line, bounded - self._starts[line - 1] + 1

    def offset_of(self, line: int, column: int) -> int:
        """The offset of a line and column counted from 1, within the text."""
        start = self._starts[min(max(line, 1), len(self._starts)) - 1]
        return min(start + max(column, 1) - 1, self._end)


def raise_violations(sql: str, violations: Iterable[Violation]) -> None:
    """Raise one error for all violations, or return when there are none.

    A statement that may not run outranks one that cannot be read, which outranks a table that may not be
    read; `details` lists every violation of the raised kind in the order of the text.
    """
    unique = {(violation.offset, violation.rule): violation for violation in violations}
    found = sorted(unique.values(), key=lambda violation: (_RANK[violation.error], violation.offset))
    if found:
        raise make_error(sql, [violation for violation in found if violation.error is found[0].error])


_RANK: dict[GuardError, int] = {SqlNotAllowedError: 0, SqlInvalidError: 1, TableNotAllowedError: 2}


def make_error(sql: str, violations: list[Violation]) -> AlmanacError:
    """The error of the first violation's kind, with all of them in `details`."""
    lines = LineIndex(sql)
    details: list[dict[str, object]] = []
    for violation in violations:
        line, column = lines.locate(violation.offset)
        detail: dict[str, object] = {
            "line": line, "column": column, "found": violation.found, "rule": violation.rule,
            "message": violation.message,
        }  # fmt: skip
        more = {"remediation": violation.remediation, "suggestion": violation.suggestion}
        details.append(detail | {key: value for key, value in more.items() if value is not None})
    first = violations[0]
    message = f"{first.message} (line {details[0]['line']}, column {details[0]['column']})"
    return first.error(message, remediation=first.remediation, details=details)
