"""What writers of other dialects of SQL mean, by the words at which the parser stops, and how BigQuery says it.

https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax and the pages on operators and functions.
"""

from collections.abc import Sequence

_WORDS = {
    "ILIKE": "Write LOWER(a) LIKE LOWER('x').",
    "RLIKE": "Write REGEXP_CONTAINS(a, r'x').",
    "REGEXP": "Write REGEXP_CONTAINS(a, r'x').",
    "GLOB": "Write REGEXP_CONTAINS(a, r'x'), or LIKE with % and _.",
    "SIMILAR": "Write REGEXP_CONTAINS(a, r'x').",
    "TOP": "Write LIMIT and the number at the end of the query.",
    "FETCH": "Write LIMIT and the number.",
    "MINUS": "Write EXCEPT DISTINCT.",
    "EXCLUDE": "Write * EXCEPT (a).",
    "GROUP": "Write GROUP BY.",
    "ORDER": "Write ORDER BY.",
    "PARTITION": "Write PARTITION BY.",
    "CONNECT": "Write WITH RECURSIVE.",
    "START": "Write WITH RECURSIVE.",
    "USING": "Write TABLESAMPLE SYSTEM (3 PERCENT) for a sample, USING (a) behind a JOIN.",
}
_PAIRS = {
    ("DISTINCT", "ON"): "Write QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) = 1.",
    ("UNION", "SELECT"): "Write UNION ALL or UNION DISTINCT.",
    ("EXCEPT", "SELECT"): "Write EXCEPT DISTINCT.",
    ("INTERSECT", "SELECT"): "Write INTERSECT DISTINCT.",
    (":", ":"): "Write CAST(a AS type).",
    ("-", ">"): "Write JSON_VALUE(a, '$.x') or JSON_QUERY(a, '$.x').",
}
_SYMBOLS = {"~": "Write REGEXP_CONTAINS(a, r'x')."}


def find_remedy(before: Sequence[str], found: str, following: str) -> str | None:
    """What to write instead, where the parser stopped at `found` behind the words `before`; None when nobody knows."""
    last = before[-1] if before else ""
    pair = _PAIRS.get((last, found)) or _PAIRS.get((found, following))
    if pair is not None:
        return pair
    if found == "," and "LIMIT" in before[-2:]:
        return "Write LIMIT 10 OFFSET 5, the number of rows first."
    if found == ">" and before[-1:] == ["<="]:
        return "Write IS NOT DISTINCT FROM."
    return _SYMBOLS.get(found) or _WORDS.get(found) or _WORDS.get(last)
