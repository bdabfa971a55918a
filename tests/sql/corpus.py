"""Queries to hold against Google's analyser: one a line of `corpus/*.sql`, with a note where the two may differ.

`-- left to the dry run: why`: the analyser refuses it for something no text says, names or types.
`-- stricter than the analyser: why`: the guard refuses what the analyser takes.
`-- differs: kind`: both take it, names or edges are told otherwise; docs/sql.md explains each kind.
`-- local: kind`, behind such a note or alone: the local stack's dry run fails, or tells names or types otherwise.
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
CANNOT_RUN = {
    "array": "An array's fields by their own names in a subquery, `FROM UNNEST(items) WHERE price > 1`: write "
    "`FROM UNNEST(items) AS i WHERE i.price > 1`.",
    "by name": "BY NAME with INTERSECT, FULL, LEFT or a list of columns.",
    "fields": "A field of a STRUCT that is a row (`SELECT AS STRUCT`, `SELECT AS VALUE`); `.*` of a column's field.",
    "form": "A form of an expression: `WITH(…)`, a chained call with `SAFE`, `SAFE.NET.`, `rb''`, a keyword as field.",
    "forward": "WITH RECURSIVE whose first query names a later one.",
    "function": "`ARRAY_FILTER`, `KLL_QUANTILES`, `HLL_COUNT.INIT` with a precision, `ST_CENTROID_AGG`, `ST_GEOHASH`.",
    "levels": "An aggregate of aggregates.",
    "past": "`FOR SYSTEM_TIME AS OF` a moment before the table was there; BigQuery refuses that as well, the analyser "
    "knows of no history.",
    "pipe": "The pipe operators ASSERT, DROP, RENAME, SET, WINDOW and WITH; an alias of the first FROM; pipes within a "
    "set operation or behind GROUP BY.",
    "threshold": "`WITH AGGREGATION_THRESHOLD`.",
}
"""What the local stack's dry run refuses although BigQuery takes it."""
ANSWERS_OTHERWISE = {
    "matching": "INNER UNION ALL BY NAME and UNION ALL CORRESPONDING return the columns of both sides, not those that "
    "both have: the result has more columns, in part NULL, than BigQuery's.",
    "member": "A column in a STRUCT(…) of a subquery gives its field no name, `_field_1`, save in ARRAY_AGG: write "
    "`STRUCT(carrier AS carrier)`.",
    "unnamed": "A value without a name is called as it is written, `count_star()`, in some pipe queries; "
    "BigQuery calls it `f0_`.",
    "value table": "`SELECT * FROM (SELECT AS STRUCT …)` is one column, not one for each field.",
}
"""What the local stack's dry run names or types in another way than BigQuery."""
_LOCAL = re.compile(r" -- local: (.*)$")
_NOTE = re.compile(r" -- (left to the dry run|stricter than the analyser|differs): (.*)$")


@dataclass(frozen=True)
class CorpusQuery:
    """One query, where it stands, and its notes: what about (`verdict` of the three kinds above) and why; `local`."""

    place: str
    sql: str
    verdict: str = ""
    reason: str = ""
    local: str = ""


def read_corpus() -> list[CorpusQuery]:
    """All queries of the folder."""
    return [
        _read_line(f"{path.stem}:{number}", line)
        for path in sorted(FOLDER.glob("*.sql"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line and not line.startswith("--")
    ]


def read_accepted() -> list[CorpusQuery]:
    """The queries that both the guard and the analyser take: tests/sql/test_corpus.py says that they do."""
    return [
        query
        for query in read_corpus()
        if not query.place.startswith("refused:") and query.verdict != "left to the dry run"
    ]


def _read_line(place: str, line: str) -> CorpusQuery:
    local = _LOCAL.search(line)
    rest = line[: local.start()] if local else line
    note = _NOTE.search(rest)
    sql = rest[: note.start()] if note else rest
    verdict, reason = note.groups() if note else ("", "")
    return CorpusQuery(place, sql, verdict, reason, local[1] if local else "")
