"""What YAML takes from a text without a word: a line break that ended a comment, and all behind ` #`."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.validators.base import report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.sql_positions import locate_sql
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.scalar_offsets import map_scalar
from shared.errors import AlmanacError
from shared.sql.lexer import read_lexemes

_COMMENT = re.compile(r"(?P<line>(?:--|#)[^\r\n]*)|/\*.*?\*/", re.DOTALL)
# `Top #5 shops` is meant as text; `Shops  # of the north` as a comment.
_CUT = re.compile(r"[ \t]+(#[^\s#][^\r\n]*)")
_TEXT_KEYS = frozenset({"title", "description", "label", "unit"})


def find_swallowed(document: ParsedDashboard, query: str, sql: str) -> Iterator[Diagnostic]:
    """An error at each comment to which a folded scalar adds the lines behind it, which the query then lacks."""
    node = document.positions.nodes.get(join_pointer("/queries", query, "sql"))
    if node is None or node.style == "|" or document.sql_path(query) is not None:
        return
    offsets = None
    for start, end in _find_line_comments(sql):
        offsets = offsets or map_scalar(document.positions.text, node, sql)
        if offsets is None:
            return
        written = document.positions.text[offsets[start] : offsets[end - 1] + 1]
        _, line_break, lost = written.partition("\n")
        if line_break and lost.strip():
            place = locate_sql(document, query, start, start + (1 if sql[start] == "#" else 2))
            yield report(
                document,
                DiagnosticCode.SQL_SWALLOWED,
                f"this comment takes in the lines behind it, {lost.split()[0]!r} and on: YAML joins them to one line",
                "Write the SQL behind 'sql: |', which keeps line breaks.",
                place.pointer,
                span=place.span,
                path=place.path,
                received=" ".join(lost.split())[:80],
            )


def _find_line_comments(sql: str) -> Iterator[tuple[int, int]]:
    """Start and end of every comment that only a line break ends."""
    if "--" not in sql and "#" not in sql:
        return
    try:
        lexemes = read_lexemes(sql).lexemes
    except AlmanacError:
        return  # the guard says what is wrong
    edges = [0, *(edge for lexeme in lexemes for edge in (lexeme.start, lexeme.end)), len(sql)]
    for start, end in list(pairwise(edges))[::2]:
        for comment in _COMMENT.finditer(sql, start, end):
            if comment["line"]:
                yield comment.span()


class CutTextValidator:
    """Titles and other texts for readers, of which YAML kept what stands before ` #`."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """A warning at each such rest."""
        text = document.positions.text
        if " #" not in text and "\t#" not in text:
            return
        for pointer, node in document.positions.nodes.items():
            if node.style == "plain" and pointer.rpartition("/")[2] in _TEXT_KEYS:
                cut = _CUT.match(text, node.end)
                if cut:
                    yield report(
                        document,
                        DiagnosticCode.TEXT_CUT,
                        f"the text ends before {cut[1].rstrip()!r}, which YAML reads as a comment",
                        "Put the text in quotes, or a space behind the #, if it is a comment.",
                        pointer,
                        span=document.positions.lines.span(cut.start(1), cut.end(1)),
                        severity=Severity.WARNING,
                        received=cut[1].rstrip()[:80],
                    )
