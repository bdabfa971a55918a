"""Queries to hold against Google's analyser: one a line of `corpus/*.sql`, with a note where the two may differ.

`-- left to the dry run: why`: the analyser refuses it for something no text says, names or types.
`-- stricter than the analyser: why`: the guard refuses what the analyser takes.
`-- differs: kind`: both take it, names or edges are told otherwise; docs/sql.md explains each kind.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("corpus")
KINDS = {
    "using": "A column joined by USING is drawn from both tables; the analyser names the left one save in FULL JOIN.",
    "row": "A whole row, such as `a` in `SELECT a FROM t AS a`, is drawn from `t#*`; the analyser lists its columns.",
    "struct": "The fields of `SELECT AS STRUCT` are columns, each with its own edges; the analyser has one value.",
    "levels": "An aggregate of aggregates is drawn from its own groups; the analyser adds those of the query around.",
}
"""What may differ where both take a query, by the word in the note."""
_NOTE = re.compile(r" -- (left to the dry run|stricter than the analyser|differs): (.*)$")


@dataclass(frozen=True)
class CorpusQuery:
    """One query, where it stands, and its note: what about (`verdict` of the three kinds above) and why."""

    place: str
    sql: str
    verdict: str = ""
    reason: str = ""


def read_corpus() -> list[CorpusQuery]:
    """All queries of the folder."""
    found = []
    for path in sorted(FOLDER.glob("*.sql")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            note = _NOTE.search(line)
            sql = line[: note.start()] if note else line
            if sql and not sql.startswith("--"):
                found.append(CorpusQuery(f"{path.stem}:{number}", sql, *(note.groups() if note else ())))
    return found
